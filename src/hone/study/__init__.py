"""The Optuna study: asked, told and kept by the controller alone.

Floor 2. With ``hone.space``, the home of Optuna.
"""

from hone.study.storage import delete_study, in_memory_study, open_study, quieten, study_names
from hone.study.study import FinishedTrial, Study, Suggestion

__all__ = [
    "FinishedTrial",
    "Study",
    "Suggestion",
    "delete_study",
    "in_memory_study",
    "open_study",
    "quieten",
    "study_names",
]
