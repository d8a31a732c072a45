"""Trials on a Ray cluster.

Three places: the controller's ``RayExecutor``; a *bridge*, a process beside the controller that alone holds Ray's
connection, so that a lost head ends the bridge and not the sweep; and a *seat* on a node for each trial that runs, an
actor that keeps a warm server of workers and forks a fresh process for each trial. Ray places seats, and is told of no
trial.
"""

from hone.executors.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
