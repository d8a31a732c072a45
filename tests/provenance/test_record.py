import json
import os
import subprocess

import pytest

from hone.provenance import Provenance, digests, environment
from hone.provenance.code import look_at_code
from hone.provenance.packages import lock_digests


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


@pytest.mark.parametrize("option", ["diff.noprefix", "diff.mnemonicPrefix", "color.ui"])
def test_a_diff_applies_whatever_the_users_git_shows_and_however_lines_end(repository, tmp_path_factory, option):
    git(repository, "config", option, "always" if option == "color.ui" else "true")
    (repository / "windows.py").write_bytes(b"a = 1\r\nb = 2\r\n")
    git(repository, "add", ".")
    git(repository, "-c", "core.autocrlf=false", "commit", "-qm", "second")
    (repository / "windows.py").write_bytes(b"a = 1\r\nb = 3\r\n")
    (repository / "code.py").write_text("a = 2\n")

    code = look_at_code(repository)

    assert sorted(code.changed) == ["code.py", "windows.py"]
    place = tmp_path_factory.mktemp("again") / "code"
    git(repository, "worktree", "add", "--detach", str(place), "HEAD")
    subprocess.run(["git", "-C", str(place), "apply"], input=code.diff.encode(), check=True)
    assert (place / "windows.py").read_bytes() == b"a = 1\r\nb = 3\r\n"
    assert (place / "code.py").read_text() == "a = 2\n"


def test_a_change_that_is_no_utf8_is_withheld_and_named(repository):
    (repository / "code.py").write_bytes("a = 'é'\n".encode("latin-1"))

    code = look_at_code(repository)

    assert code.withheld == {"code.py": "is no UTF-8"}
    assert "code.py" not in code.diff


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


def test_what_was_written_down_is_read_back(repository):
    (repository / "new.py").write_text("b = 1\n")
    run = environment(repository).of_run(
        threads=2, gpus=None, seed=7, digests={}, state={"threads": 2}, modules=["torch.nn", "code"]
    )

    kept = json.loads(json.dumps(run.as_dict()))

    again = Provenance.from_dict(kept)
    assert again.as_dict() == run.as_dict()
    assert again.code.texts == {"new.py": "b = 1\n"}
    assert again.origins["torch"] == "installed"


def test_what_an_older_hone_wrote_is_read_as_far_as_it_goes():
    old = Provenance.from_dict(
        {"commit": "a" * 40, "diff": "", "untracked": [], "packages": {"x": "1"}, "python": "3.11"}
    )

    assert (old.commit, old.packages, old.code.digest) == ("a" * 40, {"x": "1"}, "")


def test_a_changed_line_changes_the_digest_of_the_code_inside_a_repository_and_outside(
    repository, tmp_path, monkeypatch
):
    before = look_at_code(repository).digest
    (repository / "code.py").write_text("a = 2\n")
    assert look_at_code(repository).digest != before

    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (outside / ".venv").mkdir(parents=True)
    (outside / ".venv" / "theirs.py").write_text("a = 1\n")
    (outside / "code.py").write_text("a = 1\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    found = look_at_code(outside)
    assert list(found.files) == ["code.py"]
    (outside / "code.py").write_text("a = 2\n")
    assert look_at_code(outside).digest != found.digest


def test_secrets_in_the_working_tree_are_withheld_and_named(repository):
    (repository / "code.py").write_text("api_key = 'a1b2c3d4e5'\n")
    (repository / ".env").write_text("X=1\n")
    (repository / "secrets.yaml").write_text("x: 1\n")
    (repository / "new.py").write_text("password = 'hunter22'\n")

    found = look_at_code(repository)

    assert found.diff == ""
    assert found.texts == {}
    assert set(found.withheld) == {"code.py", "secrets.yaml", "new.py"}
    assert "hunter22" not in json.dumps(Provenance(found, {}, "", {}).as_dict())


def test_secrets_in_the_command_line_are_hidden(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["hone", "train", "tracking.uri=http://me:hunter22@host", "+token=hunter22"])
    environment.cache_clear()

    assert "hunter22" not in " ".join(environment(tmp_path).command)
    environment.cache_clear()


def test_lock_files_are_known_by_their_content(tmp_path):
    (tmp_path / "uv.lock").write_text("a\n")
    first = lock_digests([tmp_path])
    (tmp_path / "uv.lock").write_text("b\n")

    assert set(first) == {"uv.lock"}
    assert lock_digests([tmp_path]) != first


def test_a_large_file_is_hashed_again_once_it_has_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "SMALL", 4)
    path = tmp_path / "data.bin"
    path.write_bytes(b"0123456789")
    facts = path.stat()
    first = digests.file_digest(path)
    assert digests.file_digest(path) == first
    path.write_bytes(b"0123456780")
    # Somebody who sets the time back is noticed all the same.
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    assert digests.file_digest(path) != first
