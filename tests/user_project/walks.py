"""A plain function that takes some steps, and reports each."""

import time


def walk(x: float, steps: int, seconds: float, report) -> float:
    for step in range(steps):
        time.sleep(seconds)
        report(step, {"value": x + 1 / (step + 1)})
    return x
