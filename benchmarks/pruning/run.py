"""What pruning saves: the same trials unpruned, under Hyperband, and with the best K kept after one epoch.

    HONE_DATA_ROOT=../data python benchmarks/pruning/run.py

The sampler is random and seeded, so that each way tries the same configurations and differs in what it trains of them.
Prints a row for each seed; the table in README.md is what it printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEPT = 8
EPOCHS, VALIDATIONS = 9, 2


def sweep(seed: int, pruner: str, root: Path, more: list[str]) -> list[dict]:
    """Run one sweep; gives each trial's result with its validation accuracies."""
    name = f"{pruner}-{seed}"
    trials = root / "trials" / name
    if not (trials / "best.yaml").exists():
        hone = Path(sys.executable).with_name("hone")
        # A validation is Hyperband's unit of resource, and there are two in each of nine epochs.
        own = ["pruner.max_resource=18"] if pruner == "hyperband" else []
        own += [f"pruner={pruner}", f"seed={seed}", f"study.name={name}", f"tracking.directory={root}"]
        subprocess.run([hone, "sweep", HERE / "sst2.yaml", *own, *more], check=True)
    return [trial(one.parent) for one in sorted(trials.glob("*/result.json"))]


def trial(directory: Path) -> dict:
    """Steps and validations of one trial."""
    result = json.loads((directory / "result.json").read_text())
    points = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    curve = [metrics["val/accuracy"] for _, _, metrics in points if "val/accuracy" in metrics]
    return {"steps": result["steps"], "curve": curve, "whole": result["type"] == "Result"}


def keep_best(trials: list[dict]) -> tuple[float, int]:
    """The plain baseline: one epoch of each trial, then the whole of the best K."""
    ranked = sorted(trials, key=lambda one: max(one["curve"][:VALIDATIONS]), reverse=True)
    best = max(max(one["curve"]) for one in ranked[:KEPT])
    epoch = sum(one["steps"] // EPOCHS for one in ranked[KEPT:])
    return best, epoch + sum(one["steps"] for one in ranked[:KEPT])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--root", type=Path, default=Path("mlruns-pruning"))
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    print("| seed | unpruned best | Hyperband best | difference, points | steps of unpruned | "
          f"best {KEPT} after one epoch | difference | steps |")  # fmt: skip
    print("| ---: " * 8 + "|")
    for seed in given.seeds:
        whole = sweep(seed, "none", given.root, given.overrides)
        pruned = sweep(seed, "hyperband", given.root, given.overrides)
        steps = sum(one["steps"] for one in whole)
        best = max(max(one["curve"]) for one in whole)
        found = max(max(one["curve"]) for one in pruned if one["whole"])
        plain, plain_steps = keep_best(whole)
        print(
            f"| {seed} | {best:.4f} | {found:.4f} | {100 * (found - best):+.2f} "
            f"| {sum(one['steps'] for one in pruned) / steps:.0%} "
            f"| {plain:.4f} | {100 * (plain - best):+.2f} | {plain_steps / steps:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
