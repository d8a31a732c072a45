"""hone: experiment-tracked hyperparameter sweeps that people trust with their GPUs."""

__version__ = "0.1.0"
