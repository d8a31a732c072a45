"""Loops door to door, over workers that follow a truth."""

import json
import re

import pytest
import yaml
from known_studies import bowl
from scripted_workers import Script

from hone.config.files import read_yaml
from hone.errors import LoopError, StudyError, SweepFileError
from hone.loop import rounds
from hone.space import parse_space
from hone.space.ranges import Range
from hone.study import Study
from hone.sweep.file import load_sweep_file
from hone.worker.messages import Failed


class Killed(BaseException):
    """The process ends here."""


def test_rounds_are_runs_under_one_loop_and_each_searches_what_the_one_before_has_shown(ended):
    assert ended.summary.result == "complete"
    [parent] = ended.runs("loop")
    assert parent.info.status == "FINISHED"
    studies = ended.runs("study")
    assert [one.info.run_name for one in studies] == [
        "toy-loop-1-round-1",
        "toy-loop-1-round-1-confirm",
        "toy-loop-1-round-2",
        "toy-loop-1-round-2-confirm",
    ]
    assert {one.data.tags["mlflow.parentRunId"] for one in studies} == {parent.info.run_id}
    assert [(one.data.tags["hone.round"], one.data.tags["hone.part"]) for one in studies[:2]] == [
        ("1", "search"),
        ("1", "confirmation"),
    ]
    first, second = (load_sweep_file(ended.project / f"sweeps/rounds/toy-loop-1/round-{one}.yaml")[0] for one in (1, 2))
    grown = Range.of(parse_space({"x": second.space["model.lr"]}, "space").parameters[0])
    assert first.space["model.lr"] == "tag(log, interval(1e-6, 1e-3))"
    assert grown.high > 0.005
    assert "trainer.max_epochs=3" in second.base
    assert {"rounds", "report"} <= {one.path for one in ended.store.client.list_artifacts(parent.info.run_id)}
    assert "Best: round 2" in parent.data.tags["mlflow.note.content"]


def test_the_best_are_confirmed_on_other_seeds_and_ranked_by_their_mean(ended):
    record = ended.state().rounds[0]
    assert len(record.candidates) == 2
    means = [one.mean for one in record.candidates]
    assert means == sorted(means)
    for one in record.candidates:
        assert len(one.scores) == 2
        assert one.scores == pytest.approx(tuple(bowl(one.values) + 0.001 * (seed % 3) for seed in (2, 3)))
    confirmed = ended.project / "mlruns" / "trials" / "toy-loop-1-round-1-confirm"
    seeds = {read_yaml(path)["seed"] for path in confirmed.glob("*/trial.yaml")}
    assert seeds == {2, 3}


def test_no_trial_of_a_loop_is_tested(ended):
    trials = list((ended.project / "mlruns" / "trials").glob("toy-loop-1-round-*/*/trial.yaml"))
    assert len(trials) == 2 * (14 + 4)
    assert not any(read_yaml(one)["test"] for one in trials)
    assert "test" not in read_yaml(ended.project / "mlruns" / "trials" / "toy-loop-1" / "best.yaml")


def test_a_configuration_one_of_whose_seeds_fails_does_not_win(loop):
    def script(job):
        config = read_yaml(f"{job.directory}/trial.yaml")
        if config["seed"] == 3 and config["model"]["lr"] == max(seen):
            return Script((), ending=Failed("diverged", "the loss is nan"))
        seen.append(config["model"]["lr"])
        return loop.script(job)

    seen = [0.0]
    loop.run(rounds=1, script=script)

    [record] = loop.state().rounds
    assert record.candidates[0].mean is not None
    assert record.candidates[1].mean is None
    assert "1 of 2 failed" in loop.said


def test_a_loop_killed_between_its_steps_and_in_the_midst_of_them_goes_on_to_the_same_rounds(loop, ended, monkeypatch):
    save, ask, saved, asked = rounds.save, Study.ask, [], []

    def save_and_die(state, directory):
        save(state, directory)
        saved.append(state)
        if len(saved) % 5 == 0:
            raise Killed

    def ask_and_die(self):
        asked.append(self)
        if len(asked) in (7, 18):
            raise Killed
        return ask(self)

    monkeypatch.setattr(rounds, "save", save_and_die)
    monkeypatch.setattr(Study, "ask", ask_and_die)
    deaths = 0
    while not deaths or not loop.state().closed:
        try:
            loop.run(None if deaths else "toy.yaml", rounds=2, go_on=deaths > 0)
        except Killed:
            deaths += 1

    assert deaths > 3
    assert loop.files() == ended.files()
    best = [one.project / "mlruns" / "trials" / "toy-loop-1" / "best.yaml" for one in (loop, ended)]
    assert read_yaml(best[0])["model"] == read_yaml(best[1])["model"]
    one, other = ended.state(), loop.state()
    assert [each.decisions for each in one.rounds] == [each.decisions for each in other.rounds]
    assert [[each.scores for each in record.candidates] for record in one.rounds] == [
        [each.scores for each in record.candidates] for record in other.rounds
    ]


def test_review_stops_before_each_round_and_goes_on_from_the_edited_file(loop):
    summary = loop.run(rounds=3, review=True)
    assert summary.result == "waiting"
    assert summary.next_file.name == "round-2.yaml"
    path = loop.project / summary.next_file
    edited = yaml.safe_load(path.read_text())
    edited["space"] = {"model.lr": "tag(log, interval(2e-3, 3e-3))"}
    edited["trials"] = 5
    del edited["enqueue"]
    path.write_text(yaml.safe_dump(edited))

    again = loop.run(None, go_on=True, review=True)

    assert again.result == "waiting"
    second = loop.state().rounds[1]
    assert second.beliefs == {"model.lr": "tag(log, interval(2e-3, 3e-3))"}
    assert second.states == {"complete": 5}
    assert len(loop.state().rounds) == 2
    last = loop.run(None, go_on=True)
    assert last.result == "complete"
    assert len(loop.state().rounds) == 3


def test_a_loop_killed_before_what_follows_its_end_does_that_when_it_is_gone_on_with(loop, monkeypatch):
    def die(self):
        raise Killed

    monkeypatch.setattr(rounds.Rounds, "publish", die)
    with pytest.raises(Killed):
        loop.run(rounds=1)
    best = loop.project / "mlruns" / "trials" / "toy-loop-1" / "best.yaml"
    assert loop.state().ended
    best.unlink()
    monkeypatch.undo()
    monkeypatch.chdir(loop.project)
    jobs = len(loop.jobs)

    summary = loop.run(None, go_on=True)

    assert summary.result == "complete"
    assert best.is_file()
    assert len(loop.jobs) == jobs, "no trial is run again"
    assert [run.info.status for run in loop.runs("loop")] == ["FINISHED"]
    with pytest.raises(LoopError, match="has ended: it has had its 1 rounds"):
        loop.run(None, go_on=True)


def test_a_loop_killed_before_it_could_ask_for_review_asks_when_it_is_gone_on_with(loop, monkeypatch):
    tell = rounds.Rounds._tell

    def tell_and_die(self, record):
        tell(self, record)
        raise Killed

    monkeypatch.setattr(rounds.Rounds, "_tell", tell_and_die)
    with pytest.raises(Killed):
        loop.run(rounds=3, review=True)
    monkeypatch.setattr(rounds.Rounds, "_tell", tell)
    assert [one.done for one in loop.state().rounds] == [True]

    assert loop.run(None, go_on=True, review=True).next_file.name == "round-2.yaml"
    assert len(loop.state().rounds) == 1
    assert loop.run(None, go_on=True, review=True).next_file.name == "round-3.yaml"


def test_more_rounds_of_a_loop_that_has_nothing_left_to_search_are_refused_and_its_end_stays(loop):
    loop.write(trials=20, space={"data.batch_size": "choice(8, 16)"}, feedback={"confirm": {"best": 1, "seeds": 1}})

    def script(job):
        bad = read_yaml(f"{job.directory}/trial.yaml")["data"]["batch_size"] == 16
        return Script((3.0 + job.number / 100 if bad else job.number / 100,))

    loop.run(rounds=2, script=script)
    before = loop.state()
    assert "nothing is left to search" in before.ended

    with pytest.raises(LoopError, match="has ended: nothing is left to search"):
        loop.run(None, go_on=True, rounds=5)

    assert loop.state() == before


def test_a_round_none_of_whose_trials_ran_to_its_end_ends_the_loop_and_says_why(loop):
    summary = loop.run(rounds=3, script=lambda job: Script((), ending=Failed("diverged", "the loss is nan")))

    assert summary.result == "failed"
    assert "none of the 14 trials of round 1 ran to its end (14 diverged)" in summary.state.ended
    assert "mend sweeps/rounds/toy-loop-1/round-1.yaml" in summary.state.ended
    assert [run.info.status for run in loop.runs("loop")] == ["FAILED"]
    with pytest.raises(LoopError, match="has ended: none of the 14 trials"):
        loop.run(None, go_on=True)


def test_a_constant_objective_is_confirmed_and_ends_within_noise(loop):
    loop.write(trials=6, feedback={"confirm": {"best": 1, "seeds": 2}})

    loop.run(rounds=5, script=lambda job: Script((0.5,)))

    state = loop.state()
    assert len(state.rounds) == 2
    assert "a gain of 0, within the noise of 0" in state.ended


def test_trials_whose_value_is_nan_are_those_that_diverged(loop):
    def script(job):
        return Script((float("nan"),)) if job.number % 3 == 1 else loop.script(job)

    loop.run(rounds=1, script=script)

    [record] = loop.state().rounds
    assert record.failures["diverged"] >= 4
    assert record.winner is not None


def test_the_command_line_is_part_of_the_first_rounds_file(loop):
    loop.run(
        "toy.yaml", "model.dropout=0.1", "data.batch_size=choice(8,16)", "trials=4", "tracking.report=false", rounds=1
    )

    content = read_yaml(loop.project / "sweeps/rounds/toy-loop-1/round-1.yaml")
    assert "model.dropout=0.1" in content["base"]
    assert "model.dropout" not in content["space"]
    assert content["space"]["data.batch_size"] == "choice(8,16)"
    assert content["trials"] == 4
    assert not any("tracking" in one or "executor" in one for one in content["base"])


def test_every_decision_can_be_traced_to_its_figures_in_the_report(ended):
    page = (ended.project / "mlruns/trials/toy-loop-1/report/index.html").read_text()
    records = ended.state().rounds
    decided = [one for record in records for one in record.decisions]
    assert {"grow", "fidelity", "enqueue"} <= {one.kind for one in decided}
    for one in decided:
        assert one.reason.replace("'", "&#x27;") in page
        for name in one.figures:
            assert f"{name}: " in page
    artifacts = ended.store.client.list_artifacts(ended.runs("loop")[0].info.run_id, "rounds")
    assert {"rounds/decisions-1.json", "rounds/round-1.yaml", "rounds/round-2.yaml"} <= {one.path for one in artifacts}
    kept = next((ended.project / "mlruns" / "artifacts").rglob("decisions-1.json"))
    assert [one["reason"] for one in json.loads(kept.read_text())] == [one.reason for one in records[0].decisions]


def test_a_budget_that_is_spent_begins_no_further_round_until_there_is_more(loop):
    loop.run(rounds=5, budget=0.01)
    state = loop.state()
    assert len(state.rounds) == 1
    assert "budget of 0s is spent" in state.ended

    loop.run(None, go_on=True, rounds=2, budget=10_000)

    assert len(loop.state().rounds) == 2
    assert "had its 2 rounds" in loop.state().ended


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"metric": ["val/loss", "train/loss"], "direction": ["minimize", "minimize"]}, SweepFileError, "one metric"),
        ({"space": {"seed": "range(0, 9)"}}, SweepFileError, "space.seed: is what a round's best are confirmed on"),
        ({"warm_start": ["nothing"]}, StudyError, r"warm_start\[0\]: no study named 'nothing'"),
        ({"learn_from": "nothing"}, StudyError, "learn_from.nothing: no study named 'nothing'"),
        ({"feedback": {"keeep": 1}}, SweepFileError, "feedback.keeep: no such key. Did you mean keep"),
        ({"feedback": {"fidelity": {"trainer.max_epochs": []}}}, SweepFileError, "give trainer.max_epochs a value"),
        ({"feedback": {"limits": {"model.lr": [1, 0]}}}, SweepFileError, "model.lr: give the least first"),
    ],
)
def test_what_cannot_be_looped_is_refused_before_anything_is_left_behind(loop, changed, error, said):
    loop.write(**changed)

    with pytest.raises(error, match=said):
        loop.run(rounds=2)

    assert not (loop.project / "sweeps" / "rounds").exists()
    assert not list((loop.project / "mlruns").glob("trials/*"))


@pytest.mark.parametrize(
    ("target", "said"),
    [(None, "there is no loop to go on with yet"), ("toy-lop-1", "no loop by that name"), ("toy.yaml", "no loop was")],
)
def test_going_on_with_what_is_not_there_says_so(loop, target, said):
    with pytest.raises(LoopError, match=said):
        loop.run(target, go_on=True)


def test_the_best_of_earlier_studies_are_tried_first_as_far_as_they_fit(loop):
    loop.run("toy.yaml", "study.name=earlier", rounds=1)
    loop.write("later.yaml", warm_start="earlier-round-1", space={"model.lr": "tag(log, interval(1e-6, 1e-2))"})

    loop.run("later.yaml", rounds=1)

    earlier = loop.state("earlier").rounds[0]
    first = read_yaml(loop.project / "mlruns/trials/later-loop-1-round-1/0000/trial.yaml")
    found = read_yaml(loop.project / f"mlruns/trials/earlier-round-1/{_best_number(loop, earlier):04d}/trial.yaml")
    assert first["model"]["lr"] == found["model"]["lr"]


def test_each_rounds_sampler_goes_on_from_the_rounds_before(loop):
    loop.run(rounds=2)

    assert {name: yaml.safe_load(text).get("learn_from") for name, text in loop.files().items()} == {
        "round-1.yaml": None,
        "round-2.yaml": {"toy-loop-1-round-1": ""},
        "round-3.yaml": {"toy-loop-1-round-1": "", "toy-loop-1-round-2": ""},
    }
    assert re.search(r"its sampler learns from \d+ trials of toy-loop-1-round-1, which lie in its space", loop.said)


def test_a_study_learns_from_one_of_the_same_metric_alone_and_by_a_sampler_that_can(loop):
    loop.run("toy.yaml", "study.name=earlier", rounds=1)
    loop.write("other.yaml", learn_from={"earlier-round-1": ""}, metric="train/loss")
    loop.write("random.yaml", learn_from={"earlier-round-1": ""}, sampler="random")

    with pytest.raises(StudyError, match=r"judged by val/loss \(less is better\), and this study by train/loss"):
        loop.run("other.yaml", rounds=1)
    with pytest.raises(StudyError, match="sampler random cannot learn from other studies' trials; tpe and gp can"):
        loop.run("random.yaml", rounds=1)


def _best_number(loop, record):
    return min(record.candidates, key=lambda one: one.found).trial
