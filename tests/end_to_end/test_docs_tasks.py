"""What docs/tasks.md tells a user to type is understood."""

import re
import shlex
from pathlib import Path

import pytest

from hone.config.compose import Composer, resolve
from hone.sweep.file import load_sweep_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tasks.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for one in BLOCKS for line in one.replace("\\\n", " ").splitlines()]


def test_each_training_command_composes(monkeypatch):
    monkeypatch.setenv("HONE_DATA_ROOT", "/there")
    trained = [overrides for program, verb, *overrides in COMMANDS if (program, verb) == ("hone", "train")]
    assert len(trained) > 15

    for overrides in trained:
        config = resolve(Composer().compose(overrides).config)
        assert config["model"]["_target_"].startswith("hone.tasks."), overrides


def test_each_sweep_file_is_there_and_valid():
    files = [arguments[0] for program, verb, *arguments in COMMANDS if (program, verb) == ("hone", "sweep")]
    named = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", PAGE, re.MULTILINE))

    assert len(named) == 12
    for file in {*files, *(f"sweeps/{name}.yaml" for name in named)}:
        sweep, _ = load_sweep_file(ROOT / file, [])
        assert sweep.trials >= 4
        assert {"optimizer.lr", "data.batch_size"} <= set(sweep.space), file


@pytest.mark.parametrize("page", ["docs/tasks.md", "benchmarks/tasks/README.md"])
def test_every_file_it_points_at_is_there(page):
    for target in re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / page).read_text()):
        assert (ROOT / page).parent.joinpath(target).resolve().exists(), target
