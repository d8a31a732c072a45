import math

import pytest
import torch

from hone.tracking.spool import SpoolReader
from hone.worker.messages import Failed, Pruned, Result

EPOCHS = "trainer.max_epochs=3"


def test_a_trial_ends_with_its_best_validation_and_tests_that_checkpoint(trained):
    # A learning rate beyond the stable one: the loss falls, then grows.
    ending, line, directory = trained("trainer.max_epochs=6", "model.lr=0.9", "data.batch_size=8")

    losses = [report.metrics["val/loss"] for report in line.reports]
    assert len(losses) == 6
    assert min(losses) < losses[-1]
    assert ending.metrics["val/loss"] == min(losses)
    # The toy validates and tests on the same rows.
    assert ending.metrics["test/loss"] == pytest.approx(min(losses))
    assert (directory / ending.checkpoint).is_file()


def test_a_checkpoint_loads_without_running_any_code_in_it(trained):
    ending, _, directory = trained(EPOCHS)

    checkpoint = torch.load(directory / ending.checkpoint, weights_only=True)

    assert set(checkpoint["state_dict"]) == {"layer.weight", "layer.bias"}


def test_the_same_seed_gives_the_same_numbers_and_weights_bit_by_bit(trained):
    weights, metrics = [], []
    for seed in (3, 3, 4):
        ending, _, directory = trained(EPOCHS, f"seed={seed}")
        weights.append(torch.load(directory / ending.checkpoint, weights_only=True)["state_dict"]["layer.weight"])
        metrics.append(ending.metrics)

    assert torch.equal(weights[0], weights[1])
    assert metrics[0] == metrics[1]
    assert not torch.equal(weights[0], weights[2])


def test_metrics_of_training_validation_and_test_reach_the_spool(trained):
    _, _, directory = trained(EPOCHS)

    points = SpoolReader(directory).take()

    count = {name: sum(one.name == name for one in points) for name in ("train/loss", "val/loss", "test/loss")}
    assert count == {"train/loss": 3, "val/loss": 3, "test/loss": 1}
    # One epoch's training and validation stand at one step.
    assert {one.step for one in points if one.name == "train/loss"} == {
        one.step for one in points if one.name == "val/loss"
    }
    assert not any(one.name == "epoch" for one in points)


def test_a_trial_says_what_validation_logs_before_it_trains(trained):
    _, line, _ = trained(EPOCHS)

    assert line.start.metrics == ("val/loss",)


def test_a_trial_that_is_told_to_stop_stops_there_and_is_not_tested(trained):
    ending, line, _ = trained("trainer.max_epochs=9", "+trainer.min_epochs=5", stop_at=2)

    assert isinstance(ending, Pruned)
    assert len(line.reports) == 2
    assert "val/loss" in ending.metrics
    assert "test/loss" not in ending.metrics


def test_early_stopping_ends_a_trial_that_gets_no_better(trained):
    ending, line, _ = trained("trainer.max_epochs=50", "model.lr=0", "callbacks=early_stopping")

    assert isinstance(ending, Result)
    assert len(line.reports) == 4


def test_nothing_is_tested_where_the_config_says_so(trained):
    ending, _, _ = trained(EPOCHS, "test=false")

    assert "test/loss" not in ending.metrics


def test_a_callback_set_to_null_is_left_out(trained):
    ending, _, _ = trained(EPOCHS, "callbacks.checkpoint=null", "++trainer.enable_checkpointing=false")

    assert isinstance(ending, Result)
    assert ending.checkpoint is None


@pytest.mark.parametrize(
    ("misbehave", "kind", "message"),
    [
        ("raise", "error", "RuntimeError: the user's own mistake"),
        ("diverge", "diverged", "is nan"),
        ("memory", "oom", "out of memory"),
    ],
)
def test_each_kind_of_failure_is_told_from_the_others(trained, misbehave, kind, message):
    ending, _, _ = trained(EPOCHS, f"model.misbehave={misbehave}")

    assert isinstance(ending, Failed)
    assert (ending.kind, ending.bad_input) == (kind, False), ending
    assert message in ending.message


def test_an_objective_that_is_not_finite_ends_the_trial(trained):
    ending, line, _ = trained("trainer.max_epochs=30", "model.lr=1e30", objectives=("val/loss",))

    assert ending.kind == "diverged"
    assert not math.isfinite(line.reports[-1].metrics["val/loss"])
    assert len(line.reports) < 30


def test_a_metric_that_validation_does_not_log_is_bad_input_before_training(trained):
    ending, line, _ = trained(EPOCHS, "monitor=val/lss")

    assert ending.bad_input
    assert "Did you mean val/loss" in ending.message
    assert line.start is None


def test_data_that_is_no_data_module_is_refused(trained, composed):
    config = composed(EPOCHS) | {"data": {"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1}}

    ending, _, _ = trained(config=config)

    assert ending.bad_input
    assert ending.where == "data._target_"
    assert "LightningDataModule, not Linear" in ending.message


def test_half_precision_and_gradient_clipping_are_options(trained):
    ending, _, _ = trained(EPOCHS, "trainer.precision=bf16-mixed", "trainer.gradient_clip_val=0.5")

    assert isinstance(ending, Result)
