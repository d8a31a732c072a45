"""The data set of a run, as MLflow keeps it: a name, a digest and a source for each split. No data is loaded here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hone.config.secrets import hide_password

CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}
# What says how data is fed rather than what it is.
LOADING = ("batch_size", "num_workers", "pin_memory", "persistent_workers", "prefetch_factor", "shuffle", "drop_last")
# What decides which rows a trial is judged on.
SPLITTING = ("split_seed", "val_fraction", "test_fraction")
LONGEST_DIGEST = 16
ENDINGS = ("DataModule", "Data")


def task_of(config: Mapping[str, Any]) -> str:
    """What a config trains for: the name of its data module, or of its function, such as ``digits``."""
    node = config.get("objective") or config.get("data")
    # A Hydra application's own config has anything there.
    node = node if isinstance(node, Mapping) else {}
    name = str(node.get("_target_", "")).rpartition(".")[2]
    for ending in ENDINGS:
        name = name.removesuffix(ending) or name
    return name.lower()


def data_digest(config: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """Say by what data a config is judged: two runs with the same answer can be compared by their metrics.

    Args:
        config: Resolved.
        digests: Content digest of each file or array that the data came from.

    Returns:
        A digest of the content and of how it is split; of the data module's arguments, marked ``config:``, where the
        module does not say its content; an empty string where there is no data.
    """
    data = config.get("data")
    if not isinstance(data, Mapping):
        return ""
    if digests:
        split = {key: data[key] for key in SPLITTING if key in data}
        return _digest([sorted(digests.values()), split])
    return f"config:{_digest({key: value for key, value in data.items() if key not in LOADING})}"


def dataset_inputs(
    config: Mapping[str, Any], digests: Mapping[str, str], rows: Mapping[str, int]
) -> list[dict[str, str]]:
    """Describe the splits of a run's data.

    Args:
        config: Resolved.
        digests: Content digest of each file or array that the data came from.
        rows: How many rows each split has, as far as that is known.

    Returns:
        The fields of an MLflow data set for each split, with the ``context`` that it is used in.
    """
    data = config.get("data")
    if not isinstance(data, Mapping):
        return []
    whole = data_digest(config, digests)
    splits = [name for name in CONTEXTS if name != "test" or config.get("test", True)]
    return [_input(config, split, whole, digests, rows) for split in splits]


def _input(
    config: Mapping[str, Any], split: str, whole: str, digests: Mapping[str, str], rows: Mapping[str, int]
) -> dict[str, str]:
    data = config["data"]
    own = {split: digests[split]} if split in digests else {}
    given = data.get(split)
    if isinstance(given, str) and given in digests:
        own = {given: digests[given]}
    hub = [data["dataset"]] if data.get("dataset") else []
    names = hub or list(own) or list(digests)
    source = {"files": [hide_password(str(one)) for one in names]} if names else {"code": str(data.get("_target_"))}
    return {
        "name": task_of(config),
        # Of one file several splits are cut: MLflow takes what has one digest for one data set.
        "digest": _digest([split, own or whole])[:LONGEST_DIGEST],
        "source_type": "local" if any(Path(str(one)).exists() for one in names) else "hone",
        "source": json.dumps({"split": split, **source}),
        "profile": json.dumps({"num_rows": rows[split]} if split in rows else {}),
        "context": CONTEXTS[split],
    }


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LONGEST_DIGEST]
