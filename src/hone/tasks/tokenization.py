"""Tokenizers of pieces of words: pretrained ones, and ones that are trained on the data and kept in a folder."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hone.errors import DataError
from hone.tasks.extras import import_extra
from hone.tasks.pretrained import load_pretrained

PAD, BEGIN, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
# Part of what a folder is named by: a change of what is trained below must not find the old ones.
VERSION = "1"


def load_tokenizer(name: str, where: str, extra: str = "text") -> Any:
    """Load a tokenizer.

    Args:
        name: A hub name or a local folder.
        where: The config key that holds it, for messages.
        extra: The extra of hone that brings what this needs.

    Returns:
        A tokenizer of transformers', with padding.

    Raises:
        DataError: There is none.
    """

    def load(place: str) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(place)

    tokenizer = load_pretrained(load, name, DataError, where, extra)
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
        # GPT-2 and its kin have no padding; what ends a text is in no text.
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def trained_tokenizer(texts: Sequence[str], vocab_size: int, cache: str) -> str:
    """Train a tokenizer of byte pairs, or find the one that was trained on the same texts before.

    Args:
        texts: The training split's.
        vocab_size: The most tokens; there are fewer where the texts are few.
        cache: Folder in which tokenizers are kept.

    Returns:
        The folder of this one, as ``AutoTokenizer`` and ``data.tokenizer`` take it.

    Raises:
        DataError: ``tokenizers`` is not installed, or the folder cannot be written.

    Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016.
    """
    digest = hashlib.sha256(repr((VERSION, vocab_size)).encode())
    for text in texts:
        digest.update(text.encode() + b"\0")
    root = Path(cache).expanduser()
    folder = root / digest.hexdigest()[:20]
    if folder.is_dir():
        return str(folder)
    built = _train(texts, vocab_size)
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=root))
        built.save_pretrained(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            # Another process was quicker, with the same tokenizer.
            shutil.rmtree(temporary)
    except OSError as error:
        raise DataError(f"cannot write {root}: {error.strerror}", where="data.cache") from error
    return str(folder)


def special_ids(tokenizer: Any) -> dict[str, int]:
    """Special tokens and the size of the vocabulary, by the names that configs of transformers' have for them."""
    found = {f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("pad", "bos", "eos")}
    known = {name: number for name, number in found.items() if number is not None}
    return {"vocab_size": len(tokenizer), **known}


def _train(texts: Sequence[str], vocab_size: int) -> Any:
    library = import_extra("tokenizers", "text", "data.tokenizer")
    transformers = import_extra("transformers", "text", "data.tokenizer")
    tokenizer = library.Tokenizer(library.models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, BEGIN, END, UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = library.processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, end)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BEGIN, eos_token=END, unk_token=UNKNOWN
    )
