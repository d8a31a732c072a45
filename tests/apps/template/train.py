"""A training script of the shape that lightning-hydra-template gives to many: everything is built from groups."""

from typing import Any

import hydra
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig


class Points(pl.LightningDataModule):
    """Two clouds of points."""

    def __init__(self, batch_size: int = 16):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        generator = torch.Generator().manual_seed(0)
        points = torch.randn(64, 2, generator=generator)
        self.data = torch.utils.data.TensorDataset(points, (points.sum(1) > 0).long())

    def train_dataloader(self):
        return torch.utils.data.DataLoader(self.data, self.hparams.batch_size)

    val_dataloader = test_dataloader = train_dataloader


class Line(pl.LightningModule):
    """A line between them."""

    def __init__(self, lr: float = 0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(2, 2)
        self.best = 0.0

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("train/loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch, batch_idx):
        right = (self.layer(batch[0]).argmax(1) == batch[1]).float().mean()
        self.log("val/acc", right, sync_dist=True)

    def on_validation_epoch_end(self):
        self.best = max(self.best, float(self.trainer.callback_metrics["val/acc"]))
        self.log("val/acc_best", self.best, sync_dist=True)

    def test_step(self, batch, batch_idx):
        self.log("test/acc", (self.layer(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.lr)


def train(cfg: DictConfig) -> dict[str, Any]:
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    data = hydra.utils.instantiate(cfg.data)
    model = hydra.utils.instantiate(cfg.model)
    callbacks = [hydra.utils.instantiate(one) for one in cfg.callbacks.values()]
    loggers = [hydra.utils.instantiate(one) for one in (cfg.get("logger") or {}).values()]
    trainer = hydra.utils.instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)
    for logger in loggers:
        logger.log_hyperparams({"lr": cfg.model.lr, "seed": "told twice"})
    trainer.fit(model, datamodule=data)
    trained = dict(trainer.callback_metrics)
    if cfg.test:
        trainer.test(model, datamodule=data, ckpt_path="best")
    return {**trained, **trainer.callback_metrics}


@hydra.main(version_base="1.3", config_path="configs", config_name="train.yaml")
def main(cfg: DictConfig) -> float | None:
    metrics = train(cfg)
    return float(metrics[cfg.optimized_metric]) if cfg.get("optimized_metric") else None


if __name__ == "__main__":
    main()
