"""One number to make small; every trial can be made slow, or asked to report."""

import time
from pathlib import Path

import hydra
from omegaconf import DictConfig

import hone


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float | None:
    print(f"x is {cfg.x!r} in {Path.cwd()}")
    if cfg.raises and cfg.x > cfg.raises:
        raise ValueError(f"{cfg.x} is too much")
    for step in range(1, cfg.steps + 1):
        time.sleep(cfg.seconds)
        hone.report(step, cfg.x**2 + cfg.y**2 + 10 / step)
        if hone.should_prune():
            return None
    return None if cfg.get("silent") else cfg.x**2 + cfg.y**2


def more(cfg: DictConfig, trial) -> None:
    """A custom search space: how far z may go depends on x."""
    trial.suggest_float("z", 0, abs(trial.params["x"]))
    trial.suggest_categorical("+w", ["a b", "c"])


if __name__ == "__main__":
    main()
