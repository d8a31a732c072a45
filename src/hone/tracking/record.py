"""What a run is opened with: parameters and artifacts of one config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hone.config.files import yaml_text
from hone.config.secrets import hide_override, hide_secrets, hide_values
from hone.provenance import Provenance
from hone.tracking.inputs import data_digest, dataset_inputs, task_of
from hone.tracking.run import RunRecord
from hone.tracking.tags import COMMIT, DATA, TASK

CONFIG_FILE, OVERRIDES_FILE, PROVENANCE_FILE = "config.yaml", "overrides.yaml", "provenance.json"


def run_record(
    name: str,
    tags: Mapping[str, str],
    config: Mapping[str, Any],
    text: str,
    overrides: Sequence[str],
    provenance: Provenance,
    rows: Mapping[str, int] | None = None,
) -> RunRecord:
    """Describe one run of a config.

    Args:
        name: What people see.
        tags: Tags to filter by.
        config: Resolved.
        text: The same as YAML.
        overrides: What makes it from the config groups.
        provenance: What the run is made with.
        rows: How many rows each split of its data has, for a run that has data of its own.

    Returns:
        What the run is opened with. Secrets in the config are hidden: a run's files are for anybody who can see it.
    """
    hidden = hide_values(config)
    text = text if hidden is config else yaml_text(hidden)
    commit = {COMMIT: provenance.commit} if provenance.commit else {}
    texts = {
        CONFIG_FILE: text,
        OVERRIDES_FILE: yaml_text([hide_override(one) for one in overrides]),
        PROVENANCE_FILE: hide_secrets(json.dumps(provenance.as_dict(), indent=2)),
    }
    source = {"mlflow.source.name": "hone", "mlflow.source.type": "LOCAL"}
    own = {TASK: task_of(config), DATA: "" if rows is None else data_digest(config, provenance.digests)}
    known = {key: value for key, value in own.items() if value}
    inputs = () if rows is None else dataset_inputs(hidden, provenance.digests, rows)
    return RunRecord(name, {**source, **commit, **known, **tags}, flat_params(hidden), texts, inputs)


def flat_params(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A config as MLflow parameters.

    Args:
        config: Nested.
        prefix: Put before each key.

    Returns:
        Leaves by dotted key, without nulls and without what only says how to instantiate.
    """
    params: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            params |= flat_params(value, f"{prefix}{key}.")
        elif value is not None and key != "_partial_":
            params[f"{prefix}{key}"] = value
    return params
