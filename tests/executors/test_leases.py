import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.errors import ResourceError
from hone.executors import Resources
from hone.executors.devices import cpu_count, gpu_names
from hone.executors.leases import Inventory

GPUS = ("0", "1", "2", "3")
EIGHT = tuple(str(one) for one in range(8))


def load(inventory):
    """How much of each device is lent."""
    taken = dict.fromkeys(EIGHT, 0.0)
    for lease in inventory.lent.values():
        for device in lease.gpus:
            taken[device] += lease.share
    return taken


@settings(max_examples=200)
@given(
    gpus=st.sampled_from([1, 2, 3, 8, 0.5, 0.25, 0.3, 0.1]),
    lengths=st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=60),
    held=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(EIGHT)), max_size=4),
)
def test_eight_devices_are_never_over_subscribed_and_never_idle_while_a_trial_waits(gpus, lengths, held):
    inventory = Inventory(Resources(cpus=1, gpus=gpus), 64, EIGHT)
    each = int(gpus) if gpus >= 1 else 1
    parts = 1 if gpus >= 1 else math.floor(1 / gpus + 1e-9)
    waiting, ends, clock, started = list(enumerate(lengths)), {}, 0, []
    while waiting or ends:
        for moment, device in held:
            (inventory.hold if moment == clock else inventory.release)(device)
        # One that must be alone is not overtaken by those that would keep its device busy.
        while waiting and inventory.fits(alone=waiting[0][1][1] and gpus < 1):
            number, (length, alone) = waiting.pop(0)
            lease = inventory.lend(number, alone=alone and gpus < 1)
            assert len(set(lease.gpus)) == each
            ends[number] = clock + length
            started.append(number)
        assert all(share <= 1 + 1e-9 for share in load(inventory).values())
        if waiting and not (waiting[0][1][1] and gpus < 1):
            taken = {device: sum(device in one.gpus for one in inventory.lent.values()) for device in EIGHT}
            blocked = {device for moment, device in held if moment == clock}
            alone = {device for one in inventory.lent.values() if one.share == 1 and gpus < 1 for device in one.gpus}
            room = [one for one in EIGHT if one not in blocked | alone and taken[one] < parts]
            assert len(room) < each or len(inventory.lent) >= 64, "a device is idle while a trial waits"
        clock += 1
        for number in [number for number, end in ends.items() if end <= clock]:
            del ends[number]
            inventory.take_back(number)
    assert sorted(started) == list(range(len(lengths)))
    assert inventory.idle == EIGHT


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


def test_four_quarters_fill_one_device_before_the_next_is_touched():
    inventory = Inventory(Resources(gpus=0.25, cpus=1), 16, GPUS)

    leases = [inventory.lend(number) for number in range(5)]

    assert inventory.slots == 16
    assert [one.gpus for one in leases] == [("0",)] * 4 + [("1",)]
    assert {one.share for one in leases} == {0.25}


def test_a_trial_that_must_be_alone_gets_a_whole_device():
    inventory = Inventory(Resources(gpus=0.5, cpus=1), 16, ("0", "1"))
    inventory.lend(0)

    lease = inventory.lend(1, alone=True)

    assert (lease.gpus, lease.share) == (("1",), 1.0)
    assert not inventory.fits(alone=True)
    assert inventory.fits()
    inventory.lend(2)
    assert not inventory.fits()


def test_automatic_sharing_measures_one_trial_a_device_and_then_packs():
    inventory = Inventory(Resources(gpus="auto", cpus=1), 16, ("0", "1"))
    assert (inventory.slots, inventory.measuring) == (2, True)

    inventory.learn(0.15)

    assert inventory.slots == 12
    assert inventory.lend(0).share == pytest.approx(0.165)


def test_memory_limits_how_many_run():
    assert Inventory(Resources(memory=4 * 10**9), 16, (), memory=10**10).slots == 2
    with pytest.raises(ResourceError, match=r"resources\.memory"):
        Inventory(Resources(memory=2 * 10**10), 16, (), memory=10**10)


def test_more_trials_than_devices_are_not_started():
    assert Inventory(Resources(gpus=1), 16, GPUS, most=100).slots == 4
    assert Inventory(Resources(gpus=0), 2, (), most=5).slots == 5


@pytest.mark.parametrize(
    ("resources", "most", "message"),
    [
        (Resources(gpus=5), None, r"resources\.gpus: asks for 5, and this machine has 4"),
        (Resources(cpus=17), None, r"resources\.cpus: asks for 17, and this machine has 16"),
        (Resources(), 0, r"executor\.max_parallel: must be at least 1, not 0"),
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
