"""What a sweep file can search, over workers that follow a script."""

import re

import pytest
import yaml
from scripted_workers import Script

from hone.errors import HoneError
from hone.worker.messages import Failed, Result


@pytest.fixture
def write(sweep):
    """Changes the toy's sweep file."""

    def change(**changes):
        path = sweep.project / "toy_sweep.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))

    return change


class Measures(Script):
    """Ends with metrics that follow from a trial's number."""

    def __init__(self, **metrics):
        super().__init__((1.0,), ending=Result(metrics, None, 1, 0.0))


def test_a_pareto_front_is_what_nothing_else_beats(sweep, write):
    write(metric=["val/loss", "latency"], direction=["minimize", "minimize"])
    points = {0: (1.0, 9.0), 1: (2.0, 2.0), 2: (3.0, 3.0), 3: (0.5, 20.0)}

    def script(job):
        loss, latency = points[job.number]
        return Measures(**{"val/loss": loss, "latency": latency})

    summary = sweep.run(script)

    assert [row.number for row in summary.board.front()] == [3, 0, 1]
    assert summary.state == "complete"
    [parent] = sweep.runs("study")
    assert "| 1 | 2.0000 | 2.0000 |" in parent.data.tags["mlflow.note.content"]


def test_a_trial_outside_a_constraint_is_not_the_best(sweep, write):
    write(constraints={"latency": "<= 20"})

    def script(job):
        return Measures(**{"val/loss": float(job.number), "latency": 30.0 if job.number < 2 else 10.0})

    summary = sweep.run(script, "executor.max_parallel=1")

    assert summary.board.best().number == 2
    assert "complete, outside a constraint" in sweep.said
    assert summary.best.read_text()
    resumed = sweep.run(script, "executor.max_parallel=1", "trials=5", resume=True)
    assert resumed.board.best().number == 2


def test_a_constraint_on_what_is_not_logged_is_named(sweep, write):
    write(constraints={"latency_ms": "<= 20"})

    with pytest.raises(HoneError, match=r"constraints\.latency_ms: 'latency_ms' is not logged.*Logged: val/loss"):
        sweep.run()
    assert sweep.left() == []


def test_known_values_are_tried_first_and_a_resumed_study_does_not_try_them_again(sweep, write):
    write(enqueue=[{"model.lr": 0.05, "data.batch_size": 8}, {"model.lr": 0.025}])

    summary = sweep.run(None, "trials=3", "executor.max_parallel=1")
    resumed = sweep.run(None, "trials=5", "executor.max_parallel=1", resume=True)

    rows = summary.board.rows
    assert rows[0].values == {"model.lr": 0.05, "data.batch_size": 8}
    assert rows[1].values["model.lr"] == 0.025
    assert [row.values["model.lr"] for row in resumed.board.rows].count(0.05) == 1
    assert [row.number for row in resumed.board.rows] == list(range(5))


def test_the_best_of_another_study_and_a_run_can_be_tried_first(sweep, write):
    first = sweep.run(lambda job: Script((float(job.number),)), "study.name=old", "executor.max_parallel=1")
    run = sweep.runs()[1]

    write(enqueue=["best:old", run.info.run_id])
    second = sweep.run(None, "study.name=new", "executor.max_parallel=1")

    assert second.board.rows[0].values == first.board.best().values
    assert second.board.rows[1].values == first.board.rows[1].values


def test_a_text_of_a_run_that_is_no_yaml_can_be_tried_first(sweep, write):
    write(space={"model.plan": "choice('a: b', '[1', '16')"}, sampler="grid")
    first = sweep.run(None, "study.name=old", "executor.max_parallel=1")
    names = [one.values["model.plan"] for one in first.board.rows]
    assert sorted(names) == ["16", "[1", "a: b"]

    write(enqueue=[run.info.run_id for run in sweep.runs()], sampler="random")
    second = sweep.run(None, "study.name=new", "trials=3", "executor.max_parallel=1")

    assert [one.values["model.plan"] for one in second.board.rows] == names


@pytest.mark.parametrize("sampler", ["gp", "tpe"])
def test_a_sampler_learns_by_this_studys_constraints_alone(sweep, write, sampler):
    pytest.importorskip("torch")

    def script(job):
        return Measures(**{"val/loss": float(job.number), "latency_ms": 10.0 + job.number})

    write(sampler=sampler, constraints={"latency_ms": "<= 5"})
    bounded = sweep.run(script, "study.name=bounded", "trials=11", "executor.max_parallel=1")
    assert bounded.error is None
    write(sampler=sampler, learn_from={"bounded": ""}, constraints={})
    unbounded = sweep.run(script, "study.name=unbounded", "trials=3", "executor.max_parallel=1")
    write(sampler=sampler, learn_from={"unbounded": ""}, constraints={"latency_ms": "<= 5"})
    again = sweep.run(script, "study.name=again", "trials=2", "executor.max_parallel=1")

    assert unbounded.board.counts() == {"complete": 3}
    assert len(again.board) == 2
    assert "learns from 11 trials of bounded" in sweep.said
    assert "learns from 0 trials of unbounded" in sweep.said, "whether they keep the bound is not known"


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"model.lrr": 1}, r"toy_sweep\.yaml: enqueue\[0\]\.model\.lrr: is not searched\. Did you mean model\.lr"),
        ({"data.batch_size": 9}, r"enqueue\[0\]\.data\.batch_size: 9 is not in the space: choice\(8, 16, 32\)"),
        ("best:none", r"enqueue\[0\]: none: no study by that name"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_starts(sweep, write, known, message):
    write(enqueue=[known])

    with pytest.raises(HoneError, match=message):
        sweep.run()
    assert sweep.left() == []


def test_conditional_keys_are_in_the_configs_of_the_trials_that_have_them(sweep, write):
    write(
        space={"model.plan": "choice(epoch, step)"},
        when={
            "model.plan=step": {"model.dropout": "interval(0.1, 0.2)"},
            "data=toy": {"model.lr": "interval(0.01,0.1)"},
        },
        sampler="random",
    )

    summary = sweep.run(None, "trials=8")

    for row in summary.board.rows:
        assert ("model.dropout" in row.values) == (row.values["model.plan"] == "step")
        assert "model.lr" in row.values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"when": {"model.plan=never": {"model.lr": "interval(0, 1)"}}}, "is always searched as well"),
        ({"when": {"data.batch_size=9": {"model.pause": "choice(0,1)"}}}, r"data\.batch_size is never 9"),
        ({"when": {"model.pln=step": {"model.pause": "choice(0,1)"}}}, r"no such key 'model\.pln'.*model\.plan"),
        (
            {"when": {"data.batch_size=8": {"model.paus": "choice(0,1)"}}},
            r"when\.data\.batch_size=8\.model\.paus: no such",
        ),
        ({"sampler": "grid"}, r"space\.model\.lr: a grid cannot count tag\(log, interval"),
        ({"metric": ["a", "b"], "direction": ["minimize"] * 2, "pruner": "median"}, "a pruner judges one metric"),
        ({"constraints": {"val/loss": "<= 1"}}, r"constraints\.val/loss: is an objective already"),
    ],
)
def test_a_search_that_cannot_be_is_refused(sweep, write, changes, message):
    write(**changes)

    with pytest.raises(HoneError, match=message):
        sweep.run()


def test_values_that_run_out_of_memory_are_told_to_the_sampler_as_infeasible(sweep):
    def script(job):
        return Script((1.0,), ending=Failed("oom", "no memory") if job.number == 1 else None)

    summary = sweep.run(script, "executor.max_parallel=1")

    assert summary.board.counts() == {"complete": 3, "failed": 1}
    journal = (sweep.project / "mlruns" / "studies" / "toy_sweep-1.journal").read_text()
    assert re.search(r"constraints:hone\.trainable", journal)
    again = sweep.run(script, "executor.max_parallel=1", "trials=5", resume=True)
    assert again.board.counts() == {"complete": 4, "failed": 1}


def test_a_kind_of_failure_may_end_the_sweep(sweep):
    summary = sweep.run(
        lambda job: Script((1.0,), ending=Failed("error", "no such column")), "failure.error=stop", "trials=20"
    )

    assert "no such column" in str(summary.error)
    assert len(summary.board.rows) <= 2
