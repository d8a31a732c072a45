"""Everything that goes wrong with a sweep at night, on real processes.

After each fault: no finished trial is lost or run twice, no process is left, no run is left RUNNING, trials have
numbers without gaps, and the last line says what happened.
"""

import os
import random
import signal
import time
from pathlib import Path

import optuna
import psutil
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from terminal import started, wait_for

from hone.tracking.store import TrackingConfig, open_store

SWEEP = ["sweep", "toy_sweep.yaml", "--config-name", "toy"]
STUDY = "toy_sweep-1"
# ``make soak`` asks for more.
KILLS = int(os.environ.get("HONE_SOAK", "3"))


class Left:
    """What a sweep left behind."""

    def __init__(self, project, study=STUDY):
        self.trials_directory = project / "mlruns" / "trials" / study
        journal = project / "mlruns" / "studies" / f"{study}.journal"
        storage = JournalStorage(JournalFileBackend(str(journal)))
        self.trials = optuna.load_study(study_name=study, storage=storage).get_trials(deepcopy=False)
        self.store = open_store(TrackingConfig(directory=str(project / "mlruns")))
        self.runs = self.store.runs("tags.`hone.kind` = 'trial'")
        self.parents = self.store.runs("tags.`hone.kind` = 'study'")

    def check(self, trials):
        """All trials there, each once, in the study and in the store."""
        assert [one.number for one in self.trials] == list(range(trials))
        assert all(one.state.is_finished() for one in self.trials), [one.state for one in self.trials]
        assert sorted(int(run.data.tags["hone.trial"]) for run in self.runs) == list(range(trials))
        assert len(self.parents) == 1
        assert not [run for run in (*self.runs, *self.parents) if run.info.status == "RUNNING"]
        assert not (self.trials_directory / ".ballast").exists()
        for run in self.runs:
            steps = [one.step for one in self.store.client.get_metric_history(run.info.run_id, "val/loss")]
            assert len(steps) == len(set(steps)), "a validation was logged twice"


def gone(processes, seconds=20):
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), seconds=seconds)


def family(process):
    return psutil.Process(process.pid).children(recursive=True)


def results(project):
    return list((project / "mlruns" / "trials" / STUDY).glob("*/result.json"))


KINDS = {
    "die": "crash",
    "raise": "error",
    "segfault": "crash",
    "exit": "crash",
    "diverge": "diverged",
    "hang": "timeout",
    "exhaust": "oom",
    "gigabyte": None,
    "child": None,
}


def test_whatever_a_trial_does_costs_that_trial_alone(project, hone_here):
    sweep = yaml.safe_load((project / "toy_sweep.yaml").read_text())
    sweep |= {
        "trials": 40,
        "sampler": "grid",
        "space": {"model.misbehave": f"choice({', '.join(KINDS)})"},
        "resources": {"cpus": 1, "memory": "500MB"},
        "failure": {"retries": 0, "max_failure_rate": 1.0, "timeout": "25s"},
    }
    (project / "toy_sweep.yaml").write_text(yaml.safe_dump(sweep))

    answer = hone_here(*SWEEP)

    assert answer.returncode == 0, answer.stderr
    assert "the grid has 9 points" in answer.stdout
    left = Left(project)
    left.check(len(KINDS))
    assert {one.data.params["model.misbehave"]: one.data.tags.get("hone.failure") for one in left.runs} == KINDS
    for kind, failure in KINDS.items():
        if failure is not None:
            assert f"failed ({failure})" in answer.stdout, kind
    assert sum(one.stat().st_size for one in left.trials_directory.rglob("*") if one.is_file()) < 10_000_000
    assert not [one for one in psutil.process_iter() if one.name() == "sleep" and "600" in one.cmdline()]
    raised = next(one for one in left.runs if one.data.params["model.misbehave"] == "raise")
    assert "traceback.txt" in {one.path for one in left.store.client.list_artifacts(raised.info.run_id)}


def test_a_worker_that_is_killed_is_taken_up_again_as_the_same_trial(project):
    with started(project, *SWEEP, "trials=3", "model.pause=0.4", "executor.max_parallel=1") as process:
        first = project / "mlruns" / "trials" / STUDY / "0000"
        wait_for(lambda: (first / "resume.ckpt").exists(), process)
        [leader] = [one for one in family(process) if _is_trial(one)]
        leader.kill()
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "trial 0 failed (crash: the worker was ended by SIGKILL" in said
    assert "it is tried again" in said
    Left(project).check(3)


@pytest.fixture
def random_moment():
    seed = time.time_ns()
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.mark.timeout(60 + 40 * KILLS)
def test_a_controller_that_is_killed_at_any_moment_loses_nothing(project, hone_here, random_moment):
    more = [f"trials={2 * KILLS}", "model.pause=0.15", "executor.max_parallel=2"]
    for kill in range(KILLS):
        resume = ["--resume"] if (project / "mlruns" / "studies" / f"{STUDY}.journal").exists() else []
        with started(project, *SWEEP, *more, *resume) as process:
            before = len(results(project))
            wait_for(lambda: (project / "mlruns" / "trials" / STUDY).exists(), process)
            if kill:
                wait_for(lambda before=before: len(results(project)) > before or process.poll() is not None)
            time.sleep(random_moment.uniform(0, 1.0))
            workers = family(process) if process.poll() is None else []
            process.send_signal(signal.SIGKILL)
        gone(workers)
    done = {one: one.stat().st_mtime_ns for one in results(project)}

    answer = hone_here(*SWEEP, *more, "--resume")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    Left(project).check(2 * KILLS)
    assert all(one.stat().st_mtime_ns == written for one, written in done.items()), "a finished trial ran again"


def test_sigterm_saves_what_runs_and_a_resumed_study_goes_on_from_there(project, hone_here):
    more = ["trials=3", "model.pause=0.3", "executor.max_parallel=2", "trainer.max_epochs=6"]
    states = project / "mlruns" / "trials" / STUDY
    with started(project, *SWEEP, *more) as process:
        wait_for(lambda: len(list(states.glob("*/resume.ckpt"))) == 2, process)
        workers = family(process)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    gone(workers)

    assert process.returncode == 130
    assert "are saved and ended" in said
    assert f"--resume study.name={STUDY}" in said
    stopped = Left(project)
    assert {run.info.status for run in stopped.runs} == {"KILLED"}
    assert {run.data.tags["hone.state"] for run in stopped.runs} == {"stopped"}

    answer = hone_here(*SWEEP, *more, "--resume")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "going on with 2 trials that were running: 0, 1" in answer.stdout
    left = Left(project)
    left.check(3)
    assert {run.info.run_id for run in stopped.runs} <= {run.info.run_id for run in left.runs}
    assert {run.info.status for run in left.runs} == {"FINISHED"}
    for run in left.runs:
        assert len(left.store.client.get_metric_history(run.info.run_id, "val/loss")) == 6


def test_ctrl_c_twice_ends_at_once_and_leaves_trials_to_be_resumed(project):
    with started(project, *SWEEP, "trials=20", "model.misbehave=hang") as process:
        log = project / "mlruns" / "trials" / STUDY
        wait_for(lambda: len(list(log.glob("*/metrics.jsonl"))) == 2, process)
        time.sleep(0.5)
        workers = family(process)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    gone(workers)

    assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert "press Ctrl-C again" in said
    assert "are ended now" in said
    left = Left(project)
    assert not [run for run in (*left.runs, *left.parents) if run.info.status == "RUNNING"]


def test_ctrl_c_once_saves_a_trial_that_does_not_finish_in_time(project):
    more = ["trials=20", "failure.grace=1s", "model.pause=0.4", "trainer.max_epochs=500", "executor.max_parallel=1"]
    with started(project, *SWEEP, *more) as process:
        state = project / "mlruns" / "trials" / STUDY / "0000" / "resume.ckpt"
        wait_for(state.exists, process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "trial 0 stopped" in said
    assert state.exists()


def test_a_sampler_that_raises_ends_the_sweep_and_leaves_its_trials(project, hone_here):
    (project / "conf" / "sampler").mkdir()
    (project / "conf" / "sampler" / "moody.yaml").write_text("_target_: moody.Moody\n")
    (project / "moody.py").write_text(
        "import optuna\n\n\nclass Moody(optuna.samplers.RandomSampler):\n"
        "    def infer_relative_search_space(self, study, trial):\n"
        "        if trial.number == 2:\n            raise ValueError('not today')\n"
        "        return super().infer_relative_search_space(study, trial)\n"
    )

    answer = hone_here(*SWEEP, "sampler=moody", "executor.max_parallel=1")

    assert answer.returncode == 2
    assert answer.stderr.strip().splitlines()[-1] == "hone: sampler: the sampler failed: ValueError: not today"
    assert "Traceback" not in answer.stderr
    answer = hone_here(*SWEEP, "--resume")
    assert answer.returncode == 0, answer.stderr
    Left(project).check(4)


def test_two_controllers_do_not_run_one_study(project, hone_here):
    with started(project, *SWEEP, "trials=500", "model.pause=0.5") as process:
        wait_for(lambda: results(project), process)

        answer = hone_here(*SWEEP, "trials=500", "--resume")

        assert answer.returncode == 2
        assert f"study {STUDY}: another hone runs its trials (process {process.pid})" in answer.stderr
        assert process.poll() is None


def _is_trial(process):
    try:
        return Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() != "0"
    except OSError:
        return False
