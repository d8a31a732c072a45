"""What the engine costs and how busy it keeps its slots; each prints what it measured.

python benchmarks/engine/run.py overhead      # 1,000 trials that do nothing, 2 at once
python benchmarks/engine/run.py nap           # 2,000 trials that sleep a second, 16 at once
python benchmarks/engine/run.py spread        # trial times ten to one, against batches
python benchmarks/engine/run.py resume        # going on with a study of 10,000 finished trials
python benchmarks/engine/run.py infeasible    # a third of the space does not fit into memory
python benchmarks/engine/run.py first_step    # from a trial's lease to its first training step
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import optuna
import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def hone(*arguments: str, where: Path, quiet: bool = True) -> subprocess.Popen:
    """Start the command in an empty directory."""
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    output = subprocess.DEVNULL if quiet else None
    command = [str(Path(sys.executable).with_name("hone")), *arguments]
    return subprocess.Popen(command, cwd=where, env=environment, stdout=output)


def sweep(name: str, *more: str, where: Path) -> tuple[float, float, float]:
    """Run a sweep; gives its seconds, and those from its first trial's beginning to its last one's end."""
    began = time.time()
    process = hone("sweep", str(HERE / f"{name}.yaml"), *more, where=where)
    if process.wait():
        raise SystemExit(f"{name} failed")
    first, last = ends(where, name)
    return time.time() - began, last - first, last


def ends(where: Path, name: str) -> tuple[float, float]:
    """When the first trial was asked for and the last one told."""
    trials = study(where, f"{name}-1").get_trials(deepcopy=False)
    first = min(one.datetime_start for one in trials)
    return first.timestamp(), max(one.datetime_complete for one in trials).timestamp()


def study(where: Path, name: str) -> optuna.Study:
    """The study that a sweep left."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = where / "mlruns" / "studies" / f"{name}.journal"
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(journal))))


def overhead(where: Path) -> None:
    """Milliseconds and memory."""
    trials = 1_000
    began = time.time()
    process = hone("sweep", str(HERE / "nothing.yaml"), f"trials={trials}", "executor.max_parallel=2", where=where)
    memory: dict[int, int] = {}
    own = psutil.Process(process.pid)
    while process.poll() is None:
        done = len(list((where / "mlruns" / "trials").glob("*/*/result.json")))
        if process.poll() is None:
            memory[done] = own.memory_info().rss
        time.sleep(1.0)
    whole = time.time() - began
    first, last = ends(where, "nothing")
    at_100 = memory[min((one for one in memory if one >= 100), default=0)]
    print(f"{trials} trials: {whole:.1f} s, {1000 * whole / trials:.1f} ms a trial end to end")
    print(f"from the first trial's ask to the last one's tell: {1000 * (last - first) / trials:.1f} ms a trial")
    print(f"controller's memory, from trial 100 to the end: {(memory[max(memory)] - at_100) / 1e6:+.1f} MB")


def inside(where: Path) -> None:
    """Where the time goes, measured inside one controller process; 300 trials."""
    from rich.console import Console

    from hone.executors import warm
    from hone.study import Study
    from hone.sweep import session
    from hone.sweep.controller import Controller
    from hone.tracking.store import Store

    spent = {"study": 0.0, "store": 0.0, "controller": 0.0}

    def timed(owner: type, name: str, kind: str, clock: object) -> None:
        method = getattr(owner, name)

        def call(*given: object, **named: object) -> object:
            began = clock()
            try:
                return method(*given, **named)
            finally:
                spent[kind] += clock() - began

        setattr(owner, name, call)

    for name in ("ask", "_tell", "report"):
        timed(Study, name, "study", time.thread_time)
    for name in ("start_run", "end_run", "log_params", "log_points", "log_texts", "log_file", "link_file"):
        timed(Store, name, "store", time.perf_counter)
    timed(Controller, "run", "controller", time.thread_time)
    os.chdir(where)
    os.environ["PYTHONPATH"] = str(HERE)
    trials = 300
    request = session.SweepRequest(HERE / "nothing.yaml", (f"trials={trials}", "executor.max_parallel=2"))
    before = psutil.Process().cpu_times()
    with warm.EarlyWorkers() as workers:
        session.run_sweep(request, workers, Console(quiet=True))
    after = psutil.Process().cpu_times()
    per = 1000 / trials
    print(f"sampler and study storage {spent['study'] * per:.1f} ms a trial of the controller's thread")
    print(f"MLflow {spent['store'] * per:.1f} ms a trial, in a thread of its own")
    print(f"the rest of the controller {(spent['controller'] - spent['study']) * per:.1f} ms a trial")
    workers_cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"workers, with their server's start {workers_cpu * per:.1f} ms a trial")


def nap(where: Path) -> None:
    """Against the ideal."""
    trials, slots, seconds = 2_000, 16, 1.0
    more = [f"trials={trials}", f"executor.max_parallel={slots}"]
    whole, between, _ = sweep("nap", *more, where=where)
    ideal = trials * seconds / slots
    print(
        f"{trials} trials of {seconds:g} s on {slots} slots: "
        f"{whole:.1f} s, {whole / ideal:.2f} of the ideal {ideal:g} s"
    )
    print(f"from the first trial's ask to the last one's tell: {between:.1f} s, {between / ideal:.2f} of the ideal")


def spread(where: Path) -> None:
    """Share of the slots' time in which a trial ran."""
    slots = 8
    sweep("spread", f"executor.max_parallel={slots}", where=where)
    trials = study(where, "spread-1").get_trials(deepcopy=False)
    lengths = [0.3 * 10 ** one.params["objective.x"] for one in trials]
    first = min(one.datetime_start for one in trials)
    # What remains when no trial is left to start is no fault of the scheduler's: time counts to the last start.
    last_start = max(one.datetime_start for one in trials)
    window = (last_start - first).total_seconds()
    busy = sum(
        max(0.0, min(length, (last_start - one.datetime_start).total_seconds()))
        for one, length in zip(trials, lengths, strict=True)
    )
    print(f"{len(trials)} trials of 0.3 to 3 s on {slots} slots: busy {busy / window / slots:.1%} of the time")
    batches = [lengths[start : start + slots] for start in range(0, len(lengths), slots)]
    print(f"the same in batches, at no cost of starting: {sum(lengths) / slots / sum(map(max, batches)):.1%}")


def resume(where: Path) -> None:
    """Seconds to go on with 10,000 finished trials."""
    from hone.space import parse_space
    from hone.study import open_study

    space = parse_space({"objective.x": "interval(0, 1)"}, "space")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = open_study(
        "nothing-1",
        space,
        metrics=["value"],
        directions=["minimize"],
        storage=None,
        directory=where / "mlruns" / "studies",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
    )
    kinds = space.distributions
    made.study.add_trials(
        [
            optuna.create_trial(params={"objective.x": place / 10_000}, distributions=kinds, value=place / 10_000)
            for place in range(10_000)
        ]
    )
    for place in range(10_000):
        directory = where / "mlruns" / "trials" / "nothing-1" / f"{place:04d}"
        directory.mkdir(parents=True)
        (directory / "result.json").write_text(
            json.dumps({"type": "Result", "metrics": {"value": place / 10_000}, "seconds": 0.1})
        )
        (directory / "run.json").write_text(json.dumps({"run_id": "0" * 32}))
    began = time.time()
    more = ["trials=10020", "executor.max_parallel=2", "--resume"]
    assert hone("sweep", str(HERE / "nothing.yaml"), *more, where=where).wait() == 0
    trials = study(where, "nothing-1").get_trials(deepcopy=False)[10_000:]
    first = min(one.datetime_start for one in trials).timestamp()
    print(
        f"10,000 finished trials: {first - began:.1f} s to the first new trial, "
        f"{time.time() - began:.1f} s for 20 of them"
    )


def first_step(where: Path) -> None:
    """Milliseconds from lease to first step, the trial's own data and model included."""
    sweep("first_step", "executor.max_parallel=1", where=where)
    waits = []
    for step in sorted(where.glob("mlruns/trials/first_step-1/*/first_step")):
        # The executor writes the job down as it lends the lease.
        leased = step.with_name("job.json").stat().st_mtime
        waits.append(1000 * (float(step.read_text()) - leased))
    first, *others = waits
    print(f"the first trial, which prepares the data for the others: {first:.0f} ms")
    print(f"{len(others)} others: median {statistics.median(others):.0f} ms, slowest {max(others):.0f} ms")


def infeasible(where: Path) -> None:
    """Share of the workers' time lost to trials that run out of memory: hone's way, and FAIL alone."""
    print("| seed | told infeasible | told FAIL | ratio |\n| ---: | ---: | ---: | ---: |")
    sums = [0.0, 0.0]
    for seed in range(1, 6):
        shares = []
        for policy in ("infeasible", "fail"):
            name = f"{policy}-{seed}"
            more = [f"study.name={name}", f"failure.oom={policy}", f"seed={seed}", "failure.max_failure_rate=1"]
            assert hone("sweep", str(HERE / "bowl.yaml"), *more, where=where).wait() == 0
            trials = study(where, name).get_trials(deepcopy=False)
            lost = sum("hone.failure" in one.user_attrs for one in trials)
            shares.append(lost / len(trials))
        sums = [total + share for total, share in zip(sums, shares, strict=True)]
        print(f"| {seed} | {shares[0]:.1%} | {shares[1]:.1%} | {shares[0] / shares[1]:.2f} |", flush=True)
    print(f"| mean | {sums[0] / 5:.1%} | {sums[1] / 5:.1%} | {sums[0] / sums[1]:.2f} |")


def main() -> None:
    measures = {one.__name__: one for one in (overhead, inside, nap, spread, resume, infeasible, first_step)}
    for name in sys.argv[1:] or measures:
        with tempfile.TemporaryDirectory(prefix="hone-engine-") as where:
            print(f"== {name}", flush=True)
            measures[name](Path(where))


if __name__ == "__main__":
    main()
