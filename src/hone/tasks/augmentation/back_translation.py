"""Texts said otherwise: translated into another language and back, once each, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from hone.errors import DataError
from hone.provenance.digests import file_digest
from hone.tasks.checks import at_least
from hone.tasks.pretrained import load_pretrained
from hone.tasks.tokenization import load_tokenizer

KEY = "data.augment.back_translation"
# Part of what a file is named by: a change of what is done below must not find what was said before.
VERSION = "1"
# What decides the answers of a model in a folder.
DECISIVE = (".safetensors", ".json", ".model", ".spm", ".txt")


class BackTranslation:
    """Says texts otherwise by two models that translate, there and back.

    Args:
        chance: That a training text is replaced by what was made of it, each time that it is learned from, in [0, 1]. 0
            for never; no model is needed then.
        there: Hub name or folder of any encoder and decoder of transformers' that translates the texts.
        back: Likewise, for the way back.
        there_prefix: Put before each text, such as ``translate English to German: `` for T5.
        back_prefix: Likewise, for the way back.
        temperature: How boldly words are drawn, at least 0; 0 takes the likeliest each time.
        seed: Decides what is drawn. What becomes of a text hangs on this and the text alone.
        max_length: Tokens beyond are cut off.
        batch_size: Texts that are translated at once.
        device: Where the models run.
        cache: Folder in which is kept what texts have become.

    Raises:
        DataError: A number is out of its range, or no models are named.

    Sources: Sennrich et al., "Improving Neural Machine Translation Models with Monolingual Data", 2016; Edunov et al.,
        "Understanding Back-Translation at Scale", 2018 (temperature).
    """

    def __init__(
        self,
        chance: float = 0.0,
        there: str | None = None,
        back: str | None = None,
        there_prefix: str = "",
        back_prefix: str = "",
        temperature: float = 0.0,
        seed: int = 0,
        max_length: int = 128,
        batch_size: int = 32,
        device: str = "cpu",
        cache: str = "~/.cache/hone/back_translation",
    ) -> None:
        if not 0 <= chance <= 1:
            raise DataError(f"must be in [0, 1], not {chance}", where=f"{KEY}.chance")
        if temperature < 0:
            raise DataError(f"must not be negative, not {temperature}", where=f"{KEY}.temperature")
        at_least(1, **{"augment.back_translation.batch_size": batch_size})
        at_least(2, **{"augment.back_translation.max_length": max_length})
        self.chance = chance
        self.ways = {"there": (there, there_prefix), "back": (back, back_prefix)}
        for way, (model, _) in self.ways.items():
            if chance and model is None:
                raise DataError("name a model that translates, by hub name or folder", where=f"{KEY}.{way}")
        self.temperature, self.seed = temperature, seed
        self.max_length, self.batch_size = max_length, batch_size
        self.device = device
        self.cache = Path(cache).expanduser()

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Say texts otherwise.

        Args:
            texts: Any texts; those that were met before are looked up.

        Returns:
            As many; a text of which nothing is left comes back as it was.

        Raises:
            DataError: A model cannot be loaded, or the cache cannot be written.
        """
        path = self.cache / f"{self._digest()}.jsonl"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One process translates, and the others find what it made.
            with FileLock(path.with_suffix(".lock")):
                known = _read(path)
                missing = sorted({one for one in texts if _name(one) not in known}, key=lambda one: (len(one), one))
                if missing:
                    known |= self._translate(missing, path)
        except OSError as error:
            raise DataError(f"cannot write {path.parent}: {error.strerror}", where=f"{KEY}.cache") from error
        return [known[_name(one)] or one for one in texts]

    def _translate(self, texts: Sequence[str], path: Path) -> dict[str, str]:
        """Translate there and back, and write down each batch as it is done."""
        print(f"translating {len(texts)} texts there and back, once", flush=True)
        there, back = (self._translator(way) for way in self.ways)
        made: dict[str, str] = {}
        with path.open("a", encoding="utf-8") as file:
            # One that was cut off by a crash is ended here.
            file.write("\n")
            for start in range(0, len(texts), self.batch_size):
                batch = texts[start : start + self.batch_size]
                for text, other in zip(batch, back(there(batch)), strict=True):
                    made[_name(text)] = other
                    file.write(json.dumps([_name(text), other]) + "\n")
                file.flush()
        return made

    def _translator(self, way: str) -> Translation:
        model, prefix = self.ways[way]
        return Translation(
            str(model), prefix, f"{KEY}.{way}", self.temperature, f"{self.seed} {way}", self.max_length, self.device
        )

    def _digest(self) -> str:
        models = {way: (_content(str(model)), prefix) for way, (model, prefix) in self.ways.items()}
        seed = self.seed if self.temperature else None
        known = json.dumps([VERSION, models, self.temperature, seed, self.max_length])
        return hashlib.sha256(known.encode()).hexdigest()[:20]


class Translation:
    """One way of a back-translation.

    Args:
        model: Hub name or folder.
        prefix: Put before each text.
        where: The config key that names the model.
        temperature: As for ``BackTranslation``.
        seed: As for ``BackTranslation``.
        max_length: As for ``BackTranslation``.
        device: As for ``BackTranslation``.

    Raises:
        DataError: It cannot be loaded.
    """

    def __init__(
        self, model: str, prefix: str, where: str, temperature: float, seed: str, max_length: int, device: str
    ) -> None:
        def load(place: str) -> Any:
            from transformers import AutoModelForSeq2SeqLM

            return AutoModelForSeq2SeqLM.from_pretrained(place, use_safetensors=True)

        self.tokenizer = load_tokenizer(model, where)
        self.model = load_pretrained(load, model, DataError, where).float().eval().to(device)
        self.prefix, self.device, self.max_length = prefix, device, max_length
        self.temperature, self.seed = temperature, seed

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Translate texts."""
        cut = {"truncation": True, "max_length": self.max_length, "padding": True, "return_tensors": "pt"}
        encoded = self.tokenizer([self.prefix + one for one in texts], **cut).to(self.device)
        named = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        bold = [Drawn(texts, self.temperature, self.seed)] if self.temperature else []
        tokens = self.model.generate(
            **named, max_new_tokens=self.max_length, num_beams=1, do_sample=False, logits_processor=bold
        )
        return [self.tokenizer.decode(one, skip_special_tokens=True).strip() for one in tokens]


class Drawn:
    """Makes the likeliest token one that was drawn, from each text's own random numbers.

    The largest of log-probabilities with Gumbel noise is drawn as by the probabilities. So what is drawn for a text
    does not hang on the others of its batch, as it would by the library's own sampling.

    Args:
        texts: Those of the batch.
        temperature: What log-probabilities are divided by.
        seed: Decides what is drawn, with each text.
    """

    def __init__(self, texts: Sequence[str], temperature: float, seed: str) -> None:
        self.temperature = temperature
        digests = (hashlib.sha256(f"{seed} {one}".encode()).digest() for one in texts)
        self.random = [torch.Generator().manual_seed(int.from_bytes(one[:7], "big")) for one in digests]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Add each text's own noise to the scores of its next token."""
        waits = torch.stack([torch.empty(scores.shape[1]).exponential_(generator=one) for one in self.random])
        return scores / self.temperature - waits.log().to(scores.device)


def _read(path: Path) -> dict[str, str]:
    """What texts have become, by their digests; a line that was cut off is passed by."""
    known: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        try:
            name, text = json.loads(line)
        except ValueError:
            continue
        known[name] = text
    return known


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _content(model: str) -> str:
    """What a model's answers hang on: the content of a folder; a hub name stands for itself."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    files = sorted(one for one in folder.iterdir() if one.suffix in DECISIVE)
    lines = "".join(f"{file_digest(one)} {one.name}\n" for one in files)
    return hashlib.sha256(lines.encode()).hexdigest()
