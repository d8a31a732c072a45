import io

import pytest
from rich.console import Console

from hone.report import Leaderboard
from hone.sweep.configs import TrialConfig
from hone.sweep.display import Display
from hone.sweep.trial import Trial
from hone.worker.messages import Failed, Result


@pytest.fixture
def trial(tmp_path):
    def make(number, ending=None, **values):
        made = Trial(number, values or {"optimizer.lr": 0.00031}, TrialConfig({}, "mlp", ()), tmp_path)
        made.ending = ending
        made.objectives = tuple(ending.metrics.values()) if isinstance(ending, Result) else ()
        return made

    return make


def shown(terminal, play):
    out = io.StringIO()
    console = Console(file=out, width=140, force_terminal=terminal, no_color=True)
    with Display(console, Leaderboard("s-1", ["val/accuracy"], [True]), trials=4, slots=2) as display:
        play(display)
    return out.getvalue()


def test_the_live_table_shows_what_runs_what_ended_and_the_best(trial):
    def play(display):
        display.ended(trial(0, Result({"val/accuracy": 0.9})))
        running = trial(1)
        running.latest, running.validations = 0.75, 3
        display.update([running])

    picture = shown(True, play)

    assert "1/4 trials" in picture
    assert "1 complete" in picture
    assert "1 running" in picture
    assert "best val/accuracy 0.9000 (trial 0)" in picture
    assert "lr=3.1e-04" in picture
    assert "0.7500" in picture


def test_without_a_terminal_each_trial_is_a_line(trial):
    def play(display):
        display.ended(trial(0, Result({"val/accuracy": 0.9})))
        display.ended(trial(1, Failed("oom", "CUDA out of memory")))

    lines = shown(False, play).splitlines()

    assert lines[0].startswith("[1/4] trial 0 complete")
    assert "val/accuracy=0.9000 *" in lines[0]
    assert lines[1] == "trial 1 failed (oom): CUDA out of memory"


def test_more_trials_than_fit_are_counted(trial):
    picture = shown(True, lambda display: display.update([trial(number) for number in range(40)]))

    assert "and 24 more" in picture


def test_a_trials_name_says_what_was_searched(trial):
    assert trial(17, optimizer_lr=1).name == "mlp-017 optimizer_lr=1"
    assert trial(3).name == "mlp-003 lr=3.1e-04"
