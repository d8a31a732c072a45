import pytest
from pytorch_lightning.callbacks import Callback

from hone.errors import ConfigError
from hone.training.accumulation import EffectiveBatchSize
from hone.worker.messages import Failed, Result

QUICK = ["trainer=cpu", "trainer.max_epochs=1", "trainer.limit_val_batches=1", "test=false"]


class Steps(Callback):
    """Counts the batches of a trial and its optimizer's steps."""

    seen: tuple[int, int] = (0, 0)

    def on_train_end(self, trainer, pl_module):
        Steps.seen = (trainer.fit_loop.epoch_loop.batch_progress.total.completed, trainer.global_step)


class Rates(Callback):
    """The learning rate after each step."""

    seen = ()

    def on_train_start(self, trainer, pl_module):
        Rates.seen = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step > len(Rates.seen):
            Rates.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


@pytest.mark.parametrize(("size", "each", "steps"), [(64, 16, 17), (64, 64, 17), (256, 32, 5)])
def test_a_step_sees_as_many_examples_as_are_asked_for(trained, size, each, steps):
    watch = f"+callbacks.watch={{_target_: {__name__}.Steps}}"

    ending, _, _ = trained(*QUICK, f"effective_batch_size={size}", f"data.batch_size={each}", watch, name="config")

    assert isinstance(ending, Result), ending
    # 1,078 digits; what is left over at the end of an epoch is a step as well.
    assert ending.steps == steps
    assert Steps.seen[1] == steps


def test_a_schedule_counts_steps_and_not_batches(trained):
    rates = f"+callbacks.rates={{_target_: {__name__}.Rates}}"
    schedule = ["scheduler=linear", "scheduler.warmup=0", "optimizer.lr=1.0"]

    trained(*QUICK, "effective_batch_size=256", "data.batch_size=32", *schedule, rates, name="config")

    assert Rates.seen == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["effective_batch_size=100", "data.batch_size=64"], "100 is no multiple of data.batch_size, 64"),
        (["effective_batch_size=32", "data.batch_size=64"], "32 is no multiple of data.batch_size, 64"),
    ],
)
def test_a_size_that_batches_do_not_make_up_is_refused(trained, overrides, message):
    ending, _, _ = trained(*QUICK, *overrides, name="config")

    assert isinstance(ending, Failed)
    assert (ending.bad_input, ending.where, ending.message) == (True, "effective_batch_size", message)


def test_sizes_begin_at_one():
    with pytest.raises(ConfigError, match=r"^effective_batch_size: must be at least 1, not 0$"):
        EffectiveBatchSize(0)


@pytest.mark.parametrize("averaging", ["ema", "swa"])
def test_an_average_of_the_weights_is_chosen_by_its_name(trained, averaging):
    ending, *_ = trained(
        "trainer=cpu", "trainer.max_epochs=4", f"callbacks={averaging}", "optimizer.lr=3e-3", name="config"
    )

    assert isinstance(ending, Result), ending
    # The checkpoint that was kept is what was judged, so that it is as good on images of the same kind.
    assert ending.metrics["test/accuracy"] > ending.metrics["val/accuracy"] - 0.05
