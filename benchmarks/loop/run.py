"""A loop against one TPE study at the same number of training steps.

    python benchmarks/loop/run.py digits --seeds 1 2 3 4 5 6 7 8 9 10
    HONE_DATA_ROOT=../data HONE_MINILM=/models/minilm python benchmarks/loop/run.py sst2 --seeds 1

For each seed: the loop runs, confirmations and all; one study over the same space, at the loop's last fidelity, runs
until it has taken as many steps; then the configuration that each has chosen on validation is trained on three seeds
that neither has seen, and tested. That last part is measurement, and counts for neither. What is done is not done
again, so that a run which was ended goes on, and each seed can be run by itself. ``--table`` prints what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hone.config.files import read_yaml, write_yaml
from hone.config.written import written
from hone.executors import warm
from hone.loop.session import LoopRequest, run_loop
from hone.loop.state import STATE_FILE, load
from hone.study import best_values, read_study, study_names
from hone.sweep.session import SweepRequest, run_sweep

HERE = Path(__file__).parent.absolute()
ROUNDS = 3
TESTED_SEEDS = 3
FIRST_TRIALS = 24
# What is tracked is not what is measured.
QUIET = ("tracking.offline=true", "tracking.report=false", "executor.max_parallel=1")


@dataclass(frozen=True)
class Trial:
    """What the table needs of a trial."""

    value: float
    steps: int
    test: float | None = None


class Benchmark:
    """One task and seed, in a directory of its own."""

    def __init__(self, task: str, seed: int, root: Path, workers: Any, console: Console) -> None:
        self.file = HERE / f"{task}.yaml"
        self.task, self.seed = task, seed
        self.directory = root / f"{task}-{seed}"
        self.trials = self.directory / "mlruns" / "trials"
        self.workers, self.console = workers, console
        content = read_yaml(self.file)
        self.metric = content["metric"]
        self.fidelity = {key: values[-1] for key, values in content["feedback"]["fidelity"].items()}

    @property
    def overrides(self) -> tuple[str, ...]:
        """What both are given."""
        return (*QUIET, f"tracking.directory={self.directory / 'mlruns'}", f"seed={self.seed}")

    def run(self) -> None:
        """Everything that is not done yet."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._loop()
        self._single()
        for name, values in self._chosen().items():
            self._test(name, values)

    def _loop(self) -> None:
        begun = (self.trials / "loop" / STATE_FILE).is_file()
        if begun and load(self.trials / "loop").ended:
            return
        home = Path.cwd()
        # The rounds' files are written where it runs.
        os.chdir(self.directory)
        try:
            target = "loop" if begun else str(self.file)
            more = self.overrides if not begun else (f"tracking.directory={self.directory / 'mlruns'}",)
            name = () if begun else ("study.name=loop",)
            request = LoopRequest(target, (*more, *name), ROUNDS, go_on=begun, config_dir=_conf())
            run_loop(request, self.workers, self.console)
        finally:
            os.chdir(home)

    def _single(self) -> None:
        """Let one study have as many steps as the loop took."""
        budget, trials = sum(one.steps for one in self.loop), FIRST_TRIALS
        while True:
            done = self.read("single")
            taken = sum(one.steps for one in done)
            if done and taken >= budget:
                return
            if done:
                trials = len(done) + max(1, round((budget - taken) / max(1, taken / len(done))))
            given = [f"{key}={written(value)}" for key, value in self.fidelity.items()]
            self._sweep(self.file, "single", f"trials={trials}", "++test=false", *given)

    def _test(self, name: str, values: dict[str, Any]) -> None:
        seeds = [1_000 * self.seed + place for place in range(TESTED_SEEDS)]
        if len(self.read(f"{name}-tested")) == TESTED_SEEDS:
            return
        given = {**self.fidelity, **values}
        content = read_yaml(self.file)
        base = [*content["base"], *(f"{key}={written(value)}" for key, value in given.items())]
        kept = {key: content[key] for key in ("metric", "direction", "resources")}
        path = self.directory / f"{name}-tested.yaml"
        space = {"seed": f"choice({', '.join(map(str, seeds))})"}
        write_yaml({"base": base, **kept, "trials": TESTED_SEEDS, "sampler": "grid", "space": space}, path)
        self._sweep(path, f"{name}-tested")

    def _sweep(self, file: Path, name: str, *more: str) -> None:
        known = name in study_names(None, self.directory / "mlruns" / "studies")
        own = self.overrides if file == self.file else self.overrides[:-1]
        request = SweepRequest(file, (*own, f"study.name={name}", *more), _conf(), resume=known)
        run_sweep(request, self.workers, self.console)

    def _chosen(self) -> dict[str, dict[str, Any]]:
        """What each takes for its best: the loop by its confirmation, the study by its best trial within the steps."""
        best = load(self.trials / "loop").best
        assert best is not None
        assert best.winner is not None
        fixed = {
            text.partition("=")[0]: text.partition("=")[2]
            for text in read_yaml(self.directory / "sweeps" / "rounds" / "loop" / f"round-{best.number}.yaml")["base"]
        }
        of_loop = {**_fixed_by_loop(fixed, read_yaml(self.file)), **best.winner.values}
        single = self.single
        place = max(range(len(single)), key=lambda one: (single[one].value, -one))
        kept = read_study("single", None, self.directory / "mlruns" / "studies")
        ranked = best_values(kept, len(single) * 10)
        numbers = self._numbers("single")
        return {"loop": of_loop, "single": numbers[place] or ranked[0]}

    def _numbers(self, study: str) -> dict[int, dict[str, Any]]:
        kept = read_study(study, None, self.directory / "mlruns" / "studies")
        from hone.space import parse_space
        from hone.study import Study

        content = read_yaml(self.file)
        space = parse_space(content["space"], "space", None, content.get("when") or {})
        return {one.number: one.values for one in Study(kept.study, space).finished()}

    def read(self, study: str) -> list[Trial]:
        """A study's trials, by number; one that failed or was pruned has no value."""
        found = []
        for path in sorted((self.trials / study).glob("[0-9]*/result.json")):
            result = json.loads(path.read_text())
            metrics = result.get("metrics", {})
            value = metrics.get(self.metric, float("-inf")) if result["type"] == "Result" else float("-inf")
            found.append(Trial(value, result.get("steps", 0), metrics.get(self.metric.replace("val/", "test/"))))
        return found

    @property
    def loop(self) -> list[Trial]:
        """The loop's trials in the order in which they ran."""
        names = [f"loop-round-{number}{part}" for number in range(1, ROUNDS + 1) for part in ("", "-confirm")]
        return [one for name in names for one in self.read(name)]

    @property
    def single(self) -> list[Trial]:
        """The study's trials that fit into the loop's steps."""
        budget, taken, found = sum(one.steps for one in self.loop), 0, []
        for one in self.read("single"):
            taken += one.steps
            if taken > budget:
                break
            found.append(one)
        return found

    def row(self) -> dict[str, float] | None:
        """What the table says of it; None where it is not complete."""
        tested = {name: [one.test for one in self.read(f"{name}-tested")] for name in ("loop", "single")}
        if any(len(one) < TESTED_SEEDS or None in one for one in tested.values()):
            return None
        best = max(one.value for one in self.single)
        steps = sum(one.steps for one in self.loop)
        return {
            "steps": steps,
            "loop val": max(one.value for one in self.loop),
            "single val": best,
            "loop test": statistics.mean(tested["loop"]),
            "single test": statistics.mean(tested["single"]),
            "reached": reached(self.loop, best) / steps,
            "single reached": reached(self.single, best) / steps,
        }


def reached(trials: list[Trial], value: float) -> float:
    """After how many steps a value was reached; infinity where it never was."""
    taken = 0
    for one in trials:
        taken += one.steps
        if one.value >= value:
            return taken
    return float("inf")


def together(benchmarks: list[Benchmark]) -> float:
    """At which share of the steps the loops' best so far is, in the mean of all seeds, what the studies' best is.

    One seed's best of two dozen trials is its luck as well; the mean of several is less so.
    """
    wanted = statistics.mean(max(one.value for one in each.single) for each in benchmarks)
    shares = [place / 100 for place in range(101)]
    return next(
        (share for share in shares if statistics.mean(_best_at(one.loop, share) for one in benchmarks) >= wanted),
        float("inf"),
    )


def _best_at(trials: list[Trial], share: float) -> float:
    """The best of the trials that have ended at a share of all their steps; 0 before the first has."""
    limit, taken, best = share * sum(one.steps for one in trials), 0, 0.0
    for one in trials:
        taken += one.steps
        if taken > limit:
            break
        best = max(best, one.value)
    return best


def _fixed_by_loop(fixed: dict[str, str], content: dict[str, Any]) -> dict[str, Any]:
    """The keys of the space that the loop has fixed on its way."""
    from hone.config.sweeps import parse_override

    searched = {*content["space"], *(key for part in (content.get("when") or {}).values() for key in part)}
    return {key: parse_override(f"{key}={text}").value for key, text in fixed.items() if key in searched}


def _conf() -> Path:
    return HERE / "conf"


def table(task: str, seeds: list[int], root: Path) -> None:
    """Print what there is."""
    console = Console(quiet=True)
    benchmarks = {seed: Benchmark(task, seed, root, None, console) for seed in seeds}
    rows = {seed: one.row() for seed, one in benchmarks.items()}
    print("| seed | steps | single: best val | loop: best val | single: confirmed test | loop: confirmed test "
          "| difference, points | loop reached single's best val at |")  # fmt: skip
    print("| ---: " * 8 + "|")
    complete = {seed: row for seed, row in rows.items() if row}
    for seed, row in complete.items():
        print(f"| {seed} {_cells(row)}")
    if len(complete) > 1:
        mean = {key: statistics.mean(row[key] for row in complete.values()) for key in next(iter(complete.values()))}
        print(f"| mean {_cells(mean)}")
        median = statistics.median(row["reached"] for row in complete.values())
        print(f"\nmedian share of steps at which the loop reached the single study's best: {_share(median)}")
        share = together([benchmarks[seed] for seed in complete])
        print(f"share at which the mean of the loops' best reached the mean of the studies': {_share(share)}")


def _cells(row: dict[str, float]) -> str:
    return (
        f"| {row['steps']:,.0f} | {row['single val']:.4f} | {row['loop val']:.4f} | {row['single test']:.4f} "
        f"| {row['loop test']:.4f} | {100 * (row['loop test'] - row['single test']):+.2f} | {_share(row['reached'])} |"
    )


def _share(reached: float) -> str:
    return f"{reached:.0%}" if reached <= 1 else "never"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["digits", "digits_outside", "sst2"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--root", type=Path, default=Path("mlruns-loop"))
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args()
    root = given.root.absolute()
    if not given.table:
        console = Console()
        with warm.LastingWorkers() as workers:
            for seed in given.seeds:
                Benchmark(given.task, seed, root, workers, console).run()
    table(given.task, given.seeds, root)


if __name__ == "__main__":
    main()
