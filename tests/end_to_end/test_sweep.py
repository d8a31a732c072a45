"""Sweeps from the terminal, with trials that train."""

import json
import signal

import psutil
import pytest
import yaml
from terminal import started, wait_for

from hone.tracking.store import TrackingConfig, open_store

TOY = ["sweep", "toy_sweep.yaml", "--config-name", "toy"]


def runs(project, kind):
    store = open_store(TrackingConfig(directory=str(project / "mlruns")))
    return store, sorted(store.runs(f"tags.`hone.kind` = '{kind}'"), key=lambda run: run.info.run_name)


def test_a_sweep_leaves_a_parent_run_with_a_child_for_each_trial_and_all_its_files(project, hone):
    answer = hone(*TOY)

    assert answer.returncode == 0, answer.stderr
    store, [parent] = runs(project, "study")
    _, children = runs(project, "trial")
    assert len(children) == 4
    assert {one.data.tags["mlflow.parentRunId"] for one in children} == {parent.info.run_id}
    assert {one.info.status for one in (parent, *children)} == {"FINISHED"}
    files = {one.path for one in store.client.list_artifacts(children[0].info.run_id)}
    assert files == {"checkpoints", "config.yaml", "log.txt", "overrides.yaml", "provenance.json"}
    summary = {one.path for one in store.client.list_artifacts(parent.info.run_id)}
    assert {"best.yaml", "leaderboard.csv", "sweep.yaml"} <= summary
    history = store.client.get_metric_history(children[0].info.run_id, "val/loss")
    assert len(history) == 3
    assert "model.lr" in children[0].data.params
    assert children[0].info.run_name.startswith("toy-000 lr=")
    assert "best of 4 trials" in answer.stdout
    assert "hone dashboard" in answer.stdout


def test_the_best_config_trains_again_to_the_same_numbers(project, hone_here):
    assert hone_here(*TOY).returncode == 0
    best = project / "mlruns" / "trials" / "toy_sweep-1" / "best.yaml"

    answer = hone_here("train", "--config", str(best), "--config-name", "toy")

    assert answer.returncode == 0, answer.stderr
    results = [json.loads(one.read_text()) for one in (project / "mlruns" / "trials").glob("toy_sweep-1/*/result.json")]
    least = min(results, key=lambda one: one["metrics"]["val/loss"])
    again = json.loads((project / "mlruns" / "trials" / "train" / "0000" / "result.json").read_text())
    assert again["metrics"] == least["metrics"]


def test_a_sweep_goes_on_when_a_trial_dies_or_raises_or_runs_out_of_memory(project, hone_here):
    sweep = yaml.safe_load((project / "toy_sweep.yaml").read_text())
    sweep |= {"trials": 4, "failure": {"max_failure_rate": 1.0}}
    sweep["space"] = {"model.misbehave": "choice(die, raise, memory, hello)"}
    (project / "mixed.yaml").write_text(yaml.safe_dump(sweep | {"sampler": "grid"}))
    (project / "conf" / "sampler").mkdir()
    (project / "conf" / "sampler" / "grid.yaml").write_text(
        "_target_: optuna.samplers.GridSampler\nsearch_space: {model.misbehave: [die, raise, memory, hello]}\nseed: 0\n"
    )

    answer = hone_here("sweep", "mixed.yaml", "--config-name", "toy")

    assert answer.returncode == 0, answer.stderr
    _, children = runs(project, "trial")
    failures = {one.data.params["model.misbehave"]: one.data.tags.get("hone.failure") for one in children}
    assert failures == {"die": "crash", "raise": "error", "memory": "oom", "hello": None}
    store, _ = runs(project, "trial")
    raised = next(one for one in children if one.data.params["model.misbehave"] == "raise")
    assert "traceback.txt" in {one.path for one in store.client.list_artifacts(raised.info.run_id)}


def test_a_group_is_a_choice_like_any_other_and_trials_take_a_user_conf(project, hone_here):
    (project / "conf" / "model" / "other.yaml").write_text("defaults: [toy]\nlr: 0.5\n")

    answer = hone_here(*TOY, "model=choice(toy,other)", "sampler=random", "trials=6")

    assert answer.returncode == 0, answer.stderr
    _, children = runs(project, "trial")
    assert {one.info.run_name.split("-")[0] for one in children} == {"toy", "other"}


def test_a_fixed_override_takes_its_key_out_of_the_space(project, hone_here):
    answer = hone_here(*TOY, "model.lr=0.01", "trials=2")

    assert answer.returncode == 0, answer.stderr
    _, children = runs(project, "trial")
    assert {one.data.params["model.lr"] for one in children} == {"0.01"}
    assert {one.data.tags["hone.searched"] for one in children} == {"data.batch_size"}


@pytest.fixture
def killed_sweep(project):
    """A sweep whose controller was killed after some of its trials had ended."""
    trials = project / "mlruns" / "trials" / "toy_sweep-1"
    with started(project, *TOY, "trials=8", "model.pause=0.3", "executor.max_parallel=2") as process:
        wait_for(lambda: len(list(trials.glob("*/result.json"))) >= 2, process)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    return project, workers


def test_a_killed_controller_leaves_no_process_and_resume_runs_only_what_is_left(killed_sweep, hone_here):
    project, workers = killed_sweep
    wait_for(lambda: not any(one.is_running() for one in workers), seconds=15)

    answer = hone_here(*TOY, "trials=8", "--resume")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    _, children = runs(project, "trial")
    states = [one.data.tags["hone.state"] for one in children]
    assert states.count("complete") == 8
    assert "running" not in states
    assert {one.info.status for one in children} <= {"FINISHED", "FAILED"}
    # Two ran when the controller died; one that had left its result is not run again.
    assert len(children) - 8 == states.count("crashed") <= 2
    assert len(runs(project, "study")[1]) == 1


def test_resume_of_another_space_is_refused_with_the_difference(killed_sweep, hone_here):
    answer = hone_here(*TOY, "trials=8", "--resume", "data.rows=choice(32,64)")

    assert answer.returncode == 2
    assert "data.rows: absent in the study" in answer.stderr


def test_one_ctrl_c_lets_trials_finish_and_says_how_to_go_on(project):
    with started(project, *TOY, "trials=50", "model.pause=0.2") as process:
        wait_for(lambda: list((project / "mlruns" / "trials" / "toy_sweep-1").glob("*/result.json")), process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "--resume study.name=toy_sweep-1" in said
    _, children = runs(project, "trial")
    assert {one.info.status for one in children} == {"FINISHED"}
    assert {one.info.status for one in runs(project, "study")[1]} == {"KILLED"}
