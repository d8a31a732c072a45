"""``python -m hone.worker DIR``: for debugging, for DDP's ranks, on another node."""

import os
import subprocess
import sys

from hone.config.compose import Composer, resolve
from hone.config.files import write_yaml
from hone.worker.messages import Failed, Lease, Result, TrialJob, encode
from hone.worker.run import read_result


def cold(directory, project, *, check=False):
    return subprocess.run(
        [sys.executable, "-m", "hone.worker", str(directory)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(project)},
    )


def trial_directory(project, *overrides, job=None):
    directory = project / "trial"
    directory.mkdir()
    config = Composer(project / "conf", "toy").compose(["trainer.max_epochs=2", *overrides]).config
    write_yaml(resolve(config), directory / "trial.yaml")
    if job is not None:
        (directory / "job.json").write_bytes(encode(job))
    return directory


def test_a_trials_directory_runs_by_itself(project):
    directory = trial_directory(project)

    answer = cold(directory, project)

    assert answer.returncode == 0, answer.stderr
    result = read_result(directory)
    assert isinstance(result, Result)
    assert {"val/loss", "test/loss", "train/loss"} <= set(result.metrics)
    assert (directory / result.checkpoint).is_file()
    assert (directory / "metrics.jsonl").stat().st_size > 0


def test_two_ranks_of_ddp_end_in_one_result_at_the_same_step(project):
    ranks = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    directory = trial_directory(project, *ranks, job=TrialJob(0, "", Lease(1, None), start_from=str(project)))

    answer = cold(directory, project)

    assert answer.returncode == 0, answer.stderr
    result = read_result(directory)
    assert isinstance(result, Result), result
    # 64 rows in batches of 16 over 2 ranks: 2 steps an epoch.
    assert result.steps == 4


def test_a_directory_without_a_trial_is_refused(tmp_path):
    answer = cold(tmp_path, tmp_path)

    assert answer.returncode == 2
    assert "usage: python -m hone.worker DIR" in answer.stderr


def test_an_exception_leaves_a_result_that_says_so(project):
    directory = trial_directory(project, "model.misbehave=raise")

    answer = cold(directory, project)

    assert answer.returncode == 1
    failed = read_result(directory)
    assert isinstance(failed, Failed)
    assert "the user's own mistake" in failed.message
