"""``python -m hone`` is ``hone``."""

from hone.cli import run_and_exit

run_and_exit()
