"""What docs/evaluate.md tells a user to type, typed; and a champion to compare with."""

import re
import shlex
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text()


def test_the_commands_of_the_page_do_what_it_says_and_the_champion_is_compared_with(project, hone_here, runs):
    [block] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    answers = []
    for line in block.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "hone"
        quick = ("--resamples", "20") if arguments[0] == "evaluate" else ("trainer=cpu",)
        answers.append(hone_here(*arguments, *quick))

    assert [one.returncode for one in answers] == [0] * 5, answers
    assert "mlp-0000 on the test split" in answers[2].stdout
    assert "by McNemar's exact test on the same 360 val rows" in answers[3].stdout
    assert "data.split_seed is 1, not 0: rows may be among those" in answers[4].stdout

    poor, good = runs()[:2]
    assert hone_here("promote", poor.info.run_id).returncode == 0
    said = hone_here("evaluate", good.info.run_id, "--split", "val", "--resamples", "20").stdout

    run = runs()[-1]
    assert (run.data.tags["hone.against"], run.data.tags["hone.compared"]) == (poor.info.run_id, "better")
    assert "cnn-0001 is better than champion digits version 1: accuracy" in said
    gain = good.data.metrics["val/accuracy"] - poor.data.metrics["val/accuracy"]
    assert run.data.metrics["against/difference"] == pytest.approx(gain, abs=1e-6)
    assert 0 < run.data.metrics["against/difference_low"] < gain
    assert run.data.metrics["against/p"] < 0.05


def test_every_file_it_points_at_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).resolve().exists(), target
