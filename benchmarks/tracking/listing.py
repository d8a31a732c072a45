"""How long it takes to look at a study of 2,000 trials: commands as whole processes, and the dashboard's first page."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from big_study import STUDY, fill

HONE = Path(sys.executable).with_name("hone")
TURNS = 5
# As the page asks for it that `hone dashboard` opens.
FIRST_PAGE = {
    "experiment_ids": ["1"],
    "run_view_type": "ACTIVE_ONLY",
    "max_results": 100,
    "order_by": ["metrics.`objective` DESC"],
}


def main() -> None:
    """Fill a store, ask, and print the best and the median of some turns."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        ids = fill(Path(folder, "mlruns"), trials)
        commands = [["ls"], ["ls", STUDY], ["ls", STUDY, "--sort", "objective"], ["show", ids[trials // 2][:9]]]
        for command in [*commands, ["show", f"best:{STUDY}"]]:
            _report(" ".join(["hone", *command]), [_seconds_of(command, folder) for _ in range(TURNS)])
        _dashboard(folder)


def _seconds_of(command: list[str], folder: str) -> float:
    began = time.perf_counter()
    subprocess.run([HONE, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _dashboard(folder: str) -> None:
    command = [HONE, "dashboard", "--no-browser", "--port", "0"]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(one for one in process.stdout if "dashboard:" in one)
        _report("hone dashboard, until it answers", [time.perf_counter() - began])
        try:
            address = line.split()[1].partition("#")[0]
            _report("the runs table's first page", [_first_page(address) for _ in range(TURNS)])
        finally:
            process.terminate()


def _first_page(address: str) -> float:
    body = json.dumps(FIRST_PAGE).encode()
    url = f"{address}ajax-api/2.0/mlflow/runs/search"
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    began = time.perf_counter()
    with urllib.request.urlopen(asked) as answer:
        assert len(json.load(answer)["runs"]) == FIRST_PAGE["max_results"]
    return time.perf_counter() - began


def _report(what: str, seconds: list[float]) -> None:
    middle = sorted(seconds)[len(seconds) // 2]
    print(f"{what:45} best {min(seconds):6.2f} s   median {middle:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
