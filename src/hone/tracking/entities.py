"""What MLflow takes: its own records, as many in a request and as long as it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from hone.tracking.tags import UNTAKEN

PARAMS_PER_REQUEST = 100
# MLflow takes a megabyte; a character may take four bytes, and JSON's own.
CHARACTERS_PER_REQUEST = 150_000
LONGEST_TAG = 5_000


@cache
def metric_name(name: str) -> str:
    """A name as MLflow takes it: ``acc@1`` as ``acc_1``."""
    return UNTAKEN.sub("_", name)


def batches(entities: Sequence[Any]) -> Iterator[list[Any]]:
    """Parameters or tags, as many at once as a request may hold."""
    batch: list[Any] = []
    size = 0
    for one in entities:
        size += len(one.key) + len(one.value)
        if batch and (len(batch) == PARAMS_PER_REQUEST or size > CHARACTERS_PER_REQUEST):
            yield batch
            batch, size = [], len(one.key) + len(one.value)
        batch.append(one)
    if batch:
        yield batch


def run_tags(tags: Mapping[str, str]) -> list[RunTag]:
    """Tags as MLflow takes them."""
    return [RunTag(key, value) for key, value in cut_tags(tags).items()]


def cut_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags, none longer than MLflow takes."""
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


def data_sets(inputs: Sequence[Mapping[str, str]]) -> list[DatasetInput]:
    """The data sets that a run reads; each has the fields of MLflow's and its ``context``."""
    return [
        DatasetInput(
            Dataset(one["name"], one["digest"], one["source_type"], one["source"], profile=one["profile"]),
            [InputTag(MLFLOW_DATASET_CONTEXT, one["context"])],
        )
        for one in inputs
    ]
