"""Trials of two processes each, swept and pruned."""

import json
import time

import psutil
import pytest
import yaml
from terminal import started, wait_for

SWEEP = ["sweep", "toy_sweep.yaml", "--config-name", "toy"]
RANKS = [
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "trainer.strategy=ddp",
    "executor.max_parallel=1",
    "sampler=random",
]


def test_every_rank_has_the_same_parameters_and_stops_at_the_same_step(project, hone):
    pruned = ["pruner=median", "++pruner.n_startup_trials=1", "++pruner.n_warmup_steps=0", "trainer.max_epochs=4"]

    answer = hone(*SWEEP, *RANKS, *pruned, "trials=4", "model.misbehave=ranks", "model.at_epoch=0")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    trials = sorted((project / "mlruns" / "trials" / "toy_sweep-1").glob("0*"))
    endings = []
    for trial in trials:
        config = yaml.safe_load((trial / "trial.yaml").read_text())
        said = [json.loads(line) for line in (project / "ranks.jsonl").read_text().splitlines()]
        own = [one for one in said if one["trial"] == str(trial)]
        assert {one["rank"] for one in own} == {0, 1}
        assert {one["lr"] for one in own} == {config["model"]["lr"]}
        endings.append(json.loads((trial / "result.json").read_text()))
        last = {rank: max(one["step"] for one in own if one["rank"] == rank) for rank in (0, 1)}
        assert last == {0: endings[-1]["steps"], 1: endings[-1]["steps"]}
    assert {one["type"] for one in endings} == {"Result", "Pruned"}


def test_a_rank_that_is_killed_fails_the_trial_and_frees_its_lease(project):
    more = ["trials=2", "model.pause=0.3", "trainer.max_epochs=12", "failure.retries=0", "failure.max_failure_rate=1"]
    with started(project, *SWEEP, *RANKS, *more) as process:
        trials = project / "mlruns" / "trials" / "toy_sweep-1"
        wait_for(lambda: (trials / "0000" / "resume.ckpt").exists(), process)
        [second] = [one for one in psutil.Process(process.pid).children(recursive=True) if _is_second(one)]
        second.kill()
        began = time.monotonic()
        said, _ = process.communicate(timeout=150)

    assert process.returncode == 0, said
    assert "trial 0 failed" in said
    assert "trial 1 complete" in said
    assert time.monotonic() - began < 120
    assert not second.is_running()


def _is_second(process):
    try:
        return process.environ().get("LOCAL_RANK") == "1"
    except psutil.Error:
        return False


@pytest.fixture(autouse=True)
def _ranks_say_where_they_stop(project):
    """The toy writes down what each rank has, batch by batch."""
    with (project / "toy.py").open("a") as toy:
        toy.write(
            "\n\ndef _say(self, outputs, batch, batch_idx):\n"
            "    import json\n"
            "    with open('ranks.jsonl', 'a') as file:\n"
            "        said = {'trial': self.trainer.default_root_dir, 'rank': self.global_rank,\n"
            "                'lr': self.hparams.lr, 'step': self.trainer.global_step}\n"
            "        file.write(json.dumps(said) + '\\n')\n\n\n"
            "ToyModel.on_train_batch_end = _say\n"
        )
