"""What one controller, a study's storage and MLflow carry: trials and reports a second against workers.

    python benchmarks/scale.py --out docs/scale.png

The controller is the real one, and so are the storage (a journal file; PostgreSQL, started here from Debian's package)
and the tracking (``mlflow server``). The workers are simulated by one process, which speaks as a cluster's bridge does:
each trains for as long as it is told to, writes its spool, reports, and waits for the verdict. So what is measured is
everything but training and Ray.

Two loads: *reports*, from workers whose trials never end while they are counted, each a second after its last verdict;
and *trials*, of two seconds and one report each. Until they saturate, both grow as the workers do.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.absolute()
INTERVAL, TRIAL_SECONDS = 1.0, 2.0
WINDOW_SECONDS = 12.0
WORKERS = (64, 256, 1024, 2048)
LOADS = ("reports", "trials")
SETUPS = {
    "journal file, no MLflow": {"postgres": False, "mlflow": False},
    "PostgreSQL, no MLflow": {"postgres": True, "mlflow": False},
    "PostgreSQL and mlflow server": {"postgres": True, "mlflow": True},
}
SWEEP = """
base: ["objective={_target_: math.hypot, x: 0}"]
metric: value
direction: minimize
trials: 1
sampler: random
pruner: median
space: {objective.x: "interval(0, 1)"}
resources: {cpus: 1}
disk: {reserve: 0}
"""


class Crowd:
    """Thousands of workers in one process, in the place of a cluster's bridge.

    Args:
        line: To the controller.
        load: ``reports`` or ``trials``.
        workers: How many.
        result: Where what was counted is written.
    """

    def __init__(self, line: Connection, load: str, workers: int, result: Path) -> None:
        from hone.executors.ray.wire import Speaker

        self.line, self.load, self.workers, self.result = line, load, workers, result
        self.speaker = Speaker(line)
        self.due: list[tuple[float, int, int]] = []
        self.directories: dict[int, Path] = {}
        self.asked: dict[int, tuple[float, int]] = {}
        self.waits: list[float] = []
        self.begun = self.ended = 0
        self.from_time: float | None = None

    def serve(self) -> None:
        """Run until the controller is gone."""
        from hone.executors.ray.wire import Slots

        self.line.recv()
        self.speaker.say(Slots(self.workers))
        with contextlib.suppress(EOFError, OSError):
            while not self._over():
                self._turn()

    def _turn(self) -> None:
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, number, step = heapq.heappop(self.due)
            self._act(number, step)
        left = self.due[0][0] - time.monotonic() if self.due else 0.05
        if self.line.poll(max(0.0, min(left, 0.05))):
            self._take(self.line.recv())

    def _take(self, message: Any) -> None:
        from hone.executors.ray.wire import Answer, Run, Said
        from hone.worker.messages import Begin, Started

        if isinstance(message, Run):
            number = message.job.number
            self.directories[number] = Path(message.job.directory)
            self.speaker.say(Said(number, Started()))
        elif isinstance(message, Answer) and isinstance(message.message, Begin):
            self.begun += 1
            self._wait(message.number, 1)
            if self.from_time is None and self.begun >= self.workers:
                self.from_time = time.monotonic()
        elif isinstance(message, Answer):
            asked, step = self.asked.pop(message.number)
            if self.from_time is not None:
                self.waits.append(time.monotonic() - asked)
            if self.load == "reports":
                self._wait(message.number, step + 1)
            else:
                self._end(message.number)

    def _wait(self, number: int, step: int) -> None:
        seconds = INTERVAL if self.load == "reports" else TRIAL_SECONDS
        heapq.heappush(self.due, (time.monotonic() + seconds, number, step))

    def _act(self, number: int, step: int) -> None:
        from hone.executors.ray.wire import Said
        from hone.tracking.spool import SpoolWriter
        from hone.worker.messages import Report

        with SpoolWriter(self.directories[number]) as spool:
            spool.append({"value": 1.0 / step, "train/loss": 1.0 / step}, step, time.time())
        self.asked[number] = (time.monotonic(), step)
        self.speaker.say(Said(number, Report(step, {"value": (number % 97 + 1) / step}, step)))

    def _end(self, number: int) -> None:
        from hone.executors.ray.wire import Said
        from hone.worker.messages import Exited, Result

        self.ended += self.from_time is not None
        self.speaker.say(Said(number, Result({"value": 1.0}, steps=1, seconds=TRIAL_SECONDS)))
        self.speaker.say(Said(number, Exited(number, 0)))

    def _over(self) -> bool:
        if self.from_time is None or time.monotonic() - self.from_time < WINDOW_SECONDS:
            return False
        took = time.monotonic() - self.from_time
        waits = sorted(self.waits) or [0.0]
        found = {
            "rate": (len(self.waits) if self.load == "reports" else self.ended) / took,
            "p50": waits[len(waits) // 2],
            "p95": waits[int(len(waits) * 0.95)],
        }
        self.result.write_text(json.dumps(found))
        return True


def one(load: str, workers: int, storage: str | None, uri: str | None) -> dict[str, float]:
    """Measure one load with one number of workers, in this process."""
    from rich.console import Console

    import hone.executors.ray.executor as ray
    from hone.sweep.session import SweepRequest, run_sweep

    directory = Path(tempfile.mkdtemp(prefix="hone-scale-"))
    result = directory / "result.json"
    file = directory / "scale.yaml"
    file.write_text(SWEEP)
    ray.COMMAND = (str(HERE / "scale.py"), "--crowd", load, str(workers), str(result))
    tracking = [f"tracking.uri={uri}"] if uri else ["tracking.offline=true"]
    more = [f"study.storage={storage}"] if storage else []
    overrides = (
        f"trials={workers if load == 'reports' else 100_000}",
        "executor=ray",
        f"executor.max_parallel={workers}",
        "executor.patience=0",
        f"tracking.directory={directory / 'mlruns'}",
        "tracking.report=false",
        "failure.grace=0",
        *tracking,
        *more,
    )
    quiet = Console(quiet=True)
    os.chdir(directory)
    began = time.process_time()
    with contextlib.suppress(Exception):
        # The crowd leaves when it has counted, as a lost cluster does.
        run_sweep(SweepRequest(file, overrides), None, quiet)
    return json.loads(result.read_text()) | {"processor": time.process_time() - began}


def measure(workers: tuple[int, ...], setups: list[str], kept: Path | None) -> list[dict[str, Any]]:
    """Measure everything that was not measured yet, each in a process of its own."""
    sys.path.insert(0, str(HERE.parent / "tests" / "support"))
    from servers import MlflowServer, Postgres

    found = json.loads(kept.read_text()) if kept and kept.exists() else []
    postgres = Postgres().start()
    server = MlflowServer(Path(tempfile.mkdtemp(prefix="hone-scale-server-"))).start()
    try:
        for setup in setups:
            for load in LOADS:
                for count in workers:
                    if any((row["setup"], row["load"], row["workers"]) == (setup, load, count) for row in found):
                        continue
                    own = SETUPS[setup]
                    given = [postgres.database() if own["postgres"] else "", server.uri if own["mlflow"] else ""]
                    command = [sys.executable, __file__, "--one", load, str(count), *given]
                    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
                    if done.returncode:
                        print(done.stderr[-2_000:], file=sys.stderr)
                        break
                    row = {"setup": setup, "load": load, "workers": count, **json.loads(done.stdout.splitlines()[-1])}
                    print(
                        f"{setup:30} {load:8} {count:6,} workers  {row['rate']:8.1f} a second  "
                        f"verdict {1e3 * row['p50']:7.1f} ms, p95 {1e3 * row['p95']:7.1f} ms",
                        flush=True,
                    )
                    found.append(row)
                    if kept:
                        kept.write_text(json.dumps(found, indent=1))
                    if row["rate"] < 0.5 * count / (INTERVAL if load == "reports" else TRIAL_SECONDS):
                        # It has bent: more workers add nothing but waiting.
                        break
    finally:
        server.kill()
        postgres.stop()
    return found


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw both loads, with the line on which nobody waits."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    colours = dict(zip(SETUPS, ("#4c78a8", "#f58518", "#54a24b"), strict=True))
    for axis, load in zip(axes, LOADS, strict=True):
        every = INTERVAL if load == "reports" else TRIAL_SECONDS
        own = [row for row in rows if row["load"] == load]
        counts = sorted({row["workers"] for row in own})
        axis.plot(counts, [one / every for one in counts], color="#999999", linestyle=":", label="nobody waits")
        for setup, colour in colours.items():
            points = [(row["workers"], row["rate"]) for row in own if row["setup"] == setup]
            axis.plot(*zip(*points, strict=True), marker="o", color=colour, label=setup)
        said = "one report a second each" if load == "reports" else "trials of two seconds"
        axis.set(xscale="log", yscale="log", xlabel=f"workers, {said}", ylabel=f"{load} a second")
        axis.set_xticks(counts, [f"{one:,}" for one in counts])
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.minorticks_off()
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--setups", nargs="+", choices=list(SETUPS), default=list(SETUPS))
    parser.add_argument(
        "--rows", type=Path, help="keep what was measured, as JSON; what is there is not measured again"
    )
    parser.add_argument("--out", type=Path, help="draw it")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--crowd", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        load, workers, result, descriptor = given.crowd
        Crowd(Connection(int(descriptor)), load, int(workers), Path(result)).serve()
        os._exit(0)
    if given.one:
        load, workers, storage, uri = given.one
        print(json.dumps(one(load, int(workers), storage or None, uri or None)), flush=True)
        os._exit(0)
    rows = measure(tuple(given.workers), given.setups, given.rows)
    if given.out:
        draw(rows, given.out)


if __name__ == "__main__":
    main()
