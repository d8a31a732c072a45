"""A device is lent again when its memory is back, on made-up devices."""

import pytest

from hone.executors import Resources, cooling
from hone.executors.cooling import Cooling
from hone.executors.leases import Inventory

GB = 10**9


class MadeUpMeter:
    def __init__(self):
        self.bytes = {"0": GB, "1": GB}

    def used(self, device):
        return self.bytes[device]

    def total(self, device):
        return 80 * GB


@pytest.fixture
def meter():
    return MadeUpMeter()


@pytest.fixture
def inventory():
    return Inventory(Resources(gpus=1, cpus=1), 8, ("0", "1"))


def test_a_device_whose_memory_is_not_back_is_not_lent(meter, inventory):
    watch = Cooling(inventory, meter, ("0", "1"))
    inventory.lend(0)
    meter.bytes["0"] = 30 * GB

    watch.watch(inventory.take_back(0))

    assert inventory.lend(1).gpus == ("1",)
    assert not inventory.fits()
    watch.look()
    assert not inventory.fits()
    meter.bytes["0"] = GB
    assert watch.look() == []
    assert inventory.lend(2).gpus == ("0",)


def test_a_device_that_never_comes_back_is_left_out_with_a_word_of_it(meter, inventory, monkeypatch):
    monkeypatch.setattr(cooling, "PATIENCE_SECONDS", -1.0)
    watch = Cooling(inventory, meter, ("0", "1"))
    inventory.lend(0)
    meter.bytes["0"] = 30 * GB
    watch.watch(inventory.take_back(0))

    assert watch.look() == ["GPU 0 is left out: 29,000 MB of its memory were not given back"]
    assert watch.look() == []
    meter.bytes["0"] = GB
    watch.look()
    assert inventory.idle == ("0", "1")
    assert inventory.lend(1).gpus == ("0",)


def test_what_a_trial_takes_is_its_part_of_what_is_in_use(meter, inventory):
    watch = Cooling(inventory, meter, ("0", "1"))
    meter.bytes["0"] = 9 * GB

    assert watch.share("0", 2 * GB) == pytest.approx(0.1)
    assert watch.share("0", 16 * GB) == pytest.approx(0.2)


def test_without_a_meter_a_device_is_lent_at_once(inventory):
    class Blind:
        def used(self, device):
            return None

        def total(self, device):
            return None

    watch = Cooling(inventory, Blind(), ("0", "1"))
    inventory.lend(0)
    watch.watch(inventory.take_back(0))

    assert not watch
    assert watch.share("0", GB) is None
