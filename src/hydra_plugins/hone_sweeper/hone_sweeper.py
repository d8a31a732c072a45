"""The sweeper that Hydra makes and calls."""

from __future__ import annotations

import sys
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.hone_sweeper import config as config


class HoneSweeper(Sweeper):
    """Sweeps a Hydra application with hone's controller and executors.

    Args:
        **settings: What stands under ``hydra.sweeper``.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has for a sweeper.

        Args:
            hydra_context: Its config loader and callbacks.
            task_function: The application's.
            config: The sweep's.
        """
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep.

        Args:
            arguments: The command line's overrides.
        """
        from hone.config.application import this_application
        from hone.errors import HoneError
        from hydra_plugins.hone_sweeper._early import EarlyWorkers

        held = HydraConfig.instance().cfg
        # From Hydra 1.4 on it is so already; what the config says may look at ${hydra:...}.
        HydraConfig.instance().set_config(self.config)
        try:
            application = this_application(self.config)
            # First of all: this process can be forked as long as there is little in it but the application; and where
            # it cannot, loading the application anew takes as long as it did here, and goes on while hone is imported.
            with EarlyWorkers(application, self.config, self.task_function) as workers:
                from hydra_plugins.hone_sweeper._door import sweep

                sweep(self.settings, self.hydra_context.config_loader, self.config, arguments, workers)
        except HoneError as error:
            print(f"hone: {error}", file=sys.stderr)
            sys.exit(2)
        finally:
            HydraConfig.instance().cfg = held
