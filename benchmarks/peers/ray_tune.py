"""Ray Tune with OptunaSearch: two trials at once on a local cluster of two CPUs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from workload import BATCH_SIZES, LEARNING_RATES, SEED, WORKERS, open_store, tracking_uri, train


def trial(config: dict[str, Any]) -> dict[str, float]:
    return {"accuracy": train(config["lr"], config["batch_size"], config["tracking_uri"], threads=1)}


def main(trials: int, reuse_actors: bool) -> None:
    uri = tracking_uri(Path.cwd())
    open_store(uri)
    ray.init(num_cpus=WORKERS, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={
            "lr": tune.loguniform(*LEARNING_RATES),
            "batch_size": tune.choice(BATCH_SIZES),
            "tracking_uri": uri,
        },
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            search_alg=OptunaSearch(sampler=optuna.samplers.TPESampler(seed=SEED)),
            num_samples=trials,
            max_concurrent_trials=WORKERS,
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(storage_path=str(Path.cwd() / "ray_results")),
    )
    best = tuner.fit().get_best_result()
    print(best.config, best.metrics["accuracy"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int)
    parser.add_argument("--reuse-actors", action="store_true", help="run many trials in one process")
    arguments = parser.parse_args()
    main(arguments.trials, arguments.reuse_actors)
