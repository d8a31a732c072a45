"""A Lightning application of the shape of lightning-hydra-template, with nothing in it changed."""

import json

import pytest
from mlflow.tracking import MlflowClient

from applications import Application

SEARCH = ["hparams_search=hone", "hydra.sweeper.sampler.seed=1"]


@pytest.fixture(scope="module", params=["1.3", "1.4"])
def packages(request):
    """Hydra of this process, or the next."""
    return None if request.param == "1.3" else request.getfixturevalue("hydra_next")


@pytest.fixture(scope="module")
def swept(tmp_path_factory, seeded_store, packages):
    """The template after a sweep with a pruner that was killed and has gone on, to be looked at."""
    app = Application("template", tmp_path_factory.mktemp("swept"), seeded_store, packages)
    pruner = "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, lower: 0.75, n_warmup_steps: 2}"
    grid = [
        "hydra.sweeper.sampler._target_=optuna.samplers.GridSampler",
        "model.lr=choice(1e-9, 0.4)",
        "data.batch_size=8,16",
    ]
    asked = (*SEARCH, "logger=mlflow", *grid, pruner)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(app.directory)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        app.kill(*asked, once=app.ended)
        app.done = app.ended()
        assert len(app.done) < 4
        assert app.sweep(*asked, "hydra.sweeper.resume=true") == 0
    return app


def test_a_killed_sweep_goes_on(swept):
    assert swept.ended().items() >= swept.done.items(), "what was done is not done again"
    assert len(swept.ended()) == 4
    assert {run.info.status for run in swept.runs("study")} == {"FINISHED"}


def test_trials_are_pruned(swept):
    ended = {float(run.data.params["model.lr"]): set() for run in swept.runs()}
    for run in swept.runs():
        ended[float(run.data.params["model.lr"])].add((run.data.tags["hone.state"], run.info.status))
    assert ended == {1e-9: {("pruned", "KILLED")}, 0.4: {("complete", "FINISHED")}}
    assert swept.results["best_params"]["model.lr"] == 0.4
    assert swept.results["best_value"] > 0.75


def test_its_own_logger_logs_into_its_trials_run_and_makes_no_other(swept):
    client = MlflowClient(f"sqlite:///{swept.directory / 'mlruns' / 'mlflow.db'}")
    assert [one.name for one in client.search_experiments() if one.name != "Default"] == ["hone"]
    assert len(swept.store.runs()) == 1 + 4
    assert not (swept.directory / "logs" / "its_own.db").exists()
    for run in swept.runs():
        assert run.data.params["lr"] == run.data.params["model.lr"], "what the application logs"
        assert run.data.params["seed"] == "12", "the config's own parameters stay"
        steps = [one.step for one in client.get_metric_history(run.info.run_id, "val/acc")]
        assert len(set(steps)) == (3 if run.info.status == "FINISHED" else 2)
        assert len(steps) == len(set(steps)), "nothing is logged twice, of what was broken off neither"
        assert ("test/acc" in run.data.metrics) == (run.info.status == "FINISHED"), "what is pruned is not tested"


def test_both_ranks_of_a_trial_train_its_job_and_stop_together(application, packages):
    app = application("template", packages)
    pruner = "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, lower: 1.1}"

    status = app.sweep(*SEARCH, "trainer=ddp", pruner, "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")

    assert status == 1, "its one trial is pruned"
    log = next(app.directory.glob("mlruns/trials/*/0000/log.txt")).read_text()
    assert "Starting with 2 processes" in log, log
    assert json.loads(next(app.directory.glob("mlruns/trials/*/0000/result.json")).read_text())["type"] == "Pruned", log
    assert [one.name for one in app.directory.glob("logs/train/multiruns/*/*") if one.is_dir()] == ["0"]
    assert app.of_job(0, "overrides")[0].startswith("model.lr="), "the second rank writes nothing there"
    assert len(app.runs()) == 1
