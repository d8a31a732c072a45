"""The model fits the data."""

import torch
from net import Net
from spirals import Spirals


def test_a_batch_of_points_gives_a_score_for_each_class():
    data = Spirals(points=100, batch_size=10)
    data.setup()
    points, labels = next(iter(data.train_dataloader()))

    scores = Net(data.num_classes)(points)

    assert scores.shape == (10, data.num_classes)
    assert set(labels.tolist()) <= {0, 1}


def test_a_step_of_training_lowers_the_loss():
    torch.manual_seed(0)
    data = Spirals(points=100, batch_size=60)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    net = Net(data.num_classes)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)

    before = net.training_step(batch, 0)
    before.backward()
    optimizer.step()

    assert net.training_step(batch, 0) < before
