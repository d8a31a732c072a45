"""Pairs of lines from two files each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.checks import at_least, share, shares
from hone.tasks.finetuning.losses import IGNORED
from hone.tasks.lines import digests_of, read_lines
from hone.tasks.text.batches import LengthGroupedSampler
from hone.tasks.tokenization import load_tokenizer, special_ids, trained_tokenizer

Batch = tuple[dict[str, Tensor], Tensor]
Pairs = list[tuple[str, str]]


class PairData(pl.LightningDataModule):
    """Tokens of texts, and of what they are to become.

    Args:
        train: Two text files, plain or gzipped, whose lines belong together: source and target.
        val: Likewise; null for a share of train.
        test: Likewise; null for a share of train.
        tokenizer: Hub name or folder of a tokenizer; null to train one on both sides of the training split.
        vocab_size: The most tokens of one that is trained.
        cache: Folder in which trained tokenizers are kept.
        prefix: Put before each source, such as ``translate English to German: `` for T5.
        max_length: Tokens beyond are cut off, on both sides.
        val_fraction: Share of train to validate on where ``val`` is null, in (0, 1).
        test_fraction: Share of train to test on where ``test`` is null, in (0, 1).
        train_fraction: Share of the training split to use, in (0, 1].
        split_seed: Decides which pair is in which split.
        batch_size: Pairs in a batch.
        num_workers: Processes that load batches; the pairs lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        train: Sequence[str] | None = None,
        val: Sequence[str] | None = None,
        test: Sequence[str] | None = None,
        tokenizer: str | None = None,
        vocab_size: int = 4000,
        cache: str = "~/.cache/hone/tokenizers",
        prefix: str = "",
        max_length: int = 64,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_fraction: float = 1.0,
        split_seed: int = 0,
        batch_size: int = 64,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size)
        at_least(2, max_length=max_length)
        at_least(8, vocab_size=vocab_size)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        share(train_fraction=train_fraction)
        self.files = {"train": train, "val": val, "test": test}
        for name, files in self.files.items():
            if files is not None and len(files) != 2:
                raise DataError(f"needs two files, source and target, not {len(files)}", where=f"data.{name}")
        self.given_tokenizer, self.most_tokens, self.cache = tokenizer, vocab_size, cache
        self.prefix, self.max_length = prefix, max_length
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.train_fraction, self.split_seed = train_fraction, split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, EncodedPairs] = {}

    @property
    def token_ids(self) -> dict[str, int]:
        """Size of the vocabulary and special tokens, by the names that configs of transformers' have for them."""
        known = special_ids(self.tokenizer)
        # Marian and T5 begin an answer with padding.
        return known | {"decoder_start_token_id": known["pad_token_id"], "decoder_vocab_size": known["vocab_size"]}

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode everything, once.

        Raises:
            DataError: A file or tokenizer is missing or wrong, or files do not have the same number of lines.
        """
        if self.splits:
            return
        if self.files["train"] is None:
            raise DataError("name two files, source and target", where="data.train")
        pairs = self._split({name: self._read(name) for name, files in self.files.items() if files is not None})
        texts = [text for pair in pairs["train"] for text in pair]
        folder = self.given_tokenizer or trained_tokenizer(texts, self.most_tokens, self.cache)
        self.tokenizer = load_tokenizer(folder, "data.tokenizer")
        self.splits = {name: self._encode(part) for name, part in pairs.items()}

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of tokens, padding of either kind left out."""
        shown = tokens.masked_fill(tokens == IGNORED, self.tokenizer.pad_token_id).tolist()
        return [self.tokenizer.decode(one, skip_special_tokens=True).strip() for one in shown]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches of pairs of like length."""
        split = self.splits["train"]
        return self._loader("train", LengthGroupedSampler(split.lengths, self.batch_size))

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split in order."""
        return self._loader("val", None)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self._loader("test", None)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self.test_dataloader()

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return digests_of(file for files in self.files.values() for file in files or ())

    def _read(self, name: str) -> Pairs:
        files, key = self.files[name] or (), f"data.{name}"
        sources, targets = (read_lines(file, key) for file in files)
        if len(sources) != len(targets):
            raise DataError(f"{files[0]} has {len(sources)} lines, {files[1]} has {len(targets)}", where=key)
        return list(zip(sources, targets, strict=True))

    def _split(self, pairs: dict[str, Pairs]) -> dict[str, Pairs]:
        """Cut from train what is not given, and the share of it that is to be used."""
        train = pairs["train"]
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(self.split_seed)).tolist()
        for name in ("val", "test"):
            if name not in pairs:
                count = max(1, round(self.fractions[name] * len(train)))
                pairs[name] = [train[one] for one in sorted(order[:count])]
                order = order[count:]
        if not order:
            raise DataError("has too few lines to cut the other splits from", where="data.train")
        used = order[: max(1, round(self.train_fraction * len(order)))]
        return pairs | {"train": [train[one] for one in sorted(used)]}

    def _encode(self, pairs: Pairs) -> EncodedPairs:
        cut = {"truncation": True, "max_length": self.max_length}
        sources = self.tokenizer([self.prefix + source for source, _ in pairs], **cut)["input_ids"]
        targets = self.tokenizer(text_target=[target for _, target in pairs], **cut)["input_ids"]
        return EncodedPairs(sources, targets, self.tokenizer.pad_token_id)

    def _loader(self, name: str, sampler: Any) -> DataLoader[Batch]:
        split = self.splits[name]
        return DataLoader(
            split, batch_size=self.batch_size, sampler=sampler, num_workers=self.num_workers, collate_fn=_as_it_is
        )


class EncodedPairs(Dataset[Batch]):
    """Tokens of pairs in memory, padded batch by batch.

    Args:
        sources: Tokens of each source.
        targets: Tokens of each target.
        pad_id: What shorter sources are filled with; targets are filled with -100.
    """

    def __init__(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], pad_id: int) -> None:
        self.sources = [torch.tensor(one, dtype=torch.long) for one in sources]
        self.targets = [torch.tensor(one, dtype=torch.long) for one in targets]
        self.lengths = [len(one) + len(other) for one, other in zip(sources, targets, strict=True)]
        self.pad_id = pad_id

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Batch:
        inputs, labels = self.__getitems__([index])
        return {name: one[0] for name, one in inputs.items()}, labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        sources = [self.sources[one] for one in indices]
        padded = pad_sequence(sources, batch_first=True, padding_value=self.pad_id)
        mask = pad_sequence([torch.ones_like(one) for one in sources], batch_first=True)
        labels = pad_sequence([self.targets[one] for one in indices], batch_first=True, padding_value=IGNORED)
        return {"input_ids": padded, "attention_mask": mask}, labels


def _as_it_is(batch: Any) -> Any:
    return batch
