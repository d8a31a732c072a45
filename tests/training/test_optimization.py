from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from hone.errors import ConfigError
from hone.training.optimization import attach_optimizer
from hone.training.schedules import cosine, linear
from hone.worker.messages import Result

ROOT = Path(__file__).parents[2]
QUICK = ["trainer=cpu", "trainer.max_epochs=2", "+trainer.enable_model_summary=false", "trainer.limit_train_batches=4"]


def options(group):
    return sorted(one.stem for one in (ROOT / "conf" / group).glob("*.yaml"))


@pytest.mark.parametrize("scheduler", options("scheduler"))
@pytest.mark.parametrize("optimizer", options("optimizer"))
def test_every_optimizer_trains_under_every_scheduler(trained, optimizer, scheduler):
    quick = [one for one in QUICK if "summary" not in one]

    ending, _, _ = trained(*quick, f"optimizer={optimizer}", f"scheduler={scheduler}", name="config")

    assert isinstance(ending, Result), ending
    assert ending.steps == 8


@pytest.mark.parametrize("schedule", [cosine, linear])
def test_a_schedule_warms_up_and_falls_to_zero_over_the_whole_of_training(schedule):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = schedule(optimizer, total_steps=100, warmup=0.1)
    rates = []
    for _ in range(100):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()

    assert rates[0] == 0
    assert rates[:11] == sorted(rates[:11])
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert scheduler.get_last_lr()[0] == pytest.approx(0, abs=1e-9)


class Plain(pl.LightningModule):
    """Brings no optimizer."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).mean()


class Stream(torch.utils.data.IterableDataset):
    """Of a length that nobody knows."""

    def __iter__(self):
        return iter(torch.zeros(8, 2))


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize("length", [{"max_epochs": 2}, {"max_epochs": -1, "max_time": "00:00:01:00"}])
def test_a_schedule_over_steps_that_nobody_can_count_is_refused(length):
    module = Plain()
    attach_optimizer(module, partial(torch.optim.SGD, lr=0.1), partial(linear, warmup=0.1), monitor="loss", mode="min")
    data = Stream() if length["max_epochs"] > 0 else torch.zeros(8, 2)
    trainer = pl.Trainer(**length, accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)

    with pytest.raises(ConfigError, match=r"scheduler: needs to know how many steps there are.*trainer\.max_steps"):
        trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=4))


def test_reduce_on_plateau_judges_in_epochs_that_are_validated(trained):
    ending, _, _ = trained(
        "trainer=cpu", "scheduler=plateau", "trainer.max_epochs=4", "trainer.check_val_every_n_epoch=2", name="config"
    )

    assert isinstance(ending, Result), ending


def test_reduce_on_plateau_watches_the_monitor(trained):
    slow = ["optimizer.lr=1e-12", "scheduler=plateau", "scheduler.patience=0", "trainer.max_epochs=6"]

    ending, _, directory = trained("trainer=cpu", "callbacks.checkpoint.save_weights_only=false", *slow, name="config")

    best = torch.load(directory / ending.checkpoint, weights_only=False)
    assert "optimizer_states" in best


def test_a_module_with_an_optimizer_of_its_own_keeps_it(trained, composed):
    own = composed("trainer.max_epochs=1", "model.lr=0.0")
    given = own | {"optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 1.0}}

    first, _, _ = trained(config=own)
    second, _, _ = trained(config=given)

    assert first.metrics == second.metrics


def test_a_module_without_an_optimizer_needs_one(trained, composed):
    config = composed(*QUICK[:2], name="config") | {"optimizer": None}

    ending, _, _ = trained(config=config)

    assert ending.bad_input
    assert ending.where == "optimizer"
    assert "choose one" in ending.message
