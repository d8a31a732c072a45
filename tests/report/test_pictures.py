import math

import demo_studies
import pytest

from hone.report.draw import draw_study
from hone.report.figures import figure_of
from hone.report.paint import save_png
from hone.report.pictures import PICTURES, parameters, progress

PNG = b"\x89PNG"


def series(chart, name):
    return [one for panel in chart.panels for one in panel.series if one.name.startswith(name)]


def is_drawn(chart, folder):
    """Whether both libraries draw it."""
    save_png(chart, folder / f"{chart.name}.png")
    content = (folder / f"{chart.name}.png").read_bytes()
    return content.startswith(PNG) and len(content) > 5_000 and len(figure_of(chart).to_json()) > 500


@pytest.mark.parametrize(
    ("study", "missing"),
    [("quickstart", {"front"}), ("conditional", {"front"}), ("several", {"learning-curves"})],
)
def test_every_picture_that_a_study_has_something_for_is_drawn(finished, tmp_path, study, missing):
    charts = {name: picture(finished(study)) for name, picture in PICTURES.items()}

    assert {name for name, chart in charts.items() if chart is None} == missing
    for chart in filter(None, charts.values()):
        assert is_drawn(chart, tmp_path), chart.name


def test_the_history_shows_each_trial_by_its_state_and_the_best_so_far(finished):
    view = finished("quickstart")
    chart = PICTURES["history"](view)

    [failed], [pruned], [steps] = series(chart, "failed"), series(chart, "pruned"), series(chart, "best so far")
    assert list(failed.x) == [5, 17]
    assert set(pruned.x) == {one.number for one in view.trials if one.state == "pruned"}
    assert steps.y[-1] == max(one.values[0] for one in view.complete)
    assert list(steps.y) == sorted(steps.y)
    assert f"trial {view.best.number}" in chart.title


def test_parameters_are_ranked_by_what_they_decide(finished):
    [bars] = PICTURES["importances"](finished("quickstart")).panels[0].series

    shares = dict(zip(("optimizer.lr", "data.batch_size"), bars.ends, strict=True))
    assert shares["optimizer.lr"] > 3 * shares["data.batch_size"]
    assert sum(bars.ends) == pytest.approx(1)


def test_a_learning_rate_is_drawn_on_a_logarithmic_axis_with_its_whole_range(finished):
    panel = PICTURES["slices"](finished("quickstart")).panels[0]

    assert (panel.x.label, panel.x.scaling) == ("optimizer.lr", "log")
    assert panel.x.limits[0] < 1e-4 < 1e-1 < panel.x.limits[1]
    assert "higher is better" in panel.y.label


def test_a_parameter_that_a_trial_does_not_have_is_absent_and_not_zero(finished):
    view = finished("conditional")
    parallel = PICTURES["parallel"](view).parallel

    place = [one.label for one in parallel.axes].index("model.freeze_layers")
    absent = {name for name, row in zip(parallel.labels, parallel.rows, strict=True) if math.isnan(row[place])}
    assert absent == {f"trial {one.number}" for one in view.valued if one.params["model"] == "bilstm"}


def test_a_loss_that_is_far_off_does_not_flatten_the_others(finished):
    chart = PICTURES["history"](finished("conditional"))

    assert chart.panels[0].y.limits[1] < 10
    assert "far higher values" in chart.caption


def test_the_front_is_told_from_what_it_beats_and_from_what_breaks_a_constraint(finished):
    view = finished("several")
    chart = PICTURES["front"](view)

    [front], [infeasible] = series(chart, "Pareto front"), series(chart, "outside a constraint")
    assert len(front.x) == len({one.number for one in view.study.best_trials})
    assert len(infeasible.x) == sum(one.state == "infeasible" for one in view.trials) > 0
    assert list(front.y) == sorted(front.y)


def test_learning_curves_are_those_of_the_spools_by_step(finished):
    view = finished("quickstart")
    chart = PICTURES["learning-curves"](view)

    [best] = series(chart, "best")
    assert best.name == f"best: trial {view.best.number}"
    assert list(best.x) == [40 * place for place in range(1, 13)]
    pruned = [one for one in chart.panels[0].series if one.color == "#d97706" and one.kind == "line"]
    assert {len(one.x) for one in pruned} == {4}


def test_two_trials_at_once_are_in_two_slots_and_the_next_takes_the_one_that_is_free(small, see):
    study = small()
    study.add(0.5)
    view = see(study)
    [one] = view.trials
    times = [(0.0, 4.0), (1.0, 3.0), (3.5, 6.0), (4.0, 5.0)]
    view.trials = [type(one)(n, "complete", (0.5,), {}, 100 + a, 100 + b, {}) for n, (a, b) in enumerate(times)]

    panel = PICTURES["timeline"](view).panels[0]

    [spans] = panel.series
    assert panel.y.choices == ("slot 2", "slot 1")
    assert list(spans.y) == [1, 0, 0, 1]
    assert list(spans.ends) == [4.0, 3.0, 6.0, 5.0]


ALONE = {"optimizer.lr": "tag(log, interval(1e-4, 1e-1))"}
WORDS = {"model": "choice(mlp, cnn)", "model.layers": "choice([8], [8, 8])", "model.bias": "choice(true, false)"}


def value_of(values):
    return {"values": values}


EDGES = {
    "one trial": ({}, [value_of(0.5)], {"history", "slices", "timeline"}),
    "one parameter": ({"space": ALONE}, [value_of(x / 10) for x in range(8)], {"history", "importances", "slices"}),
    "only choices": ({"space": WORDS}, [value_of(x / 10) for x in range(8)], {"slices", "parallel", "contour"}),
    "a constant objective": ({}, [value_of(0.5)] * 8, {"history", "slices", "timeline"}),
    "nothing but failures": ({}, [{"state": "failed"}] * 4, {"history", "slices", "timeline"}),
    "values that are not finite": (
        {},
        [
            *({"values": x / 10} for x in range(6)),
            {"values": 0.1, "state": "pruned", "reports": [0.2, float("nan")]},
            {"values": 0.1, "state": "pruned", "reports": [float("inf")]},
        ],
        {"history", "importances", "slices", "contour", "parallel", "timeline", "learning-curves"},
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_studies_at_the_edge_of_sense_are_drawn_as_far_as_there_is_something(small, edge):
    options, trials, wanted = EDGES[edge]
    study = small(**options)
    for one in trials:
        study.add(**one)

    drawn = draw_study(study.name, None, study.root, study.directory / "report")

    assert drawn.notes == ()
    names = {one.stem for one in drawn.files}
    assert wanted <= names
    assert "index" in names
    assert all(one.stat().st_size > 3_000 for one in drawn.files)


def test_of_too_many_trials_some_are_shown_and_it_is_said(finished, monkeypatch):
    view = finished("quickstart")
    monkeypatch.setattr(progress, "MOST_POINTS", 15)
    monkeypatch.setattr(parameters, "MOST_LINES", 10)

    history, parallel = PICTURES["history"](view), PICTURES["parallel"](view)

    assert "of 40 trials shown" in history.caption
    assert sum(len(one.x) for one in history.panels[0].series if one.kind == "points") < 20
    assert f"trial {view.best.number}" in parallel.parallel.labels
    assert f"of {len(view.valued)} trials shown" in parallel.caption


def test_a_picture_that_cannot_be_drawn_costs_that_picture_and_a_line(tmp_path, monkeypatch):
    study = demo_studies.quickstart(tmp_path, trials=6)
    monkeypatch.setitem(PICTURES, "slices", lambda view: 1 / 0)

    drawn = draw_study(study.name, None, study.root, study.directory / "report")

    assert drawn.notes == ("slices: ZeroDivisionError: division by zero",)
    assert "history.png" in {one.name for one in drawn.files}


def test_the_page_holds_every_picture_and_needs_nothing_else(tmp_path):
    study = demo_studies.quickstart(tmp_path, trials=12)

    draw_study(study.name, None, study.root, study.directory / "report")

    page = (study.directory / "report" / "index.html").read_text()
    assert page.count("Plotly.newPlot(") >= len(list((study.directory / "report").glob("*.png")))
    assert "src=" not in page.partition("<body>")[2]
    assert "http" not in page.partition("<body>")[2]
    assert len(page) < 6_000_000
    assert "hone reproduce best:quickstart-1" in page
