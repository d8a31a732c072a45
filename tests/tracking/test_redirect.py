"""A logger whose metrics go with its trial's."""

import functools
from dataclasses import dataclass

import pytest
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from hone.tracking.redirect import LoggersClient


@dataclass(frozen=True)
class Run:
    run_id: str
    uri: str
    experiment: str = "0"
    params: tuple[str, ...] | None = ("lr",)


class Logger:
    """What a trial's logger has for a client, and what comes of it."""

    def __init__(self, uri, params=("lr",)):
        self.real = MlflowClient(uri)
        self.run = Run(self.real.create_run("0").info.run_id, uri, params=params)
        self.made, self.spooled = 0, []
        self.client = LoggersClient(self.make, self.run, lambda metrics, step: self.spooled.append((step, metrics)))

    def make(self):
        self.made += 1
        return MlflowClient(self.run.uri)

    def kept(self):
        return self.real.get_run(self.run.run_id).data


@pytest.fixture
def logger(store):
    return functools.partial(Logger, store.uri)


def test_metrics_and_known_parameters_open_no_store(logger):
    own = logger()

    own.client.log_batch(own.run.run_id, params=[Param("lr", "0.1")])
    own.client.log_batch(
        own.run.run_id, [Metric("loss", 0.5, 1, 2), Metric("acc", 0.9, 1, 2), Metric("loss", 0.4, 1, 3)]
    )

    assert own.made == 0
    assert own.spooled == [(2, {"loss": 0.5, "acc": 0.9}), (3, {"loss": 0.4})]
    assert own.kept().metrics == {}


def test_everything_else_is_mlflows(logger):
    own = logger()
    other = own.real.create_run("0").info.run_id

    own.client.log_batch(own.run.run_id, params=[Param("lr", "0.1"), Param("depth", "3")], synchronous=True)
    own.client.log_batch(other, [Metric("loss", 0.5, 1, 2)])
    own.client.set_tag(own.run.run_id, "by", "hand")

    assert own.made == 1
    assert own.kept().params == {"depth": "3"}
    assert own.kept().tags["by"] == "hand"
    assert own.real.get_run(other).data.metrics == {"loss": 0.5}
    assert own.spooled == []
