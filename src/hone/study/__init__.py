"""The Optuna study: asked, told and kept by the controller alone.

Floor 2. With ``hone.space``, the home of Optuna.
"""

from hone.study.storage import Kept, delete_study, in_memory_study, open_study, quieten, read_study, study_names
from hone.study.study import FinishedTrial, Study, Suggestion

__all__ = [
    "FinishedTrial",
    "Kept",
    "Study",
    "Suggestion",
    "delete_study",
    "in_memory_study",
    "open_study",
    "quieten",
    "read_study",
    "study_names",
]
