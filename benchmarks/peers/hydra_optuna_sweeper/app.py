"""The Hydra application that hydra-optuna-sweeper sweeps; config.yaml beside it holds the search."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig
from workload import train


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config: DictConfig) -> float:
    return train(config.lr, config.batch_size, config.tracking_uri, threads=1)


if __name__ == "__main__":
    main()
