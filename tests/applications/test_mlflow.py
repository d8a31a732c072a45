"""An application that logs to MLflow by itself."""


def test_whatever_it_logs_is_logged_into_its_jobs_run_and_makes_no_other(application):
    app = application("logs")

    assert app.sweep("hydra/sweeper=hone", "+x=1,2", "hydra/sweeper/sampler=grid") == 0, app.err

    assert [one.name for one in app.store.client.search_experiments() if one.name != "Default"] == ["hone"]
    assert len(app.store.runs()) == 1 + 2
    assert not (app.directory / "its_own.db").exists()
    for run in app.runs():
        x = float(run.data.params["x"])
        assert (float(run.data.params["said"]), run.data.metrics["after"], run.data.metrics["by_client"]) == (x, x, x)
        assert run.data.params["C"] == run.data.params["x"], "autologged"
        assert "training_score" in run.data.metrics
        assert run.info.status == "FINISHED"
