"""An application that logs to MLflow in every way there is, to a store of its own as it thinks."""

import hydra
import mlflow
from omegaconf import DictConfig
from sklearn.linear_model import LogisticRegression


@hydra.main(version_base="1.3", config_path=None)
def main(cfg: DictConfig) -> float:
    mlflow.set_tracking_uri("sqlite:///its_own.db")
    mlflow.set_experiment("mine")
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    points, classes = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    with mlflow.start_run(run_name="mine"):
        mlflow.log_param("said", cfg.x)
        model = LogisticRegression(C=cfg.x).fit(points, classes)
    # Each opens a run by itself where none is open.
    LogisticRegression(C=cfg.x).fit(points, classes)
    mlflow.log_metric("after", cfg.x)
    mlflow.MlflowClient().log_metric(mlflow.active_run().info.run_id, "by_client", cfg.x)
    return model.score(points, classes)


if __name__ == "__main__":
    main()
