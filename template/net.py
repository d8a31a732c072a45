"""Model: a multilayer perceptron. hone gives it the optimizer of the config, since it has none of its own."""

import pytorch_lightning as pl
from torch import Tensor, nn


class Net(pl.LightningModule):
    """Tells points of the plane apart.

    Args:
        num_classes: How many kinds of points there are.
        width: Units of each hidden layer.
        depth: Hidden layers.
        dropout: Share of units that are left out while training.
    """

    def __init__(self, num_classes: int, width: int = 32, depth: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for place in range(depth):
            layers += [nn.Linear(2 if place == 0 else width, width), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_classes))

    def forward(self, points: Tensor) -> Tensor:
        """Scores of each class."""
        scores: Tensor = self.layers(points)
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch; hone logs it as ``train/loss``."""
        points, labels = batch
        return nn.functional.cross_entropy(self(points), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """What a sweep judges by."""
        self._judge("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """What is reported of the best checkpoint."""
        self._judge("test", batch)

    def _judge(self, split: str, batch: tuple[Tensor, Tensor]) -> None:
        points, labels = batch
        scores = self(points)
        self.log(f"{split}/loss", nn.functional.cross_entropy(scores, labels))
        self.log(f"{split}/accuracy", (scores.argmax(1) == labels).float().mean())
