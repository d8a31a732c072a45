"""What docs/reproduce.md tells a user to type, typed."""

import re
import shlex
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "reproduce.md").read_text()


def test_the_commands_of_the_page_do_what_it_says(project, hone_here):
    [block] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    answers = []
    for line in block.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "hone"
        answers.append(hone_here(*arguments))

    assert [one.returncode for one in answers] == [0, 0, 0, 1, 0], answers
    assert "identical" in answers[2].stdout
    assert "optimizer.lr" in answers[4].stdout
    assert (project / "page.html").is_file()


def test_every_file_it_points_at_is_there():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).resolve().exists(), target
