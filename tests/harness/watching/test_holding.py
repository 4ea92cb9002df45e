import json
import multiprocessing
import os
import socket
import threading
import time

import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.watching import holding
from lm_eval_overton.harness.watching.holding import held


def left(file, pid, host=None):
    file.write_text(json.dumps({"pid": pid, "host": host or socket.gethostname()}))


def test_two_do_not_hold_one_folder(tmp_path):
    file = tmp_path / "watcher.json"
    with held(file):
        said = json.loads(file.read_text())
        assert said == {"pid": os.getpid(), "host": socket.gethostname()}
        with pytest.raises(SettingsError, match=f"pid {os.getpid()} on"), held(file):
            pass
        assert json.loads(file.read_text()) == said
    with held(file):
        pass


def hold(file, is_there):
    with held(file):
        is_there.set()
        time.sleep(60)


def test_what_one_that_was_killed_left_is_taken_over_at_once(tmp_path):
    file = tmp_path / "watcher.json"
    context = multiprocessing.get_context("fork")
    is_there = context.Event()
    process = context.Process(target=hold, args=(file, is_there))
    process.start()
    assert is_there.wait(10)
    with pytest.raises(SettingsError, match=f"pid {process.pid}"), held(file):
        pass
    process.kill()
    process.join()
    assert json.loads(file.read_text())["pid"] == process.pid
    with held(file):
        assert json.loads(file.read_text())["pid"] == os.getpid()


def test_one_on_another_machine_is_known_by_its_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "DEAD_S", 0.6)
    file = tmp_path / "watcher.json"
    left(file, 1, "elsewhere")
    ended = threading.Event()

    def beat():
        while not ended.wait(0.05):
            os.utime(file)

    other = threading.Thread(target=beat)
    other.start()
    with pytest.raises(SettingsError, match="pid 1 on elsewhere"), held(file):
        pass
    ended.set()
    other.join()
    with held(file):
        pass


def test_where_there_are_no_locks_a_process_that_is_gone_is(tmp_path, monkeypatch):
    from contextlib import contextmanager

    @contextmanager
    def without(_, wait):
        yield True

    monkeypatch.setattr(holding, "alone", without)
    monkeypatch.setattr(holding, "DEAD_S", 0.3)
    file = tmp_path / "watcher.json"
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
    for pid in (process.pid, os.getpid(), "x", -1):
        left(file, pid)
        begun = time.monotonic()
        with held(file):
            pass
        assert time.monotonic() - begun < 0.2
