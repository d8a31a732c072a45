"""A storage that remembers what it wrote is as good as one that reads it back: by Optuna's own tests of a storage."""

import optuna
import pytest
from optuna.storages import InMemoryStorage, get_storage
from optuna.testing.pytest_storages import StorageTestCase

from hone.study.remembered import RememberedStorage


@pytest.fixture
def storage():
    return RememberedStorage(InMemoryStorage())


class TestAsAStorage(StorageTestCase):
    """What Optuna asks of every storage."""


def test_what_is_remembered_is_what_is_kept(tmp_path):
    storage = RememberedStorage(get_storage(f"sqlite:///{tmp_path / 'studies.db'}"))
    study = optuna.create_study(
        study_name="one",
        storage=storage,
        pruner=optuna.pruners.SuccessiveHalvingPruner(reduction_factor=2),
        sampler=optuna.samplers.TPESampler(seed=1),
    )

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        kind = trial.suggest_categorical("kind", ["a", None, 3])
        for step in range(1, 5):
            trial.report(x / step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr("kind", [kind])
        return x

    study.enqueue_trial({"x": 0.25})
    study.optimize(objective, 12)
    read = optuna.load_study(study_name="one", storage=f"sqlite:///{tmp_path / 'studies.db'}")
    assert {one.state.name for one in read.trials} == {"COMPLETE", "PRUNED"}
    assert study.trials == read.trials
