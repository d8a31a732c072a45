"""A trial that was broken off ends as if it had not been."""

import os
import signal

import pytest
import torch

from hone.worker.disk import RESUME_FILE
from hone.worker.messages import Failed, Result

EPOCHS = "trainer.max_epochs=6"


def weights(ending, directory):
    return torch.load(directory / ending.checkpoint, weights_only=True)["state_dict"]


def points(directory):
    from hone.tracking.spool import SpoolReader

    return [(one.name, one.step, one.value) for one in SpoolReader(directory).take()]


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("model.dropout=0.3", "+data.workers=1"),
        ("trainer.val_check_interval=2", "model.dropout=0.3"),
        ("model.plan=epoch",),
        ("model.plan=step", "trainer.accumulate_grad_batches=2"),
        ("callbacks=early_stopping",),
    ],
    ids=["plain", "dropout", "validations inside epochs", "schedule by epoch", "schedule by step", "early stopping"],
)
def test_a_trial_that_was_killed_ends_with_the_same_weights_and_metrics(trained, more):
    straight, line, directory = trained(EPOCHS, *more)

    broken, before, again = trained(EPOCHS, *more, die_at=4)
    assert broken is None
    assert (again / RESUME_FILE).is_file()
    ending, after, _ = trained(EPOCHS, *more, directory=again)

    assert isinstance(ending, Result), ending
    assert after.start.resumed
    assert len(before.reports) == 4
    assert after.reports[-1] == line.reports[-1]
    assert ending.metrics == straight.metrics
    assert points(again) == points(directory)
    for name, tensor in weights(straight, directory).items():
        assert torch.equal(tensor, weights(ending, again)[name])


def test_a_trial_that_is_told_to_end_saves_its_place_inside_an_epoch(trained):
    more = ("data.rows=512", "data.batch_size=8", "model.dropout=0.3", "trainer.max_epochs=3")
    straight, _, _ = trained(*more)

    stopped, _, directory = trained(*more, "model.misbehave=terminate", "model.at_epoch=0")
    assert isinstance(stopped, Failed)
    assert stopped.kind == "preempted"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    step = torch.load(directory / RESUME_FILE, weights_only=True)["global_step"]
    assert 0 < step < 64

    ending, after, _ = trained(*more, "model.misbehave=terminate", "model.at_epoch=99", directory=directory)

    assert after.start.resumed == step
    assert ending.metrics == straight.metrics


def test_a_checkpoint_that_cannot_be_read_means_starting_over_with_a_word_of_it(trained):
    straight, _, _ = trained(EPOCHS)
    _, _, directory = trained(EPOCHS, die_at=4)
    path = directory / RESUME_FILE
    os.truncate(path, path.stat().st_size // 2)

    ending, line, _ = trained(EPOCHS, directory=directory)

    assert line.start.resumed is None
    assert "it starts over" in line.start.note
    assert ending.metrics == straight.metrics


def test_a_state_loads_without_running_any_code_in_it(trained):
    _, _, directory = trained(EPOCHS, die_at=4)

    state = torch.load(directory / RESUME_FILE, weights_only=True)

    assert "hyper_parameters" not in state
    assert 1 <= state["epoch"] <= 3


def test_a_trial_that_has_no_room_for_its_checkpoints_says_so_before_it_trains(trained):
    ending, line, _ = trained(EPOCHS, reserve=10**18)

    assert ending.kind == "disk"
    assert "MB are free" in ending.message
    assert line.reports == []
