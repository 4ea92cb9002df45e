import errno
import multiprocessing

import pytest

from lm_eval_overton.runs import lock
from lm_eval_overton.runs.lock import alone


def count(place, path, times):
    """Raise a number in a file again and again, which two at once would do wrong."""
    for _ in range(times):
        with alone(place):
            path.write_text(str(int(path.read_text()) + 1))


@pytest.mark.parametrize("n", [2, 4])
def test_several_processes_take_turns(tmp_path, n):
    path = tmp_path / "number"
    path.write_text("0")
    # A fork has this process's imports.
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=count, args=(tmp_path, path, 50)) for _ in range(n)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * n
    assert path.read_text() == str(50 * n)


@pytest.mark.parametrize("is_folder", [True, False])
def test_who_does_not_wait_is_told(tmp_path, is_folder):
    place = tmp_path if is_folder else tmp_path / "file"
    if not is_folder:
        place.touch()
    with alone(place) as first:
        assert first
        with alone(place, wait=False) as second:
            assert not second
    with alone(place, wait=False) as third:
        assert third
    assert list(tmp_path.iterdir()) == ([] if is_folder else [place])


def test_where_there_are_no_locks_nothing_is_held(tmp_path, monkeypatch):
    with alone(tmp_path / "gone") as held:
        assert held

    class WithoutLocks:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(*_):
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.importlib, "import_module", lambda _: WithoutLocks)
    with alone(tmp_path) as held:
        assert held

    def without(_):
        raise ImportError

    monkeypatch.setattr(lock.importlib, "import_module", without)
    with alone(tmp_path) as held:
        assert held
