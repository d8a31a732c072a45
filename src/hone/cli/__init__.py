"""The doors: parse, call one function of the floor below, print.

Floor 7. Nothing heavy is imported before a command needs it.
"""

from hone.cli.app import main, run_and_exit

__all__ = ["main", "run_and_exit"]
