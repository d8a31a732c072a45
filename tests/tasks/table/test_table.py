import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch

from hone.errors import DataError, ModelError
from hone.tasks.table.data import TableData
from hone.training.components import build_data, build_model


@pytest.fixture
def houses(tmp_path):
    """Sixty rows of numbers and categories, some missing, whose price and kind follow from the others."""
    generator = np.random.default_rng(0)
    rooms = generator.integers(1, 9, 60).astype(float)
    town = generator.choice(["north", "south"], 60)
    table = pd.DataFrame({"rooms": rooms, "town": town, "constant": 1.0})
    table["price"] = 100.0 * rooms + np.where(town == "north", 500.0, 0.0)
    table["kind"] = np.where(rooms > 4, "large", "small")
    table.loc[[3, 7], "rooms"] = np.nan
    table.loc[[5], "town"] = None

    def write(name="houses.csv", change=None):
        changed = table.copy()
        if change:
            change(changed)
        path = tmp_path / name
        changed.to_parquet(path) if path.suffix == ".parquet" else changed.to_csv(path, index=False)
        return str(path)

    return write


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet"])
def test_numbers_are_standardised_on_train_and_what_is_missing_is_marked(houses, name):
    data = TableData(houses(name), target="kind", ignore=["price"])
    data.setup()

    inputs, targets = data.splits["train"].__getitems__(range(len(data.splits["train"])))
    assert data.columns.numeric == ["rooms", "constant"]
    assert inputs["numbers"].shape[1] == data.num_numbers
    missing = inputs["numbers"][:, 2] == 1
    assert torch.allclose(inputs["numbers"][~missing, 0].mean(), torch.tensor(0.0), atol=1e-5)
    assert torch.allclose(inputs["numbers"][~missing, 0].std(correction=0), torch.tensor(1.0), atol=1e-5)
    assert (inputs["numbers"][missing, 0] == 0).all()
    assert data.cardinalities == [3]
    assert data.class_names == data.classes == ["large", "small"]
    assert data.class_counts == torch.bincount(targets).tolist()


def test_a_category_that_train_does_not_have_is_unknown(houses):
    def abroad(table):
        table["town"] = "abroad"

    data = TableData(houses(), test=houses("test.csv", abroad), target="kind", ignore=["price"])
    data.setup()

    assert set(data.splits["test"].inputs["categories"].flatten().tolist()) == {0}
    assert {1, 2} <= set(data.splits["train"].inputs["categories"].flatten().tolist())


def test_a_file_without_a_header_is_given_its_columns(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("".join(f"{n},{n % 2}\n" for n in range(40)))
    data = TableData(str(path), target="odd", column_names=["number", "odd"], categorical=["odd"][:0])
    data.setup()

    assert data.classes == [0, 1]
    assert sum(len(one) for one in data.splits.values()) == 40


def test_prices_are_predicted_in_their_own_units(houses, resolved, trainer):
    def complete(table):
        table["rooms"], table["town"] = table["rooms"].fillna(4.0), table["town"].fillna("north")
        table["price"] = 100.0 * table["rooms"] + 500.0 * (table["town"] == "north")

    path = houses(change=complete)
    config = resolved(
        "data=table",
        "model=table_regressor",
        "evaluation=regression",
        f"data.train={path}",
        "data.target=price",
        "data.task=regression",
        "data.ignore=[kind]",
        "model.dropout=0",
        "optimizer.lr=0.02",
        "data.batch_size=8",
    )
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=40)

    kept = []
    model.on_test_batch_end = lambda outputs, *_: kept.append(outputs)
    run.fit(model, datamodule=data)

    (measured,) = run.test(model, data, verbose=False)
    assert measured["test/r2"] > 0.9
    # From these the run's evaluation is made.
    off = torch.cat([one["predictions"] - one["targets"] for one in kept]).abs().mean()
    assert off.item() == pytest.approx(measured["test/mae"], rel=1e-4)
    assert measured["test/mae"] < 100
    predicted = torch.cat(run.predict(model, data))
    assert predicted.mean() == pytest.approx(data.splits["test"].targets.mean().item(), abs=100)


def test_what_goes_with_the_other_task_is_refused(houses, resolved):
    common = ["data=table", f"data.train={houses()}"]
    kinds = [*common, "data.target=kind", "model=table_regressor", "evaluation=regression"]
    prices = [*common, "data.target=price", "data.task=regression"]

    for overrides, error, message in [
        (kinds, DataError, r"^data\.task: must be regression for this model, not classification$"),
        ([*prices, "model=table_classifier"], DataError, r"^data\.task: must be classification for this model"),
        (
            [*prices, "model=table_regressor"],
            ModelError,
            r"^evaluation\.metrics: accuracy, .* cannot measure this model; evaluation=regression can",
        ),
        (
            [*common, "data.target=kind", "model=table_classifier", "evaluation=translation"],
            ModelError,
            r"^evaluation\.metrics: bleu, chrf cannot measure this model; evaluation=classification can",
        ),
    ]:
        config = resolved(*overrides)
        with pytest.raises(error, match=message):
            build_model(config, build_data(config))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": None}, r"^data\.train: name a CSV or Parquet file$"),
        ({"train": "{0}/huoses.csv"}, r"^data\.train: no such file: .*huoses\.csv\. Did you mean houses\.csv\?$"),
        ({"train": "package://nowhere_at_all/x.csv"}, r"^data\.train: needs the nowhere_at_all package"),
        ({"target": None}, r"^data\.target: name the column to predict\. There are: rooms, town"),
        ({"target": "knid"}, r"^data\.target: no column 'knid'\. Did you mean kind\?"),
        ({"ignore": ["x"]}, r"^data\.ignore: no column 'x'\."),
        ({"categorical": ["roms"]}, r"^data\.categorical: no column 'roms'\. Did you mean rooms\?$"),
        ({"categorical": ["rooms"]}, r"^data\.categorical: 'town' holds no numbers, and must be among them$"),
        ({"target": "town"}, r"^data\.target: 1 rows of train have none; data\.drop_missing_target=true leaves them"),
        ({"task": "regression"}, r"^data\.target: 'kind' holds no numbers$"),
    ],
)
def test_what_is_missing_is_named(houses, options, message):
    path = houses()
    given = {"train": path, "target": "kind"} | options
    folder = path.removesuffix("/houses.csv")
    filled = {name: one.format(folder) if isinstance(one, str) else one for name, one in given.items()}

    with pytest.raises(DataError, match=message):
        TableData(**filled).setup()


def test_without_pandas_the_error_says_what_to_install(houses, monkeypatch):
    path = houses()
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(DataError, match=r"^data: needs the pandas package: pip install 'hone-ml\[table\]'"):
        TableData(path, target="kind").setup()


@pytest.mark.skipif(find_spec("palmerpenguins") is None, reason="pip install palmerpenguins brings the table")
@pytest.mark.parametrize(
    ("experiment", "metric", "least"), [("penguins", "accuracy", 0.85), ("penguins_mass", "r2", 0.6)]
)
def test_penguins_are_known_by_their_measures(resolved, trainer, experiment, metric, least):
    config = resolved(f"experiment={experiment}", "optimizer.lr=0.01", "data.batch_size=16")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=8)

    run.fit(model, datamodule=data)

    # The commonest species is 0.44 of them; always saying the mean gives an R² of 0.
    assert run.test(model, data, verbose=False)[0][f"test/{metric}"] > least
