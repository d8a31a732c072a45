"""Real runs, evaluated: what is said, what is tracked, and with whom it is compared."""

import math

import pytest
from toy import ToyModel

from hone.evaluate import Evaluation, Options, Score, evaluate
from hone.tracking.store import TrackingConfig, open_store

DIGITS = ("data=digits", "trainer.max_epochs=1")


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
    assert {"predictions.parquet", "confusion.png", "curves.png", "calibration.png", "mistakes.png"} <= kept
    whole = artifact(run, "evaluation/evaluation.json")
    assert whole["scores"]["accuracy"]["value"] == pytest.approx(metrics["test/accuracy"])
    assert (whole["resamples"], whole["split"], len(whole["slices"])) == (20, "test", 10)


def test_a_run_is_compared_with_the_champion_of_its_task_and_with_any_other(train, evaluated, hone_here):
    poor = train(*DIGITS, "model=mlp", "optimizer.lr=1e-4")
    good = train(*DIGITS, "model=cnn", "optimizer.lr=5e-3", "trainer.max_epochs=3")
    assert hone_here("promote", poor.info.run_id).returncode == 0

    run, said = evaluated(good, "--split", "val")

    assert run.data.tags["hone.against"] == poor.info.run_id
    assert run.data.tags["hone.compared"] == "better"
    assert f"{good.info.run_name} is better than champion digits version 1: accuracy" in said
    assert "by McNemar's exact test on the same 360 val rows" in said
    assert run.data.metrics["against/difference"] == pytest.approx(
        good.data.metrics["val/accuracy"] - poor.data.metrics["val/accuracy"], abs=1e-6
    )
    assert run.data.metrics["against/difference_low"] > 0
    assert run.data.metrics["against/p"] < 0.001
    _, other = evaluated(poor, "--split", "val", "--against", good.info.run_id)
    assert f"{poor.info.run_name} is worse than {good.info.run_name}" in other


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
    checkpoint.unlink()
    assert len(runs()) == before
    assert ToyModel.__name__ == "ToyModel"
