"""``hydra/sweeper=hone``: hone's engine under any Hydra application.

Floor 7. Hydra imports every plugin as each of its applications starts, so that nothing heavy is imported here.
"""
