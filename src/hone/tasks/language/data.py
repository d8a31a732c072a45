"""Text files as one row of tokens, cut into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.checks import at_least, share, shares
from hone.tasks.lines import digests_of, read_lines
from hone.tasks.tokenization import load_tokenizer, special_ids, trained_tokenizer

Batch = tuple[dict[str, Tensor], Tensor]
ENCODED_AT_ONCE = 2000


class LanguageData(pl.LightningDataModule):
    """Blocks of tokens; a line is a text, and ends with the token that ends one.

    Args:
        train: A text file, plain or gzipped.
        val: Likewise; null for a share of the lines of train.
        test: Likewise; null for a share of the lines of train.
        tokenizer: Hub name or folder of a tokenizer; null to train one on the training split.
        vocab_size: The most tokens of one that is trained.
        cache: Folder in which trained tokenizers are kept.
        block_size: Tokens of a block; what is left at the end of a split is left out.
        val_fraction: Share of train to validate on where ``val`` is null, in (0, 1).
        test_fraction: Share of train to test on where ``test`` is null, in (0, 1).
        train_fraction: Share of the training split to use, in (0, 1].
        split_seed: Decides which line is in which split.
        batch_size: Blocks in a batch.
        num_workers: Processes that load batches; the blocks lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        tokenizer: str | None = None,
        vocab_size: int = 2000,
        cache: str = "~/.cache/hone/tokenizers",
        block_size: int = 64,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_fraction: float = 1.0,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size)
        at_least(2, block_size=block_size)
        at_least(8, vocab_size=vocab_size)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        share(train_fraction=train_fraction)
        self.files = {"train": train, "val": val, "test": test}
        self.given_tokenizer, self.most_tokens, self.cache = tokenizer, vocab_size, cache
        self.block_size = block_size
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.train_fraction, self.split_seed = train_fraction, split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, Blocks] = {}

    @property
    def token_ids(self) -> dict[str, int]:
        """Size of the vocabulary and special tokens, by the names that configs of transformers' have for them."""
        return special_ids(self.tokenizer)

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode everything, once.

        Raises:
            DataError: A file or tokenizer is missing or wrong, or a split has not one block.
        """
        if self.splits:
            return
        if self.files["train"] is None:
            raise DataError("name a text file", where="data.train")
        read = {name: read_lines(file, f"data.{name}") for name, file in self.files.items() if file is not None}
        lines = self._split(read)
        folder = self.given_tokenizer or trained_tokenizer(lines["train"], self.most_tokens, self.cache)
        self.tokenizer = load_tokenizer(folder, "data.tokenizer")
        self.splits = {name: Blocks(self._blocks(part, name)) for name, part in lines.items()}

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split in order."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self._loader("test", shuffle=False)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self.test_dataloader()

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return digests_of(self.files.values())

    def _split(self, lines: dict[str, list[str]]) -> dict[str, list[str]]:
        """Cut from train what is not given, and the share of it that is to be used."""
        train = lines["train"]
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(self.split_seed)).tolist()
        for name in ("val", "test"):
            if name not in lines:
                count = round(self.fractions[name] * len(train))
                lines[name] = [train[one] for one in sorted(order[:count])]
                order = order[count:]
        used = order[: max(1, round(self.train_fraction * len(order)))]
        return lines | {"train": [train[one] for one in sorted(used)]}

    def _blocks(self, lines: Sequence[str], name: str) -> Tensor:
        end = self.tokenizer.eos_token_id
        row: list[int] = []
        for start in range(0, len(lines), ENCODED_AT_ONCE):
            encoded = self.tokenizer(lines[start : start + ENCODED_AT_ONCE], add_special_tokens=False)["input_ids"]
            for one in encoded:
                row += one if end is None else [*one, end]
        count = len(row) // self.block_size
        if count == 0:
            raise DataError(f"{name} has {len(row)} tokens, less than a block", where="data.block_size")
        return torch.tensor(row[: count * self.block_size]).reshape(count, self.block_size)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader[Batch]:
        split = self.splits[name]
        return DataLoader(
            split, batch_size=self.batch_size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is
        )


class Blocks(Dataset[Batch]):
    """Blocks in memory, from which a whole batch is taken at once.

    Args:
        ids: Shape (blocks, tokens).
    """

    def __init__(self, ids: Tensor) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Batch:
        return {"input_ids": self.ids[index]}, self.ids[index]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = self.ids[torch.as_tensor(indices)]
        return {"input_ids": chosen}, chosen


def _as_it_is(batch: Any) -> Any:
    return batch
