"""Real runs, evaluated: what is said, what is tracked, and with whom it is compared."""

import math
import os
import re
import shutil

import numpy as np
import pytest
import torch

from hone.evaluate import Evaluation, Options, Score, evaluate
from hone.tracking.store import TrackingConfig, open_store

DIGITS = ("data=digits", "trainer.max_epochs=1")


class Bomb:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch hacked",)


def test_an_evaluation_is_a_run_of_its_own_that_names_its_source(train, evaluated, artifact, project, monkeypatch):
    source = train(*DIGITS, "model=mlp")
    monkeypatch.setenv("HONE_REPORT", "true")

    run, said = evaluated(source)

    tags, metrics = run.data.tags, run.data.metrics
    assert run.info.experiment_id == source.info.experiment_id
    assert (tags["hone.kind"], tags["hone.evaluates"], tags["hone.split"]) == (
        "evaluation",
        source.info.run_id,
        "test",
    )
    assert metrics["test/accuracy"] == pytest.approx(source.data.metrics["test/accuracy"], abs=1e-6)
    assert metrics["test/accuracy_low"] < metrics["test/accuracy"] < metrics["test/accuracy_high"]
    assert {f"slice/class/{digit}" for digit in range(10)} <= set(metrics)
    assert metrics["latency/batch_1/p50_ms"] <= metrics["latency/batch_1/p95_ms"]
    assert metrics["model/parameters"] == source.data.metrics["model/parameters"]
    assert [one.tags[0].value for one in run.inputs.dataset_inputs] == ["testing"]
    assert "### Slices" in tags["mlflow.note.content"]
    assert "on the test split · 359 rows" in said
    kept = {one.name for one in (project / "mlruns" / "artifacts" / run.info.run_id / "artifacts/evaluation").iterdir()}
    assert {
        "predictions.parquet",
        "confusion.png",
        "curves.png",
        "calibration.png",
        "mistakes.png",
        "slices.png",
    } <= kept
    whole = artifact(run, "evaluation/evaluation.json")
    assert whole["scores"]["accuracy"]["value"] == pytest.approx(metrics["test/accuracy"])
    assert (whole["resamples"], whole["split"], len(whole["slices"])) == (20, "test", 10)


def test_it_is_a_function_for_other_programs(train, start_workers, project):
    source = train(*DIGITS, "model=mlp")
    place = TrackingConfig(directory=str(project / "mlruns"))

    found = evaluate(
        open_store(place),
        source.info.run_id,
        "val",
        start_workers=start_workers,
        root=place.root,
        options=Options(resamples=20, pictures=False, compare=False, tags={"hone.round": "2"}),
    )

    assert isinstance(found, Evaluation)
    assert isinstance(found.scores["accuracy"], Score)
    assert (found.split, found.metric, found.maximize, found.kind) == ("val", "accuracy", True, "classes")
    assert found.scores["accuracy"].value == pytest.approx(source.data.metrics["val/accuracy"], abs=1e-6)
    assert found.mistakes.rows == round((1 - found.scores["accuracy"].value) * found.rows)
    assert sum(count for _, _, count in found.mistakes.confused) <= found.mistakes.rows
    assert found.comparison is None
    kept = open_store(place).client.get_run(found.run_id)
    assert kept.data.tags["hone.round"] == "2"


def test_a_module_without_predictions_is_scored_without_intervals_and_that_is_said(train_toy, evaluated, artifact):
    source = train_toy()

    run, said = evaluated(source, "--config-name", "toy")

    assert run.data.metrics["test/loss"] == pytest.approx(source.data.metrics["test/loss"], abs=1e-6)
    assert "test/loss_low" not in run.data.metrics
    assert "returns no predictions by row: no intervals, no slices, no comparison" in said
    assert "latency/batch_1/p50_ms" not in run.data.metrics
    assert "no latency" in said
    assert artifact(run, "evaluation/evaluation.json")["kind"] is None


def test_other_data_is_scored_and_said_to_be_other(train_toy, evaluated, project):
    source = train_toy()
    (project / "conf" / "data" / "filed.yaml").write_text("_target_: toy.FiledData\npath: points.csv\nbatch_size: 4\n")
    (project / "points.csv").write_text("1,2,3\n" * 12)

    run, said = evaluated(source, "data=filed", "data.batch_size=6", "--config-name", "toy")

    assert "its data is not what the run was made with" in said
    assert run.data.params["data._target_"] == "toy.FiledData"
    assert run.data.params["data.batch_size"] == "6"
    assert not math.isclose(run.data.metrics["test/loss"], source.data.metrics["test/loss"])


def test_a_slice_of_a_table_that_does_worse_lags(project, train, evaluated):
    draw = np.random.default_rng(0)
    rows = ["region,size,price"]
    for number in range(400):
        region, size = ("north", "south")[number % 2], draw.uniform(0, 1)
        rows.append(f"{region},{size:.3f},{100 * size + draw.normal(0, 60 if region == 'south' else 1):.3f}")
    (project / "houses.csv").write_text("\n".join(rows))
    table = ("data=table", "data.train=houses.csv", "data.target=price", "data.task=regression", "data.ignore=[region]")
    source = train(*table, "model=table_regressor", "evaluation=regression", "monitor=val/mae", "mode=min")

    run, said = evaluated(source, "--slice", "region", "--slice", "size")

    assert run.data.metrics["slice/region/south"] > 2 * run.data.metrics["slice/region/north"]
    assert re.search(r"region south \d\d [\d.]+ [\d.]+ to [\d.]+ lags", said)
    assert not re.search(r"region north \d\d [\d.]+ [\d.]+ to [\d.]+ lags", said)
    assert len(re.findall(r"size 0\.?\d* to [\d.]+ \d\d ", said)) == 4
    assert run.data.metrics["test/mae_low"] < run.data.metrics["test/mae"] < run.data.metrics["test/mae_high"]
    # In standardised units, which its predictions are not in.
    assert "test/loss_low" not in run.data.metrics
    assert run.data.tags["hone.direction"] == "minimize"


def test_what_cannot_be_evaluated_is_said_in_a_line_and_leaves_no_run(train_toy, hone_here, runs, project):
    source = train_toy()
    checkpoint = project / "mlruns" / "artifacts" / source.info.run_id / "artifacts" / "checkpoints" / "best.ckpt"
    evaluation = hone_here("evaluate", source.info.run_id, "--config-name", "toy")
    assert evaluation.returncode == 0, evaluation.stderr
    before = len(runs())
    made = runs()[-1].info.run_id

    def refused(*arguments):
        answer = hone_here("evaluate", *arguments, "--config-name", "toy")
        assert answer.returncode == 2, answer
        assert len(answer.stderr.splitlines()) == 1, answer.stderr
        return answer.stderr

    run_id = source.info.run_id
    assert "--split: must be test, val or train, not 'tset'. Did you mean test?" in refused(run_id, "--split", "tset")
    assert "no run by that name" in refused("nobody")
    assert f"is an evaluation of run {run_id[:8]}" in refused(made)
    assert "hone evaluate" in hone_here("reproduce", made, "--config-name", "toy").stderr
    assert "model.widht: no such key. Did you mean model.width?" in refused(run_id, "model.widht=3")
    assert "is of a model with width=2; here, with this data, it is 3" in refused(run_id, "model.width=3")
    config = checkpoint.parents[1] / "config.yaml"
    good = config.read_text()
    config.write_text(good.replace("_target_: toy.ToyModel", "_target_: torch.os.system"))
    assert "model._target_: torch.os.system" in refused(run_id)
    config.write_text(good)
    checkpoint.unlink()
    torch.save({"state_dict": {}, "more": Bomb()}, checkpoint)
    assert "holds objects that only a pickle loads" in refused(run_id)
    assert not (project / "hacked").exists()
    checkpoint.unlink()
    shutil.rmtree(project / "mlruns" / "artifacts" / "models")
    assert "no checkpoint of it was kept" in refused(run_id)
    assert len(runs()) == before
