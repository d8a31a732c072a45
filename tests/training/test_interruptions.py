"""A trial that is broken off at any step, in the middle of an epoch, ends as one that was not.

HONE_SOAK sets how many random steps are tried; ``make soak`` tries ten of each kind.
"""

import json
import os
import random
import subprocess
import sys

import pytest
import torch

from hone.config.files import write_yaml
from hone.worker.disk import RESUME_FILE
from hone.worker.messages import Result

SOAK = int(os.environ.get("HONE_SOAK", "0"))
BATCHES, EPOCHS = 24, 3
# Batches of each of two ranks in an epoch, and those whose next validation is not an epoch's last.
EACH = BATCHES // 2
STRUCK = [one for one in range(2, EACH * EPOCHS) if one % EACH in range(1, 8)]
IN_THE_SECOND_EPOCH = EACH + 5
# Order of batches, dropout, a schedule and an optimizer with state.
COMMON = [
    f"data.rows={BATCHES * 8}",
    "data.batch_size=8",
    f"trainer.max_epochs={EPOCHS}",
    "model.dropout=0.3",
    "model.plan=step",
    "trainer.log_every_n_steps=5",
]
KINDS = {
    "plain": [],
    "accumulated": ["trainer.accumulate_grad_batches=3", "model.plan=epoch"],
    "bfloat16": ["trainer.precision=bf16-mixed"],
    "float16 with a scaler": [
        "+trainer.plugins=[{_target_:pytorch_lightning.plugins.precision.MixedPrecision,precision:16-mixed,device:cpu}]",
        "trainer.precision=null",
        # The first scale is too large, and the step that it spoils is left out, which a schedule by step warns of.
        "model.plan=epoch",
    ],
}
DRAW = random.Random(int(os.environ.get("HONE_SOAK_SEED", "7")))


def steps(count):
    """Random batches of the whole training, none of them the first or the last."""
    return sorted(DRAW.sample(range(2, BATCHES * EPOCHS - 1), count))


def weights(ending, directory):
    return torch.load(directory / ending["checkpoint"], weights_only=True)["state_dict"]


def points(directory):
    """What training logged; what the machine was doing meanwhile is never the same."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    logged = [(step, name, value) for step, _, metrics in lines for name, value in metrics.items()]
    return [one for one in logged if not one[1].startswith("system/")]


@pytest.mark.parametrize("kind", KINDS)
def test_at_random_steps_of_one_process(kind, trained, composed):
    config = composed(*COMMON, *KINDS[kind])
    straight, _, first = trained(config=config)
    assert isinstance(straight, Result), straight

    for batch in steps(SOAK or 1):
        strike = {"_target_": "toy.Strike", "batch": batch}
        broken = {**config, "callbacks": {**config["callbacks"], "strike": strike}}
        stopped, _, directory = trained(config=broken)
        assert stopped.kind == "preempted", (batch, stopped)
        assert (directory / RESUME_FILE).is_file()

        ending, line, _ = trained(config=config, directory=directory)

        assert isinstance(ending, Result), (batch, ending)
        assert line.start.resumed is not None
        assert ending.weights == straight.weights, batch
        assert ending.metrics == straight.metrics, batch
        assert points(directory) == points(first), batch


@pytest.mark.parametrize("how", ["terminate", "crash"] if SOAK else ["terminate"])
def test_at_random_steps_of_two_processes(how, composed, tmp_path, project):
    # Ranks end together at the batch after a validation, of which there are three in an epoch here.
    ranks = ["trainer.devices=2", "trainer.strategy=ddp", "trainer.val_check_interval=4"]
    config = composed(*COMMON, *ranks)
    straight = cold(config, tmp_path / "straight", project)
    inside = set()

    for batch in DRAW.sample(STRUCK, SOAK) if SOAK else [IN_THE_SECOND_EPOCH]:
        strike = {"_target_": "toy.Strike", "batch": batch, "how": how}
        directory = tmp_path / f"at-{batch}"
        broken = cold({**config, "callbacks": {**config["callbacks"], "strike": strike}}, directory, project)
        if how == "terminate":
            assert broken["kind"] == "preempted", (batch, broken)
        if (directory / RESUME_FILE).is_file():
            inside.add(torch.load(directory / RESUME_FILE, weights_only=True)["global_step"] % EACH)

        ending = cold(config, directory, project)

        assert ending["type"] == "Result", (batch, ending)
        assert ending["weights"] == straight["weights"], batch
        assert ending["metrics"] == straight["metrics"], batch
        assert points(directory) == points(tmp_path / "straight"), batch
    if how == "terminate":
        assert inside - {0}, "none of them was in the middle of an epoch"


def cold(config, directory, project):
    """Run a trial's directory in processes of its own, in a session that can be ended as a whole."""
    directory.mkdir(exist_ok=True)
    (directory / "result.json").unlink(missing_ok=True)
    write_yaml(config, directory / "trial.yaml")
    environment = os.environ | {"PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-m", "hone.worker", str(directory)],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
        start_new_session=True,
    )
    if not (directory / "result.json").exists():
        assert answer.returncode == -9, answer.stdout + answer.stderr
        return None
    return json.loads((directory / "result.json").read_text())
