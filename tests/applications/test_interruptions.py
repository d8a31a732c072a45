"""A sweep of an application that is killed goes on where it was, in the same directories and runs."""

SLOWLY = ["x=range(0,8)", "y=0", "steps=10", "seconds=0.1", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=8"]


def test_a_sweep_whose_process_is_killed_goes_on_with_the_same_jobs(application):
    app = application("sphere")
    app.kill(*SLOWLY, once=lambda: len(app.ended()) >= 2)
    done = app.ended()

    assert app.sweep(*SLOWLY, "hydra.sweeper.resume=true") == 0, app.err

    assert len(list((app.directory / "multirun").glob("*/*"))) == 1
    assert sorted(app.of_job(number)["x"] for number in range(8)) == list(range(8))
    assert app.ended().items() >= done.items(), "what was done is not done again"
    assert app.results["best_value"] == 0
    assert sorted(int(run.data.tags["hone.trial"]) for run in app.runs()) == list(range(8))
    assert {run.info.status for run in (*app.runs(), *app.runs("study"))} == {"FINISHED"}
    for run in app.runs():
        steps = [one.step for one in app.store.client.get_metric_history(run.info.run_id, "value")]
        assert steps[:10] == list(range(1, 11)), "a step is reported once"
