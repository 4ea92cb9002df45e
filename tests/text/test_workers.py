import os
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text.workers import JOBS_PER_DEVICE, Workers, named_devices


def times(device, number):
    """Return the product, on which device, and in which process; a negative one ends it."""
    if number < 0:
        os._exit(9)
    return number * 2, device, os.getpid()


def begin(device):
    return partial(times, device)


@pytest.fixture(scope="module")
def pair():
    return Workers(("cpu", "cpu"), begin)


def test_devices_are_named_with_commas_between():
    assert named_devices("cuda:0, cuda:1") == ("cuda:0", "cuda:1")
    assert named_devices("cpu") == ("cpu",)
    assert named_devices(None) == ()


def test_jobs_come_back_in_order_from_other_processes(pair):
    found = [*pair.done(range(40), "Doubling")]
    assert [double for double, _, _ in found] == [2 * number for number in range(40)]
    assert {device for _, device, _ in found} == {"cpu"}
    assert os.getpid() not in {process for _, _, process in found}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_shares_are_consecutive_and_none_is_much_larger_than_its_part(weights):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "__init__", lambda self, devices: setattr(self, "devices", devices))
        workers = Workers(("cpu", "cpu"))
    order = [*reversed(range(len(weights)))]
    found = [*workers.shares(order, weights)]
    assert [i for part in found for i in part] == order
    most = sum(weights) / (2 * JOBS_PER_DEVICE)
    assert all(sum(weights[i] for i in part[:-1]) < most for part in found)


def test_a_process_that_ends_is_said_in_one_line(pair):
    with pytest.raises(SettingsError, match="expected a process on each of cpu, cpu, got one"):
        [*pair.done([1, -1, 2], "Doubling")]
