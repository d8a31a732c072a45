"""A checkpoint on a split: what it scores and how sure that is, where it lags, how long it takes.

``job`` runs it, ``loop`` takes it through Lightning's own loop, ``measures`` and ``intervals`` say what its predictions
come to, ``slices`` where it lags, ``latency`` how long it takes, ``paired`` whether another one differs.
"""

from hone.training.scoring.job import score_trial

__all__ = ["score_trial"]
