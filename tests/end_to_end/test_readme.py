"""What the README tells a user to do, done."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text()


def snippet(first_line):
    """The code block that begins with a line."""
    return next(block for block in re.findall(r"```\w+\n(.*?)```", README, re.DOTALL) if block.startswith(first_line))


def test_a_users_own_module_trains_and_is_searched(project, hone):
    (project / "net.py").write_text(snippet("import pytorch_lightning"))
    (project / "conf" / "model" / "net.yaml").write_text(snippet("_target_: net.Net"))
    (project / "sweep.yaml").write_text(
        "metric: val/accuracy\ndirection: maximize\ntrials: 2\nspace: {optimizer.lr: 'interval(0.001, 0.01)'}\n"
    )

    trained = hone("train", "model=net", "trainer.max_epochs=1")
    assert trained.returncode == 0, trained.stderr
    assert "val/accuracy" in trained.stdout

    swept = hone("sweep", "sweep.yaml", "model=net", "model.width=choice(32,64,128)", "trainer.max_epochs=1")
    assert swept.returncode == 0, swept.stderr
    assert " width " in swept.stdout


def test_the_sweep_file_that_is_explained_is_valid(project):
    from hone.sweep.file import load_sweep_file

    (project / "explained.yaml").write_text(snippet("base: [model=cnn"))

    sweep, others = load_sweep_file(project / "explained.yaml", ["trials=10", "study.name=second", "model=mlp"])

    assert (sweep.trials, sweep.study.name, sweep.timeout, others) == (10, "second", 7200.0, ["model=mlp"])


def test_every_file_it_points_at_is_there():
    root = Path(__file__).parents[2]
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        name, _, heading = target.partition("#")
        assert (root / name).exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", (root / name).read_text(), re.MULTILINE)
            assert heading in [one.lower().replace(" ", "-") for one in headings], target
