"""One config in, one fitted and tested model out.

Floor 4. torch and Lightning live here and in ``hone.tasks``.
"""

from hone.training.data import shared_data
from hone.training.trial import train_trial

__all__ = ["shared_data", "train_trial"]
