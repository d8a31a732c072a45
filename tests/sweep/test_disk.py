"""What a sweep keeps on disk."""

import pytest

from hone.errors import DiskError
from hone.report import Row
from hone.sweep.configs import TrialConfig
from hone.sweep.disk import Shelf
from hone.sweep.file import DiskSection
from hone.sweep.trial import Trial, trial_directory
from hone.worker.messages import Failed, Pruned, Result

KB = 1_000


@pytest.fixture
def shelf(tmp_path):
    forgotten = []

    def make(**section):
        made = Shelf(DiskSection(reserve=0, **section), tmp_path, maximize=True, forget=forgotten.append)
        made.forgotten = forgotten
        return made

    return make


@pytest.fixture
def trial(tmp_path):
    def make(number, value, kind=Result):
        directory = trial_directory(tmp_path, number)
        (directory / "checkpoints").mkdir(parents=True)
        (directory / "checkpoints" / "best.ckpt").write_bytes(b"x" * KB)
        (directory / "resume.ckpt").write_bytes(b"x" * KB)
        made = Trial(number, {}, TrialConfig({}, "toy", ()), directory)
        made.ending = kind({"m": value}, "checkpoints/best.ckpt") if kind is not Failed else Failed("error", "no")
        made.latest = value
        made.objectives = (value,) if kind is Result else ()
        return made

    return make


def kept(tmp_path):
    return sorted(int(one.parents[1].name) for one in tmp_path.glob("*/checkpoints/best.ckpt"))


def test_the_best_are_kept_and_what_only_a_running_trial_needs_goes(shelf, trial, tmp_path):
    made = shelf(keep=2)
    for number, value in enumerate([0.5, 0.9, 0.1, 0.7]):
        made.put(trial(number, value))

    assert kept(tmp_path) == [1, 3]
    assert not list(tmp_path.glob("*/resume.ckpt"))
    assert [one.name for one in made.forgotten] == ["0002", "0000"]


def test_pruned_trials_go_before_complete_ones_and_failed_ones_at_once(shelf, trial, tmp_path):
    made = shelf(keep=2)
    made.put(trial(0, 0.99, Pruned))
    made.put(trial(1, 0.2))
    assert kept(tmp_path) == [0, 1]
    made.put(trial(2, 0.1))
    made.put(trial(3, 0.9, Failed))

    assert kept(tmp_path) == [1, 2]


def test_a_budget_is_of_the_sweep_as_a_whole(shelf, trial, tmp_path):
    made = shelf(keep=10, budget=2_500)
    for number in range(5):
        made.put(trial(number, float(number)))

    assert kept(tmp_path) == [3, 4]


def test_a_budget_that_cannot_hold_one_trial_is_refused_before_any_trains(shelf):
    with pytest.raises(DiskError, match=r"disk\.budget: is 10 kB, and 2 trials at once beside the best one need"):
        shelf(budget=10 * KB).check(model_bytes=KB, slots=2)
    shelf(budget=20 * KB).check(model_bytes=KB, slots=2)


def test_an_earlier_sessions_checkpoints_count(shelf, trial, tmp_path):
    made = shelf(keep=1)
    for number in (0, 1):
        trial(number, float(number))
    made.take_up(tuple(Row(number, "complete", float(number), {}) for number in (0, 1)))

    assert kept(tmp_path) == [1]


def test_a_long_log_is_cut_to_its_end(shelf, trial):
    ended = trial(0, 0.5)
    log = ended.directory / "log.txt"
    log.write_bytes(b"begin" + b"x" * 3_000_000 + b"the end")

    shelf().put(ended)

    content = log.read_bytes()
    assert len(content) < 1_100_000
    assert content.endswith(b"the end")
    assert b"begin" not in content
