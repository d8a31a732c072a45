import contextlib
import errno
import os
import re
import signal
import sqlite3
import threading

import pytest
import yaml
from scripted_workers import Script

from hone.errors import DiskError, HoneError, MetricError, StudyError, SweepStopped
from hone.executors import local
from hone.executors.local import LocalExecutor
from hone.tracking import courier
from hone.worker.messages import Failed, Result, Started


def test_each_trial_is_told_to_the_study_and_tracked_under_one_parent(sweep):
    summary = sweep.run(lambda job: Script((3.0, 1.0 + job.number)))

    assert summary.state == "complete"
    assert summary.board.counts() == {"complete": 4}
    assert summary.board.best().number == 0
    [parent] = sweep.runs("study")
    children = sweep.runs()
    assert len(children) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}
    assert [run.data.metrics["objective"] for run in children] == [1.0, 2.0, 3.0, 4.0]
    assert parent.data.metrics["best/val/loss"] == 1.0


def test_a_free_slot_does_not_wait_for_a_slow_trial(sweep):
    slow = threading.Event()

    def script(job):
        if job.number == 3:
            slow.set()
        return Script((1.0,), hold=slow if job.number == 0 else None)

    summary = sweep.run(script, "executor.max_parallel=2")

    # Trial 3 starts only if 1 and 2 took turns in the other slot while 0 was held.
    assert summary.board.counts() == {"complete": 4}


def test_a_crash_costs_one_trial_and_not_the_sweep(sweep):
    summary = sweep.run(lambda job: Script((1.0,), die_after=1 if job.number == 1 else None, code=-9))

    assert summary.board.counts() == {"complete": 3, "failed": 1}
    [crashed] = [run for run in sweep.runs() if run.data.tags["hone.state"] == "failed"]
    assert crashed.info.status == "FAILED"
    assert crashed.data.tags["hone.failure"] == "crash"
    assert "SIGKILL" in crashed.data.tags["hone.error"]
    assert "trial 1 failed (crash)" in sweep.said


def test_a_result_that_was_written_but_not_heard_counts(sweep):
    class Unheard(Script):
        def run(self, job, line):
            super().run(job, _Mute(line))
            return 0

    class _Mute:
        def __init__(self, line):
            self.line = line

        def send(self, message):
            if not isinstance(message, Result):
                self.line.send(message)

        def receive(self):
            return self.line.receive()

    summary = sweep.run(lambda job: Unheard((1.0,)))

    assert summary.board.counts() == {"complete": 4}


def test_a_line_that_is_no_message_ends_the_trial_that_said_it(sweep):
    summary = sweep.run(lambda job: Script((1.0,), say=b"Segmentation fault\n" if job.number == 0 else None))

    assert summary.board.counts() == {"complete": 3, "failed": 1}


def test_a_failed_trial_is_tried_again_with_the_same_values(sweep):
    seen = {}

    def script(job):
        seen[job.number] = seen.get(job.number, 0) + 1
        return Script((1.0,), die_after=1 if job.number == 0 and seen[0] == 1 else None, code=-11)

    summary = sweep.run(script, "failure.retries=1")

    assert seen[0] == 2
    assert summary.board.counts() == {"complete": 4}
    [run] = [run for run in sweep.runs() if run.data.tags["hone.trial"] == "0"]
    assert run.info.status == "FINISHED"
    assert run.data.tags["hone.error.1"] == "crash: the worker was ended by SIGSEGV"
    assert len(sweep.runs()) == 4


def test_too_many_failures_stop_the_sweep_and_say_why(sweep):
    broken = Failed("error", "ValueError: no such column", "Traceback ...")
    summary = sweep.run(lambda job: Script((1.0,), ending=broken), "trials=20")

    assert isinstance(summary.error, SweepStopped)
    assert "4 of 4 trials failed" in str(summary.error)
    assert "no such column" in str(summary.error)
    assert len(summary.board.rows) < 8
    assert not [run for run in sweep.store.runs() if run.info.status == "RUNNING"]


def test_values_that_diverge_are_told_as_failed_and_never_stop_a_sweep(sweep):
    summary = sweep.run(lambda job: Script((float("nan"),)), "trials=6")

    assert summary.error is None
    assert summary.state == "failed"
    assert summary.board.counts() == {"failed": 6}
    assert {run.data.tags["hone.failure"] for run in sweep.runs()} == {"diverged"}


def test_bad_input_found_by_the_first_trial_leaves_nothing_behind(sweep):
    bad = Failed("error", "must be at least 1, not 0", bad_input=True, where="data.batch_size")

    with pytest.raises(HoneError, match=r"^data\.batch_size: must be at least 1, not 0$"):
        sweep.run(lambda job: Script(ending=bad))

    assert sweep.left() == []


def test_a_metric_that_is_not_logged_is_named_with_those_that_are(sweep):
    with pytest.raises(MetricError, match=r"toy_sweep.yaml: metric: 'test/acc' is not logged.*Logged: val/loss"):
        sweep.run(None, "metric=test/acc")

    assert sweep.left() == []


def test_bad_input_after_a_good_trial_is_that_trials_own_failure(sweep):
    bad = Failed("error", "must be at least 1, not 0", bad_input=True, where="data.batch_size")

    summary = sweep.run(lambda job: Script((1.0,), ending=bad if job.number == 2 else None), "executor.max_parallel=1")

    assert summary.board.counts() == {"complete": 3, "failed": 1}
    assert len(sweep.runs()) == 4


def test_a_sweep_waits_for_a_device_that_is_not_free_yet(sweep, monkeypatch):
    fits, asked = LocalExecutor.fits, []

    def fits_later(self, *, alone=False):
        asked.append(self.running)
        # As long as the memory of what ran last is not given back.
        return len(asked) % 5 != 2 and fits(self, alone=alone)

    monkeypatch.setattr(LocalExecutor, "fits", fits_later)

    summary = sweep.run(None, "executor.max_parallel=1")

    assert summary.board.counts() == {"complete": 4}
    assert asked.count(0) > 4


def test_a_disk_that_is_full_as_a_trial_starts_pauses_the_sweep_and_keeps_no_lease(sweep, monkeypatch):
    start, started = local.encode, []

    def encode(job):
        started.append(job.number)
        if len(started) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return start(job)

    monkeypatch.setattr(local, "encode", encode)

    summary = sweep.run(None, "executor.max_parallel=1")

    assert "the disk is full" in str(summary.error)
    assert summary.board.counts() == {"complete": 2}
    assert sweep.run(None, "executor.max_parallel=1", resume=True).board.counts() == {"complete": 4}


class Large(Script):
    """Has a model that is too large for any budget."""

    def run(self, job, line):
        line.send(Started((self.metric,), {}, model_bytes=10**9))
        line.receive()
        return 0


def test_a_model_that_is_too_large_for_the_budget_costs_its_trial_and_nothing_that_was_done(sweep):
    asked = ("disk.budget=100MB", "executor.max_parallel=1")

    with pytest.raises(DiskError, match=r"disk\.budget: is 100 MB"):
        sweep.run(lambda job: Large(), *asked)
    assert sweep.left() == []

    summary = sweep.run(lambda job: Large() if job.number == 2 else Script((1.0,)), *asked)

    assert summary.board.counts() == {"complete": 3, "failed": 1}
    assert "disk.budget: is 100 MB" in summary.board.rows[2].failure
    assert [run.info.status for run in sweep.runs()] == ["FINISHED", "FINISHED", "FAILED", "FINISHED"]


def test_a_trial_whose_config_does_not_compose_costs_itself_and_a_resumed_study_goes_on(sweep):
    model = sweep.project / "conf" / "model" / "toy.yaml"
    content = model.read_text().replace("plan: null", "plan: epoch").replace("pause: 0.0", "pause: ${pauses.${.plan}}")
    model.write_text(content)
    (sweep.project / "conf" / "toy.yaml").write_text(
        (sweep.project / "conf" / "toy.yaml").read_text() + "\npauses: {epoch: 0.0}\n"
    )
    file = yaml.safe_load((sweep.project / "toy_sweep.yaml").read_text())
    file |= {"space": {"model.plan": "choice(epoch, step)"}}
    file |= {"enqueue": [{"model.plan": one} for one in ("epoch", "step")]}
    (sweep.project / "toy_sweep.yaml").write_text(yaml.safe_dump(file))

    summary = sweep.run(None, "trials=2", "executor.max_parallel=1")
    assert summary.board.counts() == {"complete": 1, "failed": 1}
    assert "pauses.step" in summary.board.rows[1].failure
    assert [run.info.status for run in sweep.runs()] == ["FINISHED", "FAILED"]

    file["enqueue"] = []
    (sweep.project / "toy_sweep.yaml").write_text(yaml.safe_dump(file))
    assert len(sweep.run(None, "trials=4", "executor.max_parallel=1", resume=True).board) == 4


def test_studies_of_two_storages_do_not_share_their_trials_directories(sweep):
    first = sweep.run()
    files = sorted(sweep.project.glob("mlruns/trials/toy_sweep-1/*/trial.yaml"))
    elsewhere = f"study.storage=sqlite:///{sweep.project / 'other.db'}"

    with pytest.raises(MetricError):
        sweep.run(None, elsewhere, "metric=val/los")
    second = sweep.run(None, elsewhere)
    with pytest.raises(StudyError, match=r"toy_sweep-1 holds trials of another study of that name"):
        sweep.run(None, elsewhere, "study.name=toy_sweep-1")

    assert (first.board.study, second.board.study) == ("toy_sweep-1", "toy_sweep-2")
    assert sorted(sweep.project.glob("mlruns/trials/toy_sweep-1/*/trial.yaml")) == files
    assert len(files) == 4


def test_an_option_that_a_pattern_fits_since_is_named_when_the_study_is_resumed(sweep):
    sweep.run(None, "model=glob(toy*)", "trials=2")
    (sweep.project / "conf" / "model" / "toyish.yaml").write_text(
        (sweep.project / "conf" / "model" / "toy.yaml").read_text()
    )

    with pytest.raises(StudyError, match=r"space\.model: choice\(toy\) in the study, choice\(toy, toyish\) now"):
        sweep.run(None, "model=glob(toy*)", "trials=4", resume=True)


def test_a_secret_in_the_base_is_in_no_artifact(sweep):
    sweep.run(None, "+data.api_key=abcdefgh12345", "trials=1")
    file = yaml.safe_load((sweep.project / "toy_sweep.yaml").read_text())
    file["base"] += ["+data.api_key=abcdefgh12345"]
    (sweep.project / "toy_sweep.yaml").write_text(yaml.safe_dump(file))
    sweep.run(None, "trials=1")

    kept = [one for one in (sweep.project / "mlruns" / "artifacts").rglob("*") if one.is_file()]
    assert [one for one in kept if one.name == "sweep.yaml"]
    assert not [one for one in kept if b"abcdefgh12345" in one.read_bytes()]


def test_pruned_trials_end_killed_and_keep_their_last_value(sweep):
    def script(job):
        return Script((1.0, 1.0) if job.number == 0 else (9.0, 9.0, 9.0))

    summary = sweep.run(
        script, "pruner=median", "++pruner.n_startup_trials=1", "++pruner.n_warmup_steps=0", "executor.max_parallel=1"
    )

    assert summary.board.counts() == {"complete": 1, "pruned": 3}
    pruned = [run for run in sweep.runs() if run.data.tags["hone.state"] == "pruned"]
    assert {run.info.status for run in pruned} == {"KILLED"}


def test_no_trial_starts_after_the_timeout(sweep):
    summary = sweep.run(lambda job: Script((1.0,)), "timeout=0.000001s")

    assert summary.board.rows == ()
    assert summary.state == "failed"


def test_ctrl_c_once_lets_what_runs_finish(sweep):
    def script(job):
        os.kill(os.getpid(), signal.SIGINT)
        return Script((1.0,))

    summary = sweep.run(script, "trials=50", "executor.max_parallel=1")

    assert summary.state == "stopped"
    assert summary.board.counts() == {"complete": 1}
    assert "press Ctrl-C again" in sweep.said
    assert {run.info.status for run in sweep.store.runs()} == {"FINISHED", "KILLED"}


def test_ctrl_c_twice_ends_what_runs_and_a_resumed_study_makes_up_for_it(sweep):
    class Interrupted(Script):
        def run(self, job, line):
            if job.number == 1:
                os.kill(os.getpid(), signal.SIGTERM)
                line.receive()
                line.receive()
            return super().run(job, line)

    stopped = sweep.run(lambda job: Interrupted((1.0,)), "executor.max_parallel=1")
    assert stopped.state == "stopped"
    assert stopped.board.counts() == {"complete": 1, "stopped": 1}
    assert not [run for run in sweep.store.runs() if run.info.status == "RUNNING"]

    resumed = sweep.run(None, "executor.max_parallel=1", resume=True)

    assert resumed.board.counts() == {"complete": 4}
    assert [job.number for job in sweep.jobs] == [0, 1, 1, 2, 3]
    assert len(sweep.runs()) == 4
    assert {run.info.status for run in sweep.runs()} == {"FINISHED"}
    assert len(sweep.runs("study")) == 1
    assert sweep.runs("study")[0].info.status == "FINISHED"


def test_a_store_that_fails_while_trials_run_costs_no_trial(sweep, monkeypatch):
    monkeypatch.setattr(courier, "PATIENCE_SECONDS", 1.0)

    def script(job):
        if job.number == 2:
            with contextlib.closing(sqlite3.connect(sweep.project / "mlruns" / "mlflow.db", timeout=20)) as database:
                database.execute("DROP TABLE latest_metrics")
        return Script((1.0,))

    summary = sweep.run(script, "executor.max_parallel=1")

    assert summary.board.counts() == {"complete": 4}
    assert re.search(r"\d runs? waits? to be delivered \(.*no such table.*\)", summary.waiting)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_resumed_study_does_not_try_its_first_values_again(sweep, sampler):
    sweep.run(None, f"sampler={sampler}", "executor.max_parallel=1")

    summary = sweep.run(None, f"sampler={sampler}", "executor.max_parallel=1", "trials=8", resume=True)

    assert len({row.values["model.lr"] for row in summary.board.rows}) == 8


def test_a_trial_that_waits_for_another_attempt_as_the_sweep_ends_is_left_to_a_resumed_one(sweep):
    def script(job):
        if job.number == 0 and len(sweep.jobs) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            return Script((1.0,), die_after=1, code=-11)
        return Script((1.0,))

    stopped = sweep.run(script, "executor.max_parallel=1")
    assert stopped.state == "stopped"
    assert not [run for run in sweep.store.runs() if run.info.status == "RUNNING"]

    resumed = sweep.run(script, "executor.max_parallel=1", resume=True)

    assert resumed.board.counts() == {"complete": 4}
    assert len(sweep.runs()) == 4


def test_an_attempt_that_was_ended_from_outside_does_not_count_against_the_retries(sweep):
    def script(job):
        attempt = sum(one.number == 0 for one in sweep.jobs) if job.number == 0 else 0
        if attempt == 2:
            os.kill(os.getpid(), signal.SIGINT)
        if attempt in (1, 2):
            return Script((1.0,), ending=Failed("preempted", "the machine is taken away"))
        return Script((1.0,), ending=Failed("crash", "ended by SIGSEGV") if attempt == 3 else None)

    stopped = sweep.run(script, "executor.max_parallel=1", "failure.retries=1")
    assert stopped.state == "stopped"

    resumed = sweep.run(script, "executor.max_parallel=1", "failure.retries=1", resume=True)

    assert resumed.board.counts() == {"complete": 4}
    assert "trial 0 failed (crash: ended by SIGSEGV); it is tried again" in sweep.said


def test_values_that_do_not_fit_beside_others_are_tried_alone(sweep):
    leases = []

    def script(job):
        leases.append((job.number, job.lease.gpus, job.lease.share))
        crowded = job.number == 1 and job.lease.share < 1
        return Script((1.0,), ending=Failed("oom", "CUDA out of memory") if crowded else None)

    summary = sweep.run(script, "resources.gpus=0.5", "resources.cpus=1", "executor.devices=[0]")

    assert summary.board.counts() == {"complete": 4}
    assert [share for number, _, share in leases if number == 1] == [0.5, 1.0]
    assert "it is tried again alone on its device" in sweep.said
