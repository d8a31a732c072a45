"""A run of real sentences on a server, evaluated where nothing of it lies."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hone.tracking.store import TrackingConfig, open_store

DATA_ROOT = Path(os.environ.get("HONE_DATA_ROOT", Path(__file__).parents[3] / "shared" / "data"))
SST2 = ("experiment=sst2_bilstm", "data.train_fraction=0.05", "trainer.max_epochs=1", "trainer=cpu")
SMALL = ("model.embedding_dim=16", "model.hidden_dim=8")


@pytest.mark.skipif(not (DATA_ROOT / "sst2").is_dir(), reason="SST-2 is not there; HONE_DATA_ROOT says where it is")
def test_a_run_of_another_machine_is_evaluated_by_its_id_alone(project, hone_here, mlflow_server, monkeypatch):
    monkeypatch.setenv("HONE_DATA_ROOT", str(DATA_ROOT))
    place = (f"tracking.uri={mlflow_server.uri}", "tracking.experiment=evaluated")
    answer = hone_here("train", *SST2, *SMALL, *place)
    assert answer.returncode == 0, answer.stderr
    store = open_store(TrackingConfig(uri=mlflow_server.uri, experiment="evaluated"))
    [source] = store.runs()
    shutil.rmtree(project / "mlruns")

    answer = hone_here("evaluate", source.info.run_id, "--slice", "label", "--resamples", "20", *place)

    assert answer.returncode == 0, answer.stderr
    run = store.runs()[0]
    metrics = run.data.metrics
    assert metrics["test/accuracy"] == pytest.approx(source.data.metrics["test/accuracy"], abs=1e-5)
    # The column of the file and the class of the row are the same: rows of both are in the same order.
    assert [metrics[f"slice/label/{one}"] for one in (0, 1)] == [metrics[f"slice/class/{one}"] for one in (0, 1)]
    assert sum(one.startswith("slice/length/") for one in metrics) == 4
    [directory] = (project / "mlruns" / "trials" / "evaluate").iterdir()
    whole = json.loads((directory / "evaluation" / "evaluation.json").read_text())
    assert whole["mistakes"]["surest"][0]["text"]
    assert not (directory / "fetched").exists()
