"""Times the same sweep on hone and on its peers, each as a whole process from an empty directory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from books import Unequal, best_test_accuracy
from tools import TOOLS, Tool, clean_environment, install

BASELINES = ("hydra-optuna-sweeper", "bare")
LIMIT_S = 3600


@dataclass(frozen=True)
class Timing:
    """One whole process.

    Attributes:
        tool: Its name.
        seconds: From start to exit.
        cpu: Seconds of processor time, of it and of every process that it started and waited for.
        accuracy: The best test accuracy of its trials.
        load: The machine's load average of the minute before, to tell a disturbed timing by.
    """

    tool: str
    seconds: float
    cpu: float
    accuracy: float
    load: float


def main() -> int:
    arguments = _arguments()
    tools = [tool for tool in TOOLS if tool.name in arguments.only]
    for tool in tools:
        install(tool)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    timings, failures = _measure(tools, arguments.trials, arguments.repeats)
    if arguments.output:
        arguments.output.write_text(json.dumps([asdict(one) for one in timings], indent=2) + "\n")
    print("\n" + table(timings))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    names = [tool.name for tool in TOOLS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="TOOL", help=", ".join(names))
    parser.add_argument("--output", type=Path, help="a JSON file for each single timing")
    return parser.parse_args()


def _measure(tools: Sequence[Tool], trials: int, repeats: int) -> tuple[list[Timing], list[str]]:
    timings: list[Timing] = []
    failures: list[str] = []
    for turn in range(repeats):
        for tool in tools:  # in turn, so that a slow minute of the machine does not fall on one tool alone
            try:
                timing = run_once(tool, trials)
            except Unequal as failure:
                failures.append(str(failure))
                print(f"{turn + 1}/{repeats} {tool.name}: failed", flush=True)
                continue
            timings.append(timing)
            print(
                f"{turn + 1}/{repeats} {tool.name}: {timing.seconds:.1f} s, CPU {timing.cpu:.1f} s, "
                f"{trials} trials tracked, best test accuracy {timing.accuracy:.4f}, load before {timing.load:.2f}",
                flush=True,
            )
    return timings, failures


def run_once(tool: Tool, trials: int) -> Timing:
    """Run one tool from an empty directory, and check what it did.

    Args:
        tool: Which.
        trials: How many trials it is asked for.

    Returns:
        How long the whole process took.

    Raises:
        Unequal: It failed, or did not do the workload.
    """
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        directory = Path(name)
        if preparation := tool.preparation():
            _run(preparation, directory, tool)
        load = os.getloadavg()[0]
        begun, used = time.perf_counter(), _cpu()
        _run(tool.command(trials), directory, tool)
        seconds, cpu = time.perf_counter() - begun, _cpu() - used
        return Timing(tool.name, seconds, cpu, best_test_accuracy(directory, tool, trials), load)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _run(command: Sequence[str], directory: Path, tool: Tool) -> None:
    log = directory / "output.txt"
    with log.open("wb") as output:
        try:
            ended = subprocess.run(
                command,
                cwd=directory,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired as late:
            raise Unequal(f"{tool.name}: still running after {LIMIT_S} s") from late
    if ended.returncode:
        tail = log.read_text(errors="replace")[-2000:]
        raise Unequal(f"{tool.name}: exit status {ended.returncode}; its last words:\n{tail}")


def table(timings: Sequence[Timing]) -> str:
    """Lay out the timings as a Markdown table, a row for each tool.

    Args:
        timings: All of them.
    """
    names = list(dict.fromkeys(one.tool for one in timings))
    seconds = {name: [one.seconds for one in timings if one.tool == name] for name in names}
    medians = {name: statistics.median(seconds[name]) for name in names}
    head = ["tool", "median s", "min to max s", "CPU s", *(f"of {one}" for one in BASELINES), "best test accuracy"]
    rows = [head, ["---"] * len(head)]
    for name in names:
        ratios = [f"{medians[name] / medians[one]:.2f}" if one in medians else "-" for one in BASELINES]
        spread = f"{min(seconds[name]):.1f} to {max(seconds[name]):.1f}"
        accuracy = max(one.accuracy for one in timings if one.tool == name)
        cpu = statistics.median(one.cpu for one in timings if one.tool == name)
        rows.append([name, f"{medians[name]:.1f}", spread, f"{cpu:.1f}", *ratios, f"{accuracy:.4f}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
