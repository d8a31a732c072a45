"""The Optuna study: asked, told and kept by the controller alone.

Floor 2. With ``hone.space``, the home of Optuna.
"""

from hone.study.earlier import best_values, prior_trials
from hone.study.importance import Importance, cut_between, importances
from hone.study.prior import PriorTrial, learns
from hone.study.seeds import seed_of
from hone.study.storage import Kept, delete_study, in_memory_study, open_study, quieten, read_study, study_names
from hone.study.study import TRAINABLE, FinishedTrial, Study, Suggestion

__all__ = [
    "TRAINABLE",
    "FinishedTrial",
    "Importance",
    "Kept",
    "PriorTrial",
    "Study",
    "Suggestion",
    "best_values",
    "cut_between",
    "delete_study",
    "importances",
    "in_memory_study",
    "learns",
    "open_study",
    "prior_trials",
    "quieten",
    "read_study",
    "seed_of",
    "study_names",
]
