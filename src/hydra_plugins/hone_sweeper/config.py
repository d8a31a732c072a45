"""What stands under ``hydra.sweeper``: the keys of hydra-optuna-sweeper, and hone's own."""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore

PROVIDER = "hone_sweeper"
GENETIC: dict[str, Any] = {
    "population_size": 50,
    "mutation_prob": None,
    "mutation": None,
    "crossover": None,
    "crossover_prob": 0.9,
    "swapping_prob": 0.5,
    "constraints_func": None,
}
SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {
        "_target_": "optuna.samplers.TPESampler",
        "n_startup_trials": 10,
        "n_ei_candidates": 24,
        "multivariate": False,
        "group": False,
        "constant_liar": False,
        "consider_prior": None,
        "prior_weight": None,
        "consider_magic_clip": None,
        "consider_endpoints": None,
        "warn_independent_sampling": None,
    },
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "grid": {"_target_": "optuna.samplers.BruteForceSampler"},
    "cmaes": {
        "_target_": "optuna.samplers.CmaEsSampler",
        "x0": None,
        "sigma0": None,
        "n_startup_trials": 1,
        "independent_sampler": None,
        "warn_independent_sampling": True,
        "consider_pruned_trials": False,
        "restart_strategy": None,
        "inc_popsize": None,
        "popsize": None,
        "use_separable_cma": False,
        "with_margin": False,
        "lr_adapt": False,
        "source_trials": None,
    },
    "nsgaii": {"_target_": "optuna.samplers.NSGAIISampler", **GENETIC},
    "nsgaiii": {
        "_target_": "optuna.samplers.NSGAIIISampler",
        **GENETIC,
        "reference_points": None,
        "dividing_parameter": 3,
    },
    # Optuna has had TPE in its place since 4.0.
    "motpe": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 10, "n_ei_candidates": 24},
    "gp": {
        "_target_": "optuna.samplers.GPSampler",
        "n_startup_trials": 10,
        "independent_sampler": None,
        "deterministic_objective": False,
        "constraints_func": None,
        "warn_independent_sampling": True,
    },
    "qmc": {
        "_target_": "optuna.samplers.QMCSampler",
        "qmc_type": "sobol",
        "scramble": False,
        "independent_sampler": None,
        "warn_asynchronous_seeding": True,
        "warn_independent_sampling": True,
    },
}
SWEEPER: dict[str, Any] = {
    "defaults": [{"sampler": "tpe"}, "_self_"],
    "_target_": "hydra_plugins.hone_sweeper.hone_sweeper.HoneSweeper",
    # The sampler is a config for hone to build, since a study that goes on needs another.
    "_recursive_": False,
    # As hydra-optuna-sweeper has them.
    "direction": "minimize",
    "storage": None,
    "study_name": None,
    "n_trials": 20,
    "n_jobs": None,
    "max_failure_rate": None,
    "params": None,
    "custom_search_space": None,
    # hone's own.
    "metric": None,
    "pruner": "none",
    "resources": {"gpus": None, "cpus": None, "memory": None},
    "timeout": None,
    "failure": {
        "retries": None,
        "max_failure_rate": None,
        "min_trials": None,
        "timeout": None,
        "stall": None,
        "grace": None,
        "oom": None,
        "diverged": None,
        "error": None,
        "crash": None,
    },
    "resume": None,
    "enqueue": [],
    "executor": {"max_parallel": None, "devices": None},
    "tracking": {"uri": None, "experiment": None, "directory": None, "offline": None, "report": None},
}

GROUP = "hydra/sweeper/sampler"


def _store_all() -> None:
    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="hone", node=SWEEPER, provider=PROVIDER)
    for name, node in SAMPLERS.items():
        # Where hydra-optuna-sweeper is installed as well, its options stay as they are; they do for hone too.
        if not _is_there(store, name):
            store.store(group=GROUP, name=name, node={**node, "seed": None}, provider=PROVIDER)


def _is_there(store: ConfigStore, name: str) -> bool:
    try:
        return f"{name}.yaml" in store.list(GROUP)
    except OSError:
        return False


_store_all()
