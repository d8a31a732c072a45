"""Fine-tuning of anything that transformers' Auto classes load: what trains, how fast, and what is only adapted."""

from hone.tasks.finetuning.module import FineTuned
from hone.tasks.finetuning.tuning import Tuning
from hone.tasks.finetuning.unfreezing import GradualUnfreezing

__all__ = ["FineTuned", "GradualUnfreezing", "Tuning"]
