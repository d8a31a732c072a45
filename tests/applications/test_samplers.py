"""The samplers that hydra-optuna-sweeper has options for, as hone's and as its own configs name them."""

import optuna
import pytest
from omegaconf import OmegaConf

from hone.config.build import build
from hydra_plugins.hone_sweeper._settings import _sampler
from hydra_plugins.hone_sweeper.config import SAMPLERS

OLD = {"consider_prior": True, "prior_weight": 1.0, "consider_magic_clip": True, "consider_endpoints": False}
# What its 1.3.0 holds where that is not what hone holds.
THEIRS = {
    "their grid": {"_target_": "optuna.samplers.GridSampler", "_partial_": True},
    "their tpe": {**SAMPLERS["tpe"], **OLD, "warn_independent_sampling": True},
    "their cmaes": {
        "_target_": "optuna.samplers.CmaEsSampler",
        "x0": None,
        "sigma0": None,
        "independent_sampler": None,
        "warn_independent_sampling": True,
        "consider_pruned_trials": False,
        "restart_strategy": None,
        "inc_popsize": 2,
        "use_separable_cma": False,
        "source_trials": None,
    },
    "their motpe": {
        "_target_": "optuna.samplers.MOTPESampler",
        **OLD,
        "n_startup_trials": 10,
        "n_ehvi_candidates": 24,
    },
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*independent:UserWarning")
@pytest.mark.parametrize("name", [*SAMPLERS, *THEIRS])
def test_it_is_built_with_every_key_of_its_config_and_suggests(name):
    node = {**(SAMPLERS | THEIRS)[name], "seed": 1}

    sampler = build(_sampler(OmegaConf.to_container(OmegaConf.create(node))), "sampler")

    study = optuna.create_study(
        directions=["minimize", "minimize"] if "motpe" in name else ["minimize"], sampler=sampler
    )
    for _ in range(3):
        trial = study.ask()
        value = trial.suggest_float("x", 0, 1, step=0.25) + trial.suggest_int("n", 1, 3)
        study.tell(trial, [value] * len(study.directions))
    assert len(study.trials) == 3
