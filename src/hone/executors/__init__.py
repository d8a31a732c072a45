"""Run trials somewhere, under leases of CPU and GPU.

Floor 5. An executor is one class that keeps ``Executor``'s contract; ``conf/executor/*.yaml`` names it.
"""

from hone.executors.executor import Executor, Resources, StartWorkers, Workers

__all__ = ["Executor", "Resources", "StartWorkers", "Workers"]
