"""A full disk, on a small file system of its own."""

import os
import shutil
import subprocess

import pytest
from terminal import started

from hone.tracking.store import TrackingConfig, open_store

SWEEP = ["sweep", "toy_sweep.yaml", "--config-name", "toy", "trials=30", "executor.max_parallel=1"]
MEGABYTE = 1_000_000


@pytest.fixture
def small_disk(project):
    """mlruns/ on 40 MB."""
    place = project / "mlruns"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place, leave):
    """Take room until so much is left."""
    size = shutil.disk_usage(place).free - leave
    with (place / "hoard").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


@pytest.mark.parametrize("reserve", ["6MB", "0"], ids=["before the disk is full", "when it is full"])
def test_a_full_disk_pauses_the_sweep_and_a_resumed_one_goes_on(small_disk, project, hone_here, reserve):
    own = [f"disk.reserve={reserve}", "model.pause=0.1"]
    with started(project, *SWEEP, *own) as process:
        while not list(small_disk.glob("trials/*/0001/result.json")):
            assert process.poll() is None, process.stdout.read()
        # Less than the reserve, or than the next trials will write.
        fill(small_disk, leave=4 * MEGABYTE if reserve != "0" else 20_000)
        said, _ = process.communicate(timeout=90)

    assert process.returncode == 2, said
    assert "free some room and go on with --resume" in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    done = {one: one.stat().st_mtime_ns for one in small_disk.glob("trials/*/*/result.json")}
    (small_disk / "hoard").unlink()

    answer = hone_here(*SWEEP, *own, "trials=8", "--resume")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    store = open_store(TrackingConfig(directory=str(small_disk)))
    trials = store.runs("tags.`hone.kind` = 'trial'")
    assert not [run for run in trials if run.info.status == "RUNNING"]
    numbers = sorted(int(run.data.tags["hone.trial"]) for run in trials)
    assert numbers == list(range(max(8, len(done))))
    assert all(one.stat().st_mtime_ns == written for one, written in done.items())


def test_a_sweep_does_not_start_where_there_is_no_room(small_disk, hone_here):
    answer = hone_here(*SWEEP, "disk.reserve=1GB")

    assert answer.returncode == 2
    assert "of disk are free, less than disk.reserve=1 GB" in answer.stderr
    assert list((small_disk / "studies").glob("*.journal")) == []
