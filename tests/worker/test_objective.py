"""A plain function as a trial."""

import time

import pytest

from hone.worker.messages import Begin, Failed, Lease, Pruned, Result, TrialJob, Verdict
from hone.worker.objective import run_objective


def square(x):
    return x * x


def named(x):
    return {"value": x, "latency_ms": 3}


def steps(x, report):
    for step in range(1, 4):
        report(step, {"value": x * step})
    return x


def wrong(x):
    raise ValueError(f"not {x}")


def hungry(x):
    raise MemoryError


def silent(x):
    return "a word"


class Line:
    def __init__(self, stop_at=None):
        self.stop_at, self.reports, self.began = stop_at, [], False

    def started(self, started):
        self.began = True
        return Begin()

    def report(self, report):
        self.reports.append(report)
        return Verdict(report.validation == self.stop_at)


@pytest.fixture
def call(tmp_path):
    def go(function, line=None, **arguments):
        target = {"_target_": f"{__name__}.{function}", "x": 3.0} | arguments
        job = TrialJob(0, str(tmp_path), Lease(1, ()), ("value",))
        return run_objective(job, {"objective": target}, line or Line(), time.monotonic())

    return go


def test_what_a_function_returns_is_the_objective_or_metrics_by_name(call):
    assert call("square").metrics == {"value": 9.0}
    assert call("named").metrics == {"value": 3.0, "latency_ms": 3.0}


def test_a_function_that_reports_can_be_pruned(call):
    line = Line()
    assert isinstance(call("steps", line), Result)
    assert [one.validation for one in line.reports] == [1, 2, 3]

    pruned = call("steps", Line(stop_at=2))

    assert isinstance(pruned, Pruned)
    assert (pruned.metrics, pruned.steps) == ({"value": 6.0}, 2)


def test_what_it_raises_is_its_failure(call):
    failed = call("wrong")
    assert (failed.kind, failed.message, failed.bad_input) == ("error", "ValueError: not 3.0", False)
    assert "in wrong" in failed.traceback
    assert call("hungry").kind == "oom"
    assert "must return a number" in call("silent").message


def test_a_function_that_is_not_there_is_bad_input(call):
    line = Line()

    failed = call("squar", line)

    assert isinstance(failed, Failed)
    assert failed.bad_input
    assert not line.began
    assert call("square", y=1).where == "objective.y"
