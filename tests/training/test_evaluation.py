"""What a run leaves of its predictions."""

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import torch
import yaml

from hone.training.evaluation import rows_of, understood
from hone.worker.messages import Result

DIGITS = ["data=digits", "model=mlp", "trainer=cpu", "trainer.max_epochs=2"]


def summary(directory):
    return json.loads((directory / "evaluation" / "evaluation.json").read_text())


def test_a_run_keeps_the_predictions_of_the_checkpoint_that_was_tested(trained):
    ending, _, directory = trained(*DIGITS, name="config")

    said = summary(directory)
    assert (said["split"], said["rows"]) == ("test", 359)
    assert said["accuracy"] == pytest.approx(ending.metrics["test/accuracy"], abs=1e-6)
    assert pq.read_table(directory / "evaluation" / "predictions.parquet").num_rows == 359
    assert (directory / "evaluation" / "mistakes.npz").is_file()


def test_without_a_test_it_is_the_best_validation(trained):
    _, line, directory = trained(*DIGITS, "trainer.max_epochs=4", "optimizer.lr=0.05", "test=false", name="config")

    said = summary(directory)
    assert (said["split"], said["rows"]) == ("val", 360)
    best = max(report.metrics["val/accuracy"] for report in line.reports)
    assert said["accuracy"] == pytest.approx(best, abs=1e-6)


def test_nothing_is_kept_where_the_config_says_so_and_where_a_module_returns_nothing(trained):
    _, _, without = trained(*DIGITS, "evaluation.artifacts=false", name="config")
    _, _, users = trained("trainer.max_epochs=1")

    assert not (without / "evaluation").exists()
    assert not (users / "evaluation").exists()


def test_a_users_module_that_returns_targets_and_predictions_has_them_kept(trained, project, monkeypatch):
    toy = sys.modules["toy"]

    def test_step(self, batch, batch_idx):
        inputs, targets = batch
        return {"targets": targets, "predictions": self.layer(inputs)}

    monkeypatch.setattr(toy.ToyModel, "test_step", test_step)

    _, _, directory = trained("trainer.max_epochs=1")

    assert (summary(directory)["kind"], summary(directory)["rows"]) == ("numbers", 64)


def test_what_makes_no_sense_of_predictions_costs_them_and_not_the_trial(trained, monkeypatch, capfd):
    toy = sys.modules["toy"]

    def test_step(self, batch, batch_idx):
        inputs, targets = batch
        return {"labels": 0 * targets.long().reshape(-1), "logits": inputs}

    monkeypatch.setattr(toy.ToyModel, "test_step", test_step)
    monkeypatch.setattr(toy.ToyData, "class_names", property(lambda _: 1 / 0), raising=False)

    ending, _, _ = trained("trainer.max_epochs=1")

    assert isinstance(ending, Result)
    assert "could not be written down" in capfd.readouterr().out


def test_the_first_of_two_ranks_writes_each_row_once(composed, tmp_path):
    config = composed(*DIGITS, "trainer.max_epochs=1", "trainer.devices=2", "++trainer.strategy=ddp", name="config")
    directory = tmp_path / "trial"
    directory.mkdir()
    (directory / "trial.yaml").write_text(yaml.safe_dump(config))

    answer = subprocess.run(
        [sys.executable, "-m", "hone.worker", directory],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = pq.read_table(directory / "evaluation" / "predictions.parquet").column("row").to_pylist()
    assert rows == list(range(359))
    assert summary(directory)["rows"] == 359
    shutil.rmtree(directory)


@pytest.mark.parametrize("kind", [torch.uint8, torch.bool, torch.int32])
def test_labels_of_any_kind_are_numbers_of_classes(kind):
    labels = torch.tensor([0, 1, 1]).to(kind)

    found = understood({"labels": labels, "logits": torch.randn(3, 2)})

    assert found[2].tolist() == [0, 1, 1]
    assert found[2].dtype == torch.int64


def test_padding_among_labels_makes_them_no_rows_of_the_data():
    assert understood({"labels": torch.tensor([0, -100, 1]), "logits": torch.randn(3, 2)}) is None


def test_rows_of_what_gives_its_own_order_are_counted():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(torch.arange(10.0))

    loader = torch.utils.data.DataLoader(Stream(), batch_size=4)

    assert rows_of(loader, 10).tolist() == list(range(10))
