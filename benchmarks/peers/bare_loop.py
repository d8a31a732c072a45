"""The bare loop: Optuna, Lightning and MLflow in one process, one trial after the other."""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow
import optuna
from workload import BATCH_SIZES, EXPERIMENT, LEARNING_RATES, SEED, tracking_uri, train


def main(trials: int) -> None:
    uri = tracking_uri(Path.cwd())
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name="study") as parent:

        def objective(trial: optuna.Trial) -> float:
            lr = trial.suggest_float("lr", *LEARNING_RATES, log=True)
            batch_size = trial.suggest_categorical("batch_size", BATCH_SIZES)
            return train(lr, batch_size, uri, parent=parent.info.run_id)

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
        study.optimize(objective, n_trials=trials)
        mlflow.log_metric("best/val/accuracy", study.best_value)
    print(study.best_params, study.best_value)


if __name__ == "__main__":
    main(int(sys.argv[1]))
