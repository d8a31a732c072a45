"""A real sweep's models: logged, loaded by MLflow, promoted and refused."""

import math
import os
import shutil

import mlflow
import numpy as np
import pytest
import torch

from hone.promote import promote
from hone.sweep.configs import model_class
from hone.tracking.config import TrackingConfig
from hone.tracking.lookup import find_run, list_runs
from hone.tracking.store import open_store

TOY = ["sweep", "toy_sweep.yaml", "--config-name", "toy"]


@pytest.fixture
def swept(project, hone_here, seeded_store):
    shutil.copytree(seeded_store, project / "mlruns")
    answer = hone_here(*TOY, "trials=4", "disk.keep=3", "trainer.max_epochs=2")
    assert answer.returncode == 0, answer.stderr
    return hone_here


@pytest.fixture
def loading(monkeypatch):
    """MLflow itself, as a user has it, on the project's store; what it sets in the environment is put back."""
    before = dict(os.environ)
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    mlflow.set_tracking_uri(place().store_uri)
    yield mlflow
    mlflow.set_tracking_uri(None)
    monkeypatch.undo()
    for name in set(os.environ) - set(before):
        del os.environ[name]


def place():
    return TrackingConfig(directory="mlruns")


def ranked():
    store = open_store(place())
    return store, list_runs(store, "toy_sweep-1", sort="objective")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_best_models_are_logged_loaded_promoted_and_refused(swept, loading):
    store, runs = ranked()
    models = [store.logged_model(one.run_id) for one in runs]
    assert [one is not None for one in models] == [True, True, True, False]

    loaded_from_run_and_model(loading, store, runs[0], models[0])
    first_then_better_then_worse(swept, store, runs)
    other_data_is_not_compared(swept, store, runs)


def loaded_from_run_and_model(loading, store, run, model):

    inputs = np.ones((3, 2), dtype=np.float32)
    net = loading.pytorch.load_model(f"models:/{model}")
    assert model_class({"model": {"_target_": f"toy.{type(net).__name__}"}}) == "ToyModel"
    assert not net.training
    weights = torch.load(f"mlruns/trials/toy_sweep-1/000{run.tags['hone.trial']}/checkpoints/best.ckpt")["state_dict"]
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    again = loading.pytorch.load_model(f"runs:/{run.run_id}/model")
    assert torch.equal(again.layer.weight, net.layer.weight)
    # What the run read, and what it came to.
    kept = store.client.get_run(run.run_id)
    assert {one.dataset.name for one in kept.inputs.dataset_inputs} == {"toy"}
    assert kept.outputs.model_outputs[0].model_id == model
    assert kept.data.metrics["model/parameters"] == 3
    assert next(iter(kept.data.params)) in run.searched
    assert inputs.shape == (3, 2)


def first_then_better_then_worse(hone, store, runs):
    best, second, third, dropped = runs
    assert "is the first champion of toy" in hone("promote", second.run_id).stdout
    better = hone("promote", best.run_id)
    assert better.returncode == 0
    assert "better by" in better.stdout
    assert "which is previous now" in better.stdout
    worse = hone("promote", third.run_id)
    assert worse.returncode == 1
    assert f"worse by {third.objective - best.objective:.4f}" in " ".join(worse.stdout.split())
    assert hone("promote", "best").returncode == 0
    assert find_run(store, "champion") == find_run(store, "champion:toy") == find_run(store, best.run_id)
    assert best.run_id in hone("show", "champion").stdout
    version = store.client.get_model_version_by_alias("toy", "champion")
    assert version.tags["hone.study"] == "toy_sweep-1"
    assert math.isclose(float(version.tags["hone.value"]), best.objective)
    assert store.client.get_model_version_by_alias("toy", "previous").run_id == second.run_id
    assert hone("promote", third.run_id, "--force").returncode == 0
    assert find_run(store, "champion").run_id == third.run_id
    missing = hone("promote", dropped.run_id)
    assert missing.returncode == 2
    assert "no model of it was kept" in missing.stderr
    assert "promote its best trial" in hone("promote", "toy_sweep-1").stderr


def other_data_is_not_compared(hone, store, runs):
    store.set_tags(runs[1].run_id, {"hone.data": "other"})

    answer = hone("promote", runs[1].run_id)

    assert answer.returncode == 2
    assert "cannot be compared with champion toy" in answer.stderr
    assert "--force" in answer.stderr
    assert promote(runs[1].run_id, place(), force=True).gain is None
