"""``hone init``: a project that runs at once."""

import json
import shutil
from pathlib import Path

import pytest

from hone.errors import ConfigError
from hone.init import start_project


def test_its_sweep_runs_and_learns(hone, tmp_path, seeded_store, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun = hone("init", "demo")
    assert "cd demo && hone sweep sweeps/first.yaml" in begun.stdout, begun.stderr
    shutil.copytree(seeded_store, tmp_path / "demo" / "mlruns")
    monkeypatch.chdir("demo")
    few = ["trials=2", "trainer.max_epochs=8", "pruner=none", "model.width=64", "optimizer.lr=1e-2", "model.depth=3"]

    swept = hone("sweep", "sweeps/first.yaml", *few)

    assert swept.returncode == 0, swept.stdout + swept.stderr
    results = [json.loads(one.read_text()) for one in Path("mlruns/trials/first-1").glob("*/result.json")]
    assert len(results) == 2
    assert max(one["metrics"]["test/accuracy"] for one in results) > 0.7


def test_no_file_is_written_over_unless_asked(tmp_path):
    (tmp_path / "net.py").write_text("mine")

    with pytest.raises(ConfigError, match=r"net\.py would be overwritten"):
        start_project(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["net.py"]

    files = start_project(tmp_path, force=True)
    assert (tmp_path / "net.py").read_text() != "mine"
    assert tmp_path / ".gitignore" in files
    assert (tmp_path / "README.md").read_text().startswith(f"# {tmp_path.name}\n")
    with pytest.raises(ConfigError, match=r"and \d+ more would be overwritten"):
        start_project(tmp_path)
