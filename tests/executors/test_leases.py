import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import ResourceError
from hone.executors import Resources
from hone.executors.devices import cpu_count, gpu_names
from hone.executors.leases import Inventory

GPUS = ("0", "1", "2", "3")


@given(st.integers(0, 4), st.integers(1, 8), st.integers(0, 8), st.lists(st.integers(0, 9), max_size=40))
def test_no_device_is_ever_lent_twice(each, cpus, count, turns):
    devices = tuple(str(one) for one in range(count))
    try:
        inventory = Inventory(Resources(cpus=1, gpus=each), cpus, devices)
    except ResourceError:
        assert each > count or cpus < 1
        return
    for number in turns:
        if number in inventory.lent:
            inventory.take_back(number)
        elif inventory.free:
            lease = inventory.lend(number)
            assert len(lease.gpus) == each
        lent = [device for lease in inventory.lent.values() for device in lease.gpus]
        assert len(lent) == len(set(lent))
        assert set(lent) <= set(devices)
        assert inventory.free == inventory.slots - len(inventory.lent)


def test_without_a_wish_a_trial_gets_one_device_and_its_share_of_the_cpus():
    inventory = Inventory(Resources(), 16, GPUS)

    assert inventory.slots == 4
    assert inventory.lend(0).cpus == 4
    assert inventory.lend(1).gpus == ("1",)


def test_without_devices_there_is_a_trial_for_each_cpu():
    inventory = Inventory(Resources(), 3, ())

    assert inventory.slots == 3
    assert inventory.lend(0).gpus == ()


def test_two_devices_a_trial_leave_room_for_half_as_many():
    inventory = Inventory(Resources(gpus=2), 16, GPUS)

    assert inventory.slots == 2
    assert inventory.lend(7).gpus == ("0", "1")
    assert inventory.lend(8).gpus == ("2", "3")
    with pytest.raises(ResourceError, match="2 of 2 are out"):
        inventory.lend(9)


def test_more_workers_than_devices_are_not_started():
    assert Inventory(Resources(gpus=1), 16, GPUS, most=100).slots == 4
    assert Inventory(Resources(gpus=0), 2, (), most=5).slots == 5


@pytest.mark.parametrize(
    ("resources", "most", "message"),
    [
        (Resources(gpus=5), None, r"resources\.gpus: asks for 5, and this machine has 4"),
        (Resources(cpus=17), None, r"resources\.cpus: asks for 17, and this machine has 16"),
        (Resources(), 0, r"executor\.workers: must be at least 1, not 0"),
    ],
)
def test_what_the_machine_cannot_give_is_said_before_anything_starts(resources, most, message):
    with pytest.raises(ResourceError, match=message):
        Inventory(resources, 16, GPUS, most)


def test_visible_devices_are_all_that_is_leased(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-abc")
    assert gpu_names() == ("2", "GPU-abc")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu_names() == ()


def test_cpus_are_those_that_this_process_may_use():
    assert 1 <= cpu_count() <= 4096
