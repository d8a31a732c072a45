"""The objective that does nothing on two other tools, 1,000 trials, 2 at once, each an MLflow run on SQLite.

python benchmarks/engine/peers.py ray       # in an environment with ray[tune], optuna and mlflow
python benchmarks/engine/peers.py hydra     # in one with hydra-optuna-sweeper, hydra-joblib-launcher and mlflow
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIALS = int(os.environ.get("TRIALS", "1000"))

HYDRA_CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: optuna
  - override hydra/launcher: joblib
x: 0
hydra:
  sweeper: {n_trials: %d, n_jobs: 2, direction: minimize, params: {x: "interval(0, 1)"}}
  launcher: {n_jobs: 2}
"""

HYDRA_APP = """
import hydra
import mlflow
import os


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config):
    mlflow.set_tracking_uri(os.environ["STORE"])
    with mlflow.start_run():
        mlflow.log_param("x", config.x)
        mlflow.log_metric("value", config.x)
    return config.x


main()
"""


def ray_tune(where: Path, store: str) -> None:
    """Ray Tune with its own MLflow callback, which logs from the driver."""
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    def nothing(config: dict) -> None:
        tune.report({"value": config["x"]})

    ray.init(num_cpus=2, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(nothing, {"cpu": 1}),
        param_space={"x": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(
            metric="value", mode="min", num_samples=TRIALS, max_concurrent_trials=2, search_alg=OptunaSearch()
        ),
        run_config=tune.RunConfig(
            storage_path=str(where / "ray"),
            verbose=0,
            callbacks=[MLflowLoggerCallback(tracking_uri=store, experiment_name="nothing")],
        ),
    )
    tuner.fit()


def hydra_sweeper(where: Path, store: str) -> None:
    """hydra-optuna-sweeper with two joblib processes."""
    (where / "config.yaml").write_text(HYDRA_CONFIG % TRIALS)
    (where / "app.py").write_text(HYDRA_APP)
    command = [sys.executable, "app.py", "-m"]
    environment = os.environ | {"STORE": store}
    subprocess.run(command, cwd=where, env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix=f"hone-{name}-") as folder:
            where, store = Path(folder), f"sqlite:///{folder}/mlflow.db"
            began = time.time()
            import mlflow

            mlflow.set_tracking_uri(store)
            mlflow.MlflowClient().search_experiments()
            {"ray": ray_tune, "hydra": hydra_sweeper}[name](where, store)
            whole = time.time() - began
            print(
                f"{name}: {TRIALS} trials in {whole:.1f} s, {1000 * whole / TRIALS:.1f} ms a trial end to end",
                flush=True,
            )


if __name__ == "__main__":
    main()
