import pytest

from hone.provenance import environment

TOY = ("--config-name", "toy")


@pytest.fixture(autouse=True)
def _each_command_looks_anew(as_new_process):
    pass


@pytest.fixture
def trained(hone_here, runs):
    """Train the toy; gives the run."""

    def train(*overrides):
        answer = hone_here("train", *TOY, "trainer.max_epochs=2", "model.dropout=0.2", *overrides)
        assert answer.returncode in (0, 1), answer.stderr
        return runs()[-1]

    return train


@pytest.fixture
def reproduced(hone_here):
    """Reproduce a run; gives what the command said."""

    def reproduce(run, *arguments):
        environment.cache_clear()
        name = run if isinstance(run, str) else run.info.run_id
        return hone_here("reproduce", name, *TOY, *arguments)

    return reproduce
