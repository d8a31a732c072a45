import json
import subprocess

import pytest

from hone.provenance import environment


def git(directory, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_run_knows_its_commit_and_what_was_changed_since(repository):
    (repository / "code.py").write_text("a = 2\n")
    (repository / "new.py").write_text("b = 1\n")

    found = environment(repository)

    assert len(found.commit) == 40
    assert "+a = 2" in found.code.diff
    assert found.code.untracked == ("new.py",)


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert environment(tmp_path).commit is None


def test_packages_machine_and_what_the_run_was_given_are_written_down(tmp_path):
    run = environment(tmp_path).of_run(threads=2, gpus=("0",), seed=7, digests={"train.csv": "abc"})

    kept = json.loads(json.dumps(run.as_dict()))

    assert kept["packages"]["torch"].startswith("2.")
    assert kept["machine"]["cpus"] >= 1
    assert (kept["threads"], kept["gpus"], kept["seed"]) == (2, ["0"], 7)
    assert kept["digests"] == {"train.csv": "abc"}
