import pytest
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from hone.errors import ConfigError
from hone.tasks.classifier import Classifier
from hone.tasks.regularisation.averaging import EqualAverage, MovingAverage


class Slope(Classifier):
    """Its weight is known at each step: one more than at the step before."""

    def __init__(self):
        super().__init__(2)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.judged = []

    def forward(self, inputs):
        return torch.cat([inputs, self.weight.expand(len(inputs), 1)], dim=1)

    def training_step(self, batch, batch_idx):
        return -self.weight.sum()

    def on_validation_epoch_start(self):
        if not self.trainer.sanity_checking:
            self.judged.append(self.weight.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


BATCHES = DataLoader(TensorDataset(torch.randn(8, 1), torch.arange(8) % 2), batch_size=2)


class Trained(Callback):
    """Remembers the weight that each step begins with."""

    def __init__(self):
        self.begun = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.begun.append(pl_module.weight.item())


def fitted(trainer, tmp_path, averaging, *, weights_only, epochs=4):
    model, watch = Slope(), Trained()
    keep = ModelCheckpoint(tmp_path, "best", save_weights_only=weights_only, save_top_k=1, monitor="val/loss")
    run = trainer(max_epochs=epochs, callbacks=[averaging, watch, keep], enable_checkpointing=True)
    run.fit(model, BATCHES, BATCHES)
    return run, model, watch, keep


@pytest.mark.parametrize("weights_only", [True, False])
def test_the_average_is_what_is_judged_kept_and_tested(trainer, tmp_path, weights_only):
    run, model, watch, keep = fitted(trainer, tmp_path, EqualAverage(start=0.5), weights_only=weights_only)

    assert watch.begun == [float(step) for step in range(16)]
    # Steps 9 to 12, then 9 to 16.
    assert model.judged == [4.0, 8.0, 10.5, 12.5]
    assert model.weight.item() == 12.5
    kept = torch.load(keep.best_model_path, weights_only=True)["state_dict"]["weight"].item()
    assert kept in model.judged
    model.judged.clear()
    run.test(model, BATCHES, ckpt_path=keep.best_model_path, verbose=False, weights_only=True)
    assert model.weight.item() == kept


def test_a_moving_average_follows_the_weights(trainer, tmp_path):
    _, model, _, _ = fitted(trainer, tmp_path, MovingAverage(decay=0.5), weights_only=True, epochs=1)

    average = 1.0
    for weight in (2.0, 3.0, 4.0):
        average = 0.5 * average + 0.5 * weight
    assert model.judged == [average]


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_training_that_is_taken_up_again_goes_on_with_both(trainer, tmp_path):
    _, whole, _, _ = fitted(trainer, tmp_path / "whole", MovingAverage(decay=0.9), weights_only=False, epochs=4)
    last = ModelCheckpoint(tmp_path, save_last=True, save_top_k=0)
    run = trainer(max_epochs=2, callbacks=[MovingAverage(decay=0.9), last], enable_checkpointing=True)
    run.fit(Slope(), BATCHES, BATCHES)

    model = Slope()
    again = trainer(max_epochs=4, callbacks=[MovingAverage(decay=0.9)])
    again.fit(model, BATCHES, BATCHES, ckpt_path=tmp_path / "last.ckpt", weights_only=True)

    assert model.weight.item() == pytest.approx(whole.weight.item())


def test_numbers_out_of_range_are_refused_by_key():
    with pytest.raises(ConfigError, match=r"^callbacks\.averaging\.start: must be in \[0, 1\), not 1$"):
        EqualAverage(start=1)
    with pytest.raises(ConfigError, match=r"^callbacks\.averaging\.decay: must be in \(0, 1\), not 1$"):
        MovingAverage(decay=1)
