"""``hone evaluate``: what a best checkpoint scores, how sure that is, where it lags, and whether another is better.

Floor 6. ``evaluate`` is the door; a worker does the scoring (``hone.training.scoring``), this package finds the run,
reads what was measured, tracks it and shows it.
"""

from hone.evaluate.evaluation import evaluate
from hone.evaluate.options import Options
from hone.evaluate.results import Comparison, Evaluation, Latency, Mistakes, Score, Size, Slice

__all__ = ["Comparison", "Evaluation", "Latency", "Mistakes", "Options", "Score", "Size", "Slice", "evaluate"]
