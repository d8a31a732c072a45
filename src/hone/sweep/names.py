"""What to call a trial: its model, its number and its searched values, in a line that a table can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hone.report import short

ABBREVIATIONS = {
    "accumulate_grad_batches": "accum",
    "batch_size": "bs",
    "gradient_clip_val": "clip",
    "hidden_dim": "hidden",
    "hidden_size": "hidden",
    "learning_rate": "lr",
    "max_epochs": "epochs",
    "num_layers": "layers",
    "warmup_ratio": "warmup",
    "warmup_steps": "warmup",
    "weight_decay": "wd",
}
# MLflow takes 250.
LONGEST_NAME = 120
LONGEST_VALUE = 24
CUT = "…"


def trial_name(model: str, number: int, values: Mapping[str, Any]) -> str:
    """What people see: ``bilstm-017 lr=3.1e-04 bs=64``."""
    # The model, where it is searched, is what the name begins with.
    rest = {key: value for key, value in values.items() if not (key == "model" and value == model)}
    return _cut(f"{model}-{number:03d} {describe(rest)}".strip(), LONGEST_NAME)


def describe(values: Mapping[str, Any]) -> str:
    """Searched values in a line, by names that are short and no two the same."""
    names = short_names(list(values))
    return " ".join(f"{names[key]}={_cut(short(value), LONGEST_VALUE)}" for key, value in values.items())


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The shortest name of each key that no other key has: the abbreviated last part, or as many parts as it takes."""
    names = {key: _last_parts(key, 1) for key in keys}
    parts = 1
    while len(set(names.values())) < len(names) and parts < max(key.count(".") + 1 for key in keys):
        parts += 1
        taken = list(names.values())
        names = {key: _last_parts(key, parts) if taken.count(name) > 1 else name for key, name in names.items()}
    twice = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {key: key if name in twice else name for key, name in names.items()}


def _last_parts(key: str, count: int) -> str:
    *above, last = key.split(".")[-count:]
    return ".".join([*above, ABBREVIATIONS.get(last, last)])


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + CUT
