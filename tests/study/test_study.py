import optuna
import pytest

from hone.errors import StudyError
from hone.space import parse_space
from hone.study import delete_study, open_study, study_names

ENTRIES = {"optimizer.lr": "tag(log, interval(1e-4, 1e-1))", "data.batch_size": "choice(16, 32)"}


@pytest.fixture(params=["journal", "sqlite"])
def opened(request, tmp_path):
    """Opens studies of one storage; the embedded journal, or a URL."""
    storage = None if request.param == "journal" else f"sqlite:///{tmp_path / 'studies.db'}"

    def open_one(name="a-1", entries=ENTRIES, metric="val/loss", resume=False, sampler=None, pruner=None):
        return open_study(
            name,
            parse_space(entries, "space"),
            metrics=(metric,),
            directions=("minimize",),
            storage=storage,
            directory=tmp_path / "studies",
            sampler=sampler or optuna.samplers.RandomSampler(seed=0),
            pruner=pruner or optuna.pruners.NopPruner(),
            resume=resume,
        )

    open_one.place = (storage, tmp_path / "studies")
    return open_one


def test_a_study_remembers_what_its_trials_came_to(opened):
    study = opened()
    numbers = [study.ask().number for _ in range(4)]
    assert numbers == [0, 1, 2, 3]
    study.complete(0, [0.5])
    study.report(1, 1, 9.0)
    study.prune(1)
    study.fail(2, "oom")

    again = opened(resume=True)

    assert [(one.number, one.state, one.value) for one in again.finished()] == [
        (0, "complete", 0.5),
        (1, "pruned", 9.0),
        (2, "failed", None),
    ]
    assert again.best().number == 0
    assert set(again.finished()[0].values) == set(ENTRIES)


def test_what_a_controller_that_is_gone_left_running_can_still_be_told(opened):
    opened().ask()

    study = opened(resume=True)
    assert study.orphans() == [0]
    study.complete(0, [0.25])

    assert study.orphans() == []
    assert study.best().value == 0.25


def test_a_name_is_used_once(opened):
    opened()

    with pytest.raises(StudyError, match=r"a study named 'a-1' exists; go on with it by --resume"):
        opened()


def test_a_study_that_is_not_there_is_named_with_the_nearest(opened):
    opened("digits-1")

    with pytest.raises(StudyError, match=r"no study named 'digit-1' to resume\. Did you mean digits-1\?"):
        opened("digit-1", resume=True)


def test_resuming_another_search_shows_the_difference(opened):
    opened()

    with pytest.raises(StudyError, match=r"metric: val/loss in the study, val/acc now"):
        opened(metric="val/acc", resume=True)
    with pytest.raises(StudyError, match=r"space\.data\.batch_size: choice\(16, 32\) in the study, absent now"):
        opened(entries={"optimizer.lr": ENTRIES["optimizer.lr"]}, resume=True)


def test_a_study_that_stood_on_bad_input_is_deleted(opened):
    opened("a-1")
    opened("a-2")

    delete_study("a-1", *opened.place)

    assert study_names(*opened.place) == ["a-2"]


def test_a_grid_that_is_used_up_says_so(opened):
    grid = optuna.samplers.GridSampler({"x": [1, 2]}, seed=0)
    study = opened(entries={"x": "choice(1, 2)"}, sampler=grid)
    for number in range(2):
        assert not study.exhausted
        study.ask()
        study.complete(number, [1.0])

    assert study.exhausted
    assert len(study.finished()) == 2


def test_a_pruner_is_asked_at_each_report(opened):
    study = opened(pruner=optuna.pruners.ThresholdPruner(upper=1.0))
    study.ask()

    assert study.report(0, 1, 0.5) is False
    assert study.report(0, 2, 5.0) is True


def test_a_storage_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"study\.storage: the study's storage cannot be used"):
        open_study(
            "a",
            parse_space(ENTRIES, "space"),
            metrics=("m",),
            directions=("minimize",),
            storage="nonsense://x",
            directory=tmp_path,
            sampler=None,
            pruner=None,
        )
