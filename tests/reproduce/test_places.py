"""The recorded code in a worktree, the recorded packages in an environment of their own."""

import subprocess
import sys
import zipfile

import pytest

from hone.errors import ConfigError
from hone.provenance import Provenance
from hone.provenance.code import look_at_code
from hone.reproduce import venvs
from hone.reproduce.worktree import recorded_code
from hone.tracking.fetch import KeptRun


def git(directory, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def run_of(provenance, config=None):
    return KeptRun("1234" * 8, "a", "train", "complete", "", {}, {}, {}, config or {}, provenance)


def provenance_of(directory, **more):
    kept = Provenance(look_at_code(directory), {}, sys.version.split()[0], {}).as_dict()
    return Provenance.from_dict({**kept, **more})


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "repository"
    (place / "src").mkdir(parents=True)
    git(place, "init", "-q")
    (place / "src" / "code.py").write_text("a = 1\n")
    (place / "picture.bin").write_bytes(bytes(range(256)))
    (place / ".gitignore").write_text("data.csv\n")
    git(place, "add", ".")
    git(place, "commit", "-qm", "first")
    return place


def test_the_recorded_commit_diff_and_new_files_are_back_for_as_long_as_they_are_needed(repository):
    (repository / "src" / "code.py").write_text("a = 2\n")
    (repository / "picture.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "src" / "new file.py").write_text("b = 1\n")
    (repository / "data.csv").write_text("1,2\n")
    recorded = provenance_of(repository)
    digest = recorded.code.digest
    git(repository, "add", "src")
    git(repository, "commit", "-qm", "second")
    (repository / "src" / "code.py").write_text("a = 3\n")

    with recorded_code(run_of(recorded, {"data": {"path": "data.csv"}}), repository) as checkout:
        there = look_at_code(checkout.directory)
        assert there.digest == digest
        assert (checkout.directory / "src" / "code.py").read_text() == "a = 2\n"
        assert (checkout.directory / "picture.bin").read_bytes()[0] == 255
        assert (checkout.directory / "data.csv").read_text() == "1,2\n"

    assert not checkout.directory.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (repository / "src" / "code.py").read_text() == "a = 3\n"


@pytest.mark.parametrize("name", ["../outside.py", "/tmp/outside.py", ".git/hooks/post-commit", "link/outside.py"])
def test_a_strangers_files_stay_inside_the_worktree(name, repository, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (repository / "link").symlink_to(tmp_path / "elsewhere")
    git(repository, "add", "link")
    git(repository, "commit", "-qm", "a link")
    recorded = provenance_of(repository, texts={name: "print('hacked')\n"})

    with (
        pytest.raises(ConfigError, match="lies outside of its repository"),
        recorded_code(run_of(recorded), repository),
    ):
        pass

    assert not list(tmp_path.rglob("outside.py"))
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_commit_that_is_not_there_is_said_with_what_to_do(repository):
    recorded = provenance_of(repository, commit="0" * 40)

    with pytest.raises(ConfigError, match="fetch it first"), recorded_code(run_of(recorded), repository):
        pass


def test_a_run_from_outside_a_repository_has_nothing_to_check_out(tmp_path, repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "empty").mkdir()
    recorded = provenance_of(tmp_path / "empty")

    with pytest.raises(ConfigError, match="nothing to check out"), recorded_code(run_of(recorded), repository):
        pass


@pytest.fixture
def own_wheels(tmp_path, monkeypatch):
    """A folder of wheels in place of the index."""
    for version in ("1.0", "2.0"):
        with zipfile.ZipFile(tmp_path / f"hone_toybox-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("hone_toybox.py", f"VERSION = '{version}'\n")
            about = f"hone_toybox-{version}.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: hone-toybox\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_what_differs_is_installed_into_an_environment_that_shares_the_rest(own_wheels, tmp_path):
    recorded = Provenance.from_dict(
        {
            "python": sys.version.split()[0],
            "packages": {"hone-toybox": "1.0", **venvs.installed()},
            "local": ["hone-ml"],
        }
    )

    python, notes = venvs.recorded_python(run_of(recorded), tmp_path / "envs")
    code = "import hone_toybox, torch; from hone.provenance.packages import installed; "
    code += "print(hone_toybox.VERSION, installed()['hone-toybox'])"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.split() == ["1.0", "1.0"]
    assert "hone-toybox==1.0" in notes[0]
    again, notes = venvs.recorded_python(run_of(recorded), tmp_path / "envs")
    assert again == python
    assert "built" not in notes[0]


def test_an_environment_that_has_it_all_is_used_as_it_is(tmp_path):
    recorded = Provenance.from_dict({"python": sys.version.split()[0], "packages": venvs.installed()})

    assert venvs.recorded_python(run_of(recorded), tmp_path / "envs")[0] == sys.executable


def test_a_version_that_cannot_be_had_leaves_nothing_behind(own_wheels, tmp_path):
    recorded = Provenance.from_dict({"python": sys.version.split()[0], "packages": {"hone-toybox": "3.0"}})

    with pytest.raises(ConfigError, match="cannot be installed"):
        venvs.recorded_python(run_of(recorded), tmp_path / "envs")
    assert list((tmp_path / "envs").iterdir()) == []


@pytest.mark.parametrize(("name", "version"), [("--index-url", "1"), ("toy @ git+https://x", "1"), ("toy", "1 --pre")])
def test_a_package_that_is_an_option_is_refused(name, version, tmp_path):
    recorded = Provenance.from_dict({"python": sys.version.split()[0], "packages": {name: version}})

    with pytest.raises(ConfigError, match="is no package"):
        venvs.recorded_python(run_of(recorded), tmp_path / "envs")


def test_another_python_is_said(tmp_path):
    recorded = Provenance.from_dict({"python": "3.1.4", "packages": {"torch": "1.0"}})

    with pytest.raises(ConfigError, match=r"was made with Python 3\.1\.4"):
        venvs.recorded_python(run_of(recorded), tmp_path / "envs")


def test_a_changed_line_differs_and_its_checkout_does_not(project, hone):
    toy = ("--config-name", "toy")
    git(project, "init", "-q")
    (project / ".gitignore").write_text("mlruns\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    source = (project / "toy.py").read_text()
    # What the run is made with is a change that no commit has.
    (project / "toy.py").write_text(source.replace("torch.tensor([[1.0], [-2.0]])", "torch.tensor([[1.0], [-3.0]])"))
    trained = hone("train", *toy, "trainer.max_epochs=1", "~data.rows", "++data.rows=64")
    assert trained.returncode == 0, trained.stderr
    (project / "toy.py").write_text(source)

    here = hone("reproduce", "toy-0000", *toy, "--allow-data-change")
    assert here.returncode == 1, here
    assert "files of it" in here.stdout
    assert "toy.py" in here.stdout
    there = hone("reproduce", "toy-0000", *toy, "--checkout")

    assert there.returncode == 0, there
    assert "and 1 changed files" in there.stdout
    assert "identical" in there.stdout
    assert len(git(project, "worktree", "list").splitlines()) == 1
