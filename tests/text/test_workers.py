import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text.workers import JOBS_PER_DEVICE, Workers, named_devices, require_devices


def doubled(device, numbers):
    """Return each number's double and the process that made it; a negative number ends it."""
    assert device == "cpu"
    if min(numbers) < 0:
        os._exit(9)
    return np.array([[2 * number, os.getpid()] for number in numbers])


def begin(device):
    return partial(doubled, device)


@pytest.fixture(scope="module")
def pair():
    return Workers(("cpu", "cpu"), begin)


def test_devices_are_named_with_commas_between():
    assert named_devices("cuda:0, cuda:1") == ("cuda:0", "cuda:1")
    assert named_devices("cpu") == ("cpu",)
    assert named_devices(None) == ()


def test_what_other_processes_make_comes_back_in_order(pair):
    numbers = [3, 1, 4, 1, 5, 9, 2, 6] * 5
    found = pair.arrays(numbers, numbers, "Doubling")
    assert found[:, 0].tolist() == [2 * number for number in numbers]
    assert os.getpid() not in found[:, 1]


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


def test_an_interrupt_ends_what_is_asked_and_leaves_nothing_to_wait_for(monkeypatch):
    workers = Workers(("cpu", "cpu"), begin)
    ended = []

    def interrupted(work, jobs):
        raise KeyboardInterrupt

    monkeypatch.setattr(workers._pool, "map", interrupted)
    monkeypatch.setattr(workers._pool, "shutdown", lambda **given: ended.append(given))
    with pytest.raises(KeyboardInterrupt):
        workers.arrays([1, 2], [1, 1], "Doubling")
    assert ended == [{"wait": False, "cancel_futures": True}]


KILLED = """
import os, signal, sys, time, types
sys.modules["torch"] = types.SimpleNamespace(set_num_threads=int)
from multiprocessing import get_context
from lm_eval_overton.text.workers import _begin_process

def begin(device):
    time.sleep(60)

if __name__ == "__main__":
    context = get_context("spawn")
    places = context.Queue()
    places.put("cpu")
    context.Process(target=_begin_process, args=(begin, places, 1)).start()
    while not places.empty():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_with_the_one_that_was_killed(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    # The output is read to its end, which comes when the last process that holds it is gone.
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=30)
    assert done.returncode == -signal.SIGKILL


def test_a_process_that_ends_is_said_in_one_line(pair):
    with pytest.raises(SettingsError, match="expected a process on each of cpu, cpu, got one"):
        pair.arrays([1, -1, 2], [1, 1, 1], "Doubling")


@pytest.mark.parametrize("given", ["cpux", "cpu,", ",", " ", "cpu,cuda:99", "meta,cpu", "cpu;cpu"])
def test_devices_that_torch_has_not_are_refused(given):
    with pytest.raises(SettingsError, match="expected a device of torch, or several"):
        require_devices(named_devices(given))
    require_devices(named_devices("cpu, cpu:0"))
