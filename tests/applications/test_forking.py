"""Jobs of an application that is forked as it is compute what those of one that is loaded anew compute."""

import json
import shutil
import subprocess
import sys

import pytest

APPLICATION = """
import json
import os
import sys
import threading
from pathlib import Path

import hydra
import numpy as np
from hydra.core.hydra_config import HydraConfig
from threadpoolctl import threadpool_info

with open("loaded.txt", "a") as file:
    print(os.getpid(), file=file)
if "--other-thread" in os.environ.get("APPLICATION", ""):
    threading.Thread(target=threading.Event().wait, daemon=True).start()


@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    product = np.random.default_rng(cfg.x).normal(size=(300, 300)) @ np.ones((300, 300))
    said = {
        "x": cfg.x,
        "threads": {one["prefix"]: one["num_threads"] for one in threadpool_info()},
        "variables": {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")},
        "leads": os.getsid(0) == os.getpid(),
        "input": os.readlink("/proc/self/fd/0"),
        "sockets": len([one for one in Path("/proc/self/fd").iterdir() if one.is_socket()]),
        "main": sys.modules["__main__"].main is main,
        "product": product.sum().hex(),
    }
    Path(HydraConfig.get().runtime.output_dir, "said.json").write_text(json.dumps(said))
    return cfg.x


try:
    main()
finally:
    with open("left.txt", "a") as file:
        print(os.getpid(), file=file)
"""
ASKED = ["-m", "hydra/sweeper=hone", "+x=1,2", "hydra/sweeper/sampler=grid", "hydra.sweeper.resources.cpus=2"]


@pytest.fixture
def sweep(tmp_path, seeded_store, monkeypatch):
    """Sweeps the application in a process of its own; gives what its jobs said, how often it was loaded and left."""

    def run(how):
        directory = tmp_path / (how or "forked")
        directory.mkdir()
        (directory / "app.py").write_text(APPLICATION)
        shutil.copytree(seeded_store, directory / "mlruns")
        monkeypatch.setenv("APPLICATION", how)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        done = subprocess.run([sys.executable, "app.py", *ASKED], cwd=directory, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said = [json.loads(one.read_text()) for one in directory.glob("multirun/**/said.json")]
        said.sort(key=lambda one: one["x"])
        return said, *(len((directory / name).read_text().split()) for name in ("loaded.txt", "left.txt"))

    return run


def test_jobs_compute_the_same_in_forks_of_the_application_as_where_it_is_loaded_anew(sweep):
    forked, loads, left = sweep("")
    assert (len(forked), loads, left) == (2, 1, 1), "it is loaded once, and no fork goes on in it"

    anew, loads, _ = sweep("--other-thread")

    assert loads == 2
    assert forked == anew
    assert {one["input"] for one in forked} == {"/dev/null"}
    assert all(one["leads"] and one["main"] for one in forked)
