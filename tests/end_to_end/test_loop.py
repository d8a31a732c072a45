"""A loop from the terminal, with trials that train."""

import yaml
from rich.console import Console

from hone.loop.judge import Judge
from hone.loop.state import load
from hone.tracking.store import TrackingConfig, open_store

SWEEP = {
    "base": ["data=digits", "model=mlp", "trainer.max_epochs=1", "trainer.limit_val_batches=3"],
    "metric": "val/accuracy",
    "direction": "maximize",
    "trials": 4,
    "space": {"optimizer.lr": "tag(log, interval(1e-3, 1e-2))", "optimizer": "glob(adam*)"},
    "resources": {"cpus": 1},
    "feedback": {"confirm": {"best": 1, "seeds": 2}, "fidelity": {"trainer.max_epochs": [1, 2]}},
}


def test_a_loop_confirms_tests_once_a_round_reports_and_promotes(project, hone_here):
    (project / "digits.yaml").write_text(yaml.safe_dump(SWEEP, sort_keys=False))

    answer = hone_here("loop", "digits.yaml", "--rounds", "2", "--review")
    assert answer.returncode == 0, answer.stderr
    assert "sweeps/rounds/digits-loop-1/round-2.yaml, to be looked at and edited" in answer.stdout
    assert "hone loop --continue digits-loop-1" in answer.stdout
    again = hone_here("loop", "--continue", "tracking.report=true")

    assert again.returncode == 0, again.stderr
    assert "tested once, the winner: test/accuracy" in again.stdout
    assert "Promoted:" in again.stdout
    assert (project / "mlruns/trials/digits-loop-1/report/ranges.png").is_file()
    store = open_store(TrackingConfig(directory=str(project / "mlruns")))
    [loop] = store.runs("tags.`hone.kind` = 'loop'")
    assert loop.info.status == "FINISHED"
    trials = store.runs("tags.`hone.kind` = 'trial'")
    assert len(trials) == 2 * (4 + 2)
    assert not any(name.startswith("test/") for run in trials for name in run.data.metrics)
    judged = store.runs("tags.`hone.kind` = 'evaluation'")
    assert sorted((run.data.tags["hone.round"], run.data.tags["hone.split"]) for run in judged) == [
        ("1", "test"),
        ("1", "val"),
        ("2", "test"),
        ("2", "val"),
    ]
    assert store.champion("digits") is not None
    first = load(project / "mlruns/trials/digits-loop-1").rounds[0]
    assert first.beliefs["optimizer"] == "choice(adam, adamw)", "what the pattern stands for"
    # No worker can be had: what was scored once is not scored again.
    assert Judge(store, None, project / "mlruns", Console()).score(first.score.run, 1) == first.score
