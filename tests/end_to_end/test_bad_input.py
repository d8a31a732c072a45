"""Each thing that a person gets wrong gives one clear line, exit status 2, no traceback and no run."""

import re

import pytest

SWEEP = ["sweep", "bad.yaml"]
SPACE = "space: {optimizer.lr: 'tag(log, interval(1e-4, 1e-1))'}"


def sweep_file(**changes):
    lines = {
        "metric": "metric: val/accuracy",
        "direction": "direction: maximize",
        "trials": "trials: 2",
        "space": SPACE,
    }
    return "\n".join((lines | changes).values()) + "\n"


CASES = {
    "unknown group": (["train", "modell=mlp"], r"^hone: modell: .*Did you mean model"),
    "unknown option": (
        ["train", "model=mlpp"],
        r"^hone: model: no option 'mlpp'\. Did you mean mlp\?.*bert, bilstm",
    ),
    "unknown key": (["train", "optimizer.lrr=1"], r"^hone: optimizer\.lrr: no such key.*Did you mean optimizer\.lr\?"),
    "unknown key of a class": (["train", "+model.hiden=3"], r"^hone: model\.hiden: .*Did you mean hidden\?"),
    "wrong type of a float": (["train", "optimizer.lr=fast"], r"^hone: optimizer\.lr: input should be a valid number"),
    "wrong type of an integer": (["train", "trainer.max_epochs=1.5"], r"^hone: trainer\.max_epochs: .*valid integer"),
    "not the grammar": (["train", "model.hidden=[1"], r"^hone: model\.hidden.*: .*"),
    "a batch size of 0": (["train", "data.batch_size=0"], r"^hone: data\.batch_size: must be at least 1, not 0$"),
    "a sweep where one value goes": (["train", "optimizer.lr=choice(1,2)"], r"hone train takes one value"),
    "a class that is not there": (["train", "model._target_=no.such.Model"], r"^hone: model\._target_: cannot import"),
    "a metric that is not logged": (
        ["train", "monitor=val/acc"],
        r"^hone: monitor: 'val/acc' is not logged\. Did you mean val/accuracy\?.*Logged: val/accuracy, val/auroc",
    ),
    "a missing data file": (
        ["train", "data=text", "model=bilstm", "data.train=movies.csv"],
        r"^hone: data\.train: no such file: movies\.csv\. Did you mean movie\.csv\?",
    ),
    "a label column that does not exist": (
        ["train", "data=text", "model=bilstm", "data.train=movie.csv", "data.label_column=sentimant"],
        r"^hone: data\.label_column: no column 'sentimant'.*Did you mean sentiment\?",
    ),
    "an empty data set": (
        ["train", "data=text", "model=bilstm", "data.train=empty.csv"],
        r"^hone: data\.train: .*empty\.csv is empty: it holds no rows$",
    ),
    "a missing config": (
        ["train", "--config", "bst.yaml"],
        r"^hone: bst\.yaml: no such file\. Did you mean best\.yaml\?",
    ),
    "an unwritable store": (
        ["train", "tracking.directory=movie.csv/mlruns"],
        r"^hone: .*movie\.csv/mlruns: cannot be written",
    ),
    "a store that is not there": (
        ["train", "tracking.uri=sqlite:///movie.csv/mlflow.db"],
        r"^hone: sqlite:///movie\.csv/mlflow\.db: the tracking store cannot be used",
    ),
    "a missing sweep file": (["sweep", "bda.yaml"], r"^hone: bda\.yaml: no such file\. Did you mean bad\.yaml\?"),
    "an unknown run": (["show", "nothing"], r"^hone: "),
}
FILES = {
    "an empty space": (sweep_file(space="space: {}"), r"^hone: bad\.yaml: space: is empty"),
    "an inverted interval": (
        sweep_file(space="space: {optimizer.lr: 'interval(1, 0.1)'}"),
        r"^hone: bad\.yaml: space\.optimizer\.lr: starts above its end; write interval\(0\.1, 1\)$",
    ),
    "an unknown key in the space": (
        sweep_file(space="space: {optimizer.lrr: 'interval(0.1, 1)'}"),
        r"^hone: bad\.yaml: space\.optimizer\.lrr: no such key in the composed config\. Did you mean optimizer\.lr\?$",
    ),
    "an unknown option in the space": (
        sweep_file(space="space: {model: 'choice(mlp, cn)'}"),
        r"^hone: bad\.yaml: space\.model: no option 'cn'\. Did you mean cnn",
    ),
    "an unknown key of the file": (
        sweep_file(x="trails: 3"),
        r"^hone: bad\.yaml: trails: no such key\. Did you mean trials",
    ),
    "a missing key of the file": (sweep_file(metric=""), r"^hone: bad\.yaml: metric: is missing$"),
    "a wrong direction": (sweep_file(direction="direction: up"), r"^hone: bad\.yaml: direction: .*maximize.*minimize"),
    "an unknown sampler": (sweep_file(sampler="sampler: tpee"), r"^hone: sampler: no option 'tpee'\. Did you mean tpe"),
    "a share of a GPU": (
        sweep_file(resources="resources: {gpus: 0.5}"),
        r"^hone: resources\.gpus: asks for 0\.5, and this machine has 0",
    ),
    "a condition": (
        sweep_file(when="when: {model=cnn: {model.dropout: 1}}"),
        r"^hone: bad\.yaml: when\.model=cnn\.model\.dropout: 1 is one value; sweep it by choice",
    ),
    "a missing metric": (
        sweep_file(metric="metric: val/acc"),
        r"^hone: bad\.yaml: metric: 'val/acc' is not logged\. Did you mean val/accuracy\?.*Logged: val/accuracy",
    ),
    "a value that no trial can take": (
        sweep_file(space="space: {data.batch_size: 'choice(0, -1)'}"),
        r"^hone: data\.batch_size: must be at least 1, not (0|-1)$",
    ),
}


@pytest.fixture
def prepared(project):
    (project / "movie.csv").write_text("text,sentiment\n" + "good,1\nbad,0\n" * 20)
    (project / "empty.csv").write_text("text,label\n")
    (project / "best.yaml").write_text("seed: 1\n")
    (project / "bad.yaml").write_text(sweep_file())
    return project


@pytest.mark.parametrize("case", CASES)
def test_a_bad_command_is_refused_in_one_line(case, prepared, hone_here):
    arguments, expected = CASES[case]

    refused(hone_here(*arguments), expected, prepared)


@pytest.mark.parametrize("case", FILES)
def test_a_bad_sweep_file_is_refused_in_one_line(case, prepared, hone_here):
    content, expected = FILES[case]
    (prepared / "bad.yaml").write_text(content)

    refused(hone_here(*SWEEP, "trainer=cpu"), expected, prepared)


@pytest.mark.parametrize("case", ["a batch size of 0", "a metric that is not logged", "unknown option"])
def test_a_bad_command_is_refused_in_one_line_with_workers_of_its_own(case, prepared, hone):
    arguments, expected = CASES[case]

    refused(hone(*arguments), expected, prepared)


def refused(answer, expected, project):
    assert answer.returncode == 2, answer
    assert re.search(expected, answer.stderr), answer.stderr
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    assert left_behind(project) == []


def left_behind(project):
    """Runs, studies and trials; the store itself may be there."""
    import sqlite3

    found = [one.name for kind in ("studies", "trials/train") for one in (project / "mlruns" / kind).glob("*")]
    database = project / "mlruns" / "mlflow.db"
    if database.exists():
        connection = sqlite3.connect(database)
        active = "select name from runs where lifecycle_stage = 'active'"
        found += [row[0] for row in connection.execute(active)]
        connection.close()
    return found
