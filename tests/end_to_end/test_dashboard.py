"""The dashboard as a user opens it: MLflow's own server, seen by a real browser."""

import os
import re
import shutil
import subprocess
import urllib.request

import pytest
from terminal import started, wait_for

TOY = ["--config-name", "toy"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def chromium():
    """A real browser; under CI its absence is a failure."""
    found = next((one for one in map(shutil.which, BROWSERS) if one), None)
    if found is None:
        assert os.environ.get("CI") != "true", "Chromium is not installed"
        pytest.skip("Chromium is not installed")
    return found


def page(browser, address, folder):
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
    seen = subprocess.run(
        [*command, "--virtual-time-budget=20000", "--dump-dom", address], capture_output=True, text=True, timeout=120
    )
    return seen.stdout


def test_the_dashboard_shows_the_studys_runs_on_loopback_alone(project, hone_here, chromium, tmp_path):
    assert hone_here("sweep", "toy_sweep.yaml", *TOY, "trials=2").returncode == 0

    with started(project, "dashboard", *TOY, "--port", "5731", "--no-browser") as process:
        lines = []
        wait_for(lambda: lines.append(process.stdout.readline()) or "dashboard:" in lines[-1], process)
        address = re.search(r"http://\S+", lines[-1])[0]
        assert address.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(address.partition("#")[0] + "health").read() == b"OK"
        shown = page(chromium, address, tmp_path / "browser")
        process.send_signal(2)
        process.wait(20)

    assert "toy_sweep-1" in shown
    assert process.returncode == 0


def test_a_dashboard_without_anything_tracked_says_so(project, hone_here):
    answer = hone_here("dashboard", *TOY, "--no-browser")

    assert answer.returncode == 2
    assert "nothing has been tracked here yet" in answer.stderr
