"""Single runs from the terminal."""

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

from terminal import started, wait_for

from hone.tracking.store import TrackingConfig, open_store

ROOT = Path(__file__).parents[2]
TOY = ["train", "--config-name", "toy", "trainer.max_epochs=2"]


def only_run(project):
    store = open_store(TrackingConfig(directory=str(project / "mlruns")))
    [run] = store.runs()
    return store, run


def test_a_run_is_trained_tested_tracked_and_shown(project, hone_here):
    answer = hone_here(*TOY)

    assert answer.returncode == 0, answer.stderr
    store, run = only_run(project)
    assert run.info.status == "FINISHED"
    assert run.data.tags["hone.kind"] == "train"
    assert {"val/loss", "test/loss", "train/loss"} <= set(run.data.metrics)
    assert "test/loss" in answer.stdout
    assert run.info.run_id in answer.stdout
    assert "checkpoints" in {one.path for one in store.client.list_artifacts(run.info.run_id)}

    listed = hone_here("ls", "--config-name", "toy")
    assert run.info.run_name in listed.stdout
    shown = hone_here("show", run.info.run_id[:6], "--config-name", "toy")
    assert f"{run.data.metrics['test/loss']:.4f}" in shown.stdout


def test_a_run_that_raises_ends_failed_with_its_traceback(project, hone_here):
    answer = hone_here(*TOY, "model.misbehave=raise")

    assert answer.returncode == 1
    assert "the user's own mistake" in answer.stdout
    _, run = only_run(project)
    assert (run.info.status, run.data.tags["hone.failure"]) == ("FAILED", "error")


def test_a_run_that_dies_ends_failed(project, hone_here):
    answer = hone_here(*TOY, "model.misbehave=die")

    assert answer.returncode == 1
    _, run = only_run(project)
    assert (run.info.status, run.data.tags["hone.failure"]) == ("FAILED", "crash")


def test_ctrl_c_ends_a_run_killed(project):
    with started(project, *TOY, "model.misbehave=hang") as process:
        wait_for(lambda: list(project.glob("mlruns/trials/train/0000/run.json")), process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert process.returncode == 130
    _, run = only_run(project)
    assert run.info.status == "KILLED"


def test_a_password_in_the_tracking_uri_reaches_no_file_of_the_run(project, hone_here, monkeypatch):
    database = project / "mlruns" / "x.db"
    database.parent.mkdir()
    answer = hone_here(*TOY, f"tracking.uri=sqlite:///{database}")
    assert answer.returncode == 0, answer.stderr

    kept = [one for one in project.rglob("*") if one.is_file() and one.suffix in (".yaml", ".json", ".txt")]
    assert kept
    assert not [one for one in kept if "x.db" in one.read_text() and one.name != "run.json"]


def test_cfg_prints_what_would_run(project, hone_here):
    unresolved = hone_here("train", "model=cnn", "--cfg", "job")
    resolved = hone_here("train", "model=cnn", "--cfg", "job", "--resolve")
    whole = hone_here("train", "--cfg", "all")

    assert "monitor: ${monitor}" in unresolved.stdout
    assert "monitor: val/accuracy" in resolved.stdout
    assert "CNNClassifier" in unresolved.stdout
    assert "hydra:" in whole.stdout
    assert "hydra:" not in unresolved.stdout
    assert hone_here("train", "--cfg", "jbo").returncode == 2
    assert not (project / "mlruns").exists()


def test_the_wheel_brings_its_config_and_trains_in_an_empty_directory(tmp_path):
    def run(*command, **options):
        answer = subprocess.run(command, capture_output=True, text=True, timeout=200, **options)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    build = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    wheel = run(sys.executable, "-c", build, str(tmp_path), cwd=ROOT).splitlines()[-1]
    # The libraries come from this environment, hone itself from the wheel alone.
    venv.create(tmp_path / "venv", system_site_packages=False, symlinks=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    run(sys.executable, "-m", "zipfile", "-e", str(tmp_path / wheel), str(site))
    ours = next(one for one in sys.path if one.endswith("site-packages"))
    libraries = f"import sys; sys.path.append({ours!r}); from hone.cli import main; main()"
    empty = tmp_path / "empty"
    empty.mkdir()

    code = "import hone; print(hone.__file__)"
    python = str(tmp_path / "venv" / "bin" / "python")
    assert str(tmp_path) in run(python, "-c", code, cwd=empty)
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ours}"}
    said = run(python, "-c", libraries, "train", "trainer.max_epochs=1", cwd=empty, env=environment)

    assert "test/accuracy" in said
    assert (empty / "mlruns" / "mlflow.db").is_file()
