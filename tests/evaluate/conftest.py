import json

import pytest

TOY = ("--config-name", "toy")
QUICK = ("--resamples", "20")


@pytest.fixture(autouse=True)
def _each_command_looks_anew(as_new_process):
    pass


@pytest.fixture
def train(hone_here, runs):
    """Train on digits unless told otherwise; gives the run."""

    def once(*arguments):
        answer = hone_here("train", "trainer=cpu", *arguments)
        assert answer.returncode == 0, answer.stderr
        return runs()[-1]

    return once


@pytest.fixture
def train_toy(hone_here, runs):
    """Train the user's own module; gives the run."""

    def once(*arguments):
        answer = hone_here("train", *TOY, "trainer.max_epochs=1", *arguments)
        assert answer.returncode == 0, answer.stderr
        return runs()[-1]

    return once


@pytest.fixture
def evaluated(hone_here, runs):
    """Evaluate; gives the evaluation's run and what the command said."""

    def once(run, *arguments):
        name = run if isinstance(run, str) else run.info.run_id
        answer = hone_here("evaluate", name, *QUICK, *arguments)
        assert answer.returncode == 0, answer.stderr
        return runs()[-1], " ".join(answer.stdout.split())

    return once


@pytest.fixture
def artifact(project):
    """Read a JSON artifact of a run."""

    def read(run, name):
        return json.loads((project / "mlruns" / "artifacts" / run.info.run_id / "artifacts" / name).read_text())

    return read
