import subprocess
import sys
import time

from hone.tracking.spool import SpoolReader, SpoolWriter
from hone.tracking.system import PREFIX, SystemMetrics


def sampled(directory):
    return [one for one in SpoolReader(directory).take() if one.name.startswith(PREFIX)]


def test_what_a_trial_and_its_children_take_is_in_its_spool(tmp_path):
    busy = "import time\nwhile True: pass"
    with SpoolWriter(tmp_path) as spool, SystemMetrics(spool, cpus=1, gpus=(), interval=0.2):
        child = subprocess.Popen([sys.executable, "-c", busy])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            spool.flush()
            if any(one.name == "system/cpu_utilization_percentage" and one.value > 5 for one in sampled(tmp_path)):
                break
            time.sleep(0.1)
        child.kill()
        child.wait()

    points = sampled(tmp_path)
    assert {one.name for one in points} == {
        "system/cpu_utilization_percentage",
        "system/memory_usage_megabytes",
        "system/system_memory_usage_percentage",
    }
    assert max(one.value for one in points if "cpu" in one.name) > 5
    assert all(one.value > 0 for one in points if "memory" in one.name)


def test_a_short_trial_is_never_sampled(tmp_path):
    with SpoolWriter(tmp_path) as spool, SystemMetrics(spool, cpus=1, gpus=None):
        pass

    assert sampled(tmp_path) == []


def test_a_trial_that_goes_on_counts_on(tmp_path):
    for expected in (1, 2):
        with SpoolWriter(tmp_path) as spool, SystemMetrics(spool, cpus=1, gpus=(), interval=0.05):
            deadline = time.monotonic() + 30
            while len({one.step for one in sampled(tmp_path)}) < expected and time.monotonic() < deadline:
                spool.flush()
                time.sleep(0.02)

    steps = [one.step for one in sampled(tmp_path) if "cpu" in one.name]
    assert steps == list(range(len(steps)))
    assert len(steps) >= 2
