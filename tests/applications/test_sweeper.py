"""``hydra/sweeper=hone`` over applications as hydra-optuna-sweeper's documentation shows them."""

import yaml


def test_an_application_is_swept_with_one_line_changed(swept):
    app = swept
    assert set(app.results) == {"name", "best_params", "best_value"}
    assert set(app.results["best_params"]) == {"x", "y"}
    values = []
    for number in range(6):
        job = app.job(number)
        config, hydra = app.of_job(number), app.of_job(number, "hydra")["hydra"]
        values.append(config["x"] ** 2 + config["y"] ** 2)
        assert -3 <= config["x"] <= 2.5, "a range excludes its stop"
        assert app.of_job(number, "overrides") == [f"x={config['x']}", f"y={config['y']}"]
        assert (hydra["job"]["num"], hydra["runtime"]["output_dir"]) == (number, str(job))
        assert (job / "sphere.log").is_file()
        assert config["place"] == "${hydra:runtime.output_dir}"
    assert app.results["best_value"] == min(values)
    assert app.results["best_params"] in [{key: app.of_job(one)[key] for key in ("x", "y")} for one in range(6)]


def test_its_trials_are_runs_below_the_sweeps(swept):
    app = swept
    [parent] = app.runs("study")
    assert (parent.info.run_name, parent.info.status) == ("sphere-1", "FINISHED")
    for number, run in enumerate(app.runs()):
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == "FINISHED"
        assert float(run.data.params["x"]) == app.of_job(number)["x"]
        assert run.data.params["place"] == str(app.job(number))
        assert run.data.metrics["value"] == run.data.metrics["objective"]


def test_the_command_line_goes_before_the_file_and_a_function_may_add_to_the_space(application):
    app = application("sphere")

    said = ["y=0", "+deep={a: 1}", "shape=glob(*)", "~silent", "hydra.sweeper.custom_search_space=__main__.more"]
    assert app.sweep(*said, "hydra.sweeper.n_trials=3") == 0, app.err

    assert set(app.results["best_params"]) == {"x", "shape", "z", "+w"}
    for number in range(3):
        config = app.of_job(number)
        assert (config["y"], config["deep"], "silent" in config) == (0, {"a": 1}, False)
        assert config["w"] in ("a b", "c")
        assert 0 <= config["z"] <= abs(config["x"])
        shape = app.of_job(number, "hydra")["hydra"]["runtime"]["choices"]["shape"]
        assert config["shape"]["sides"] == {"ball": 0, "cube": 6}[shape]


def test_several_objectives_give_the_solutions_that_none_beats(application):
    app = application("binh_korn")

    assert app.sweep() == 0, app.err

    assert set(app.results) == {"name", "solutions"}
    every = [app.of_job(number) for number in range(8)]
    values = [(4 * c["x"] ** 2 + 4 * c["y"] ** 2, (c["x"] - 5) ** 2 + (c["y"] - 5) ** 2) for c in every]
    front = [one for one in values if not any(a <= one[0] and b <= one[1] and (a, b) != one for a, b in values)]
    assert sorted(tuple(one["values"]) for one in app.results["solutions"]) == sorted(front)


def test_a_grid_is_searched_once_and_a_study_of_a_name_is_gone_on_with(application):
    app = application("sphere")
    grid = ["hydra/sweeper/sampler=grid", "x=1,2", "y=choice(0,3)", "hydra.sweeper.study_name=grid"]

    assert app.sweep(*grid, "hydra.sweeper.n_trials=2") == 0, app.err
    [place] = (app.directory / "multirun").glob("*/*")
    assert app.sweep(*grid, "hydra.sweeper.n_trials=100") == 0, app.err

    assert "[4/4]" in app.out
    assert list((app.directory / "multirun").glob("*/*")) == [place], "job directories stay where they are"
    assert {(app.of_job(one)["x"], app.of_job(one)["y"]) for one in range(4)} == {(1, 0), (1, 3), (2, 0), (2, 3)}
    assert app.results["best_value"] == 1
    assert len(app.runs()) == 4


def test_a_second_sweep_does_not_write_over_the_jobs_of_the_first(application):
    app = application("sphere")
    assert app.sweep("hydra.sweep.dir=here", "hydra.sweeper.n_trials=1") == 0, app.err
    before = (app.directory / "here" / "0" / ".hydra" / "overrides.yaml").read_text()
    left = app.left()

    assert app.sweep("hydra.sweep.dir=here", "hydra.sweeper.n_trials=1", "x=1,2") == 2

    assert "holds jobs of an earlier sweep" in app.err
    assert (app.directory / "here" / "0" / ".hydra" / "overrides.yaml").read_text() == before
    assert app.left() == left


def test_a_trial_that_is_pruned_or_raises_costs_that_trial_alone(application):
    app = application("sphere")
    pruner = "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, upper: 20}"
    values = ["x=1,2,3,4", "y=0", "raises=3", "hydra/sweeper/sampler=grid", "hydra.sweeper.failure.retries=0"]

    assert app.sweep(pruner, *values, "steps=2", "hydra.sweeper.n_trials=4") == 0, app.err

    ended = {float(run.data.params["x"]): run for run in app.runs()}
    states = {x: run.data.tags["hone.state"] for x, run in ended.items()}
    assert states == {1: "complete", 2: "complete", 3: "complete", 4: "failed"}
    assert "ValueError: 4 is too much" in ended[4].data.tags["hone.error"]
    history = app.store.client.get_metric_history(ended[2].info.run_id, "value")
    assert [(one.step, one.value) for one in history[:2]] == [(1, 14), (2, 9)]

    assert app.sweep(pruner.replace("20", "15"), *values, "steps=2", "x=2,3") == 0, app.err

    [pruned] = [run for run in app.runs() if run.data.tags["hone.study"] == "sphere-2" and run.info.status == "KILLED"]
    assert (pruned.data.params["x"], pruned.data.tags["hone.state"]) == ("3", "pruned")


def test_what_is_wrong_is_said_in_a_line_and_leaves_nothing(application):
    app = application("sphere")
    left = app.left()
    for said, heard in (
        (["xx=1,2"], "hydra.sweeper.params.xx: no such key"),
        (["x=1", "y=2"], "hydra.sweeper.params: is empty"),
        (["shape=ball,cub"], "cub"),
        (["+hydra.sweeper.prunner=median"], "hydra.sweeper.prunner: no such key. Did you mean pruner?"),
        (["hydra.sweeper.pruner=medium"], "hydra.sweeper.pruner: no option 'medium'. Did you mean median?"),
        (["hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials: input should be greater"),
        (["hydra.sweeper.direction=up"], "hydra.sweeper.direction"),
        (["+hydra.sweeper.failure.retry=1"], "hydra.sweeper.failure.retry: no such key. Did you mean retries?"),
        (["hydra.sweeper.resume=true"], "there is no study of sphere to resume yet"),
        (["silent=true"], "must return the objective, a number, not None"),
    ):
        assert app.sweep(*said) == 2, said
        [line] = app.err.strip().splitlines()
        assert heard in line
        assert app.left() == left, said


def test_the_studys_file_says_how_the_application_was_started_for_its_owner_alone(swept):
    app = swept
    [kept] = app.directory.glob("mlruns/trials/*/application.json")
    assert kept.stat().st_mode & 0o077 == 0
    held = yaml.safe_load((app.directory / "mlruns" / "trials" / "sphere-1" / "best.yaml").read_text())
    assert held["hone_application"]["overrides"] in [app.of_job(number, "overrides") for number in range(6)]
    assert not [run for run in app.runs() if "hone_application.overrides" in run.data.params]
