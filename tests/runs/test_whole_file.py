import os
from pathlib import Path

import pytest

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.whole_file import require_place, whole_folder, whole_text, write_whole


def test_a_file_is_written_into_a_folder_that_is_made_and_replaced(tmp_path):
    path = tmp_path / "new" / "file"
    require_place(path)
    assert not path.parent.exists()
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert [own.read_bytes() for own in path.parent.iterdir()] == [b"two"]


@pytest.mark.parametrize("text", ["", ".", "/", "..", os.devnull])
def test_a_folder_or_a_device_is_no_place_for_a_file(text):
    for act in (require_place, lambda path: write_whole(path, b"")):
        with pytest.raises(DataError, match="that can be written, got a folder or a device; name"):
            act(Path(text))


def test_what_lies_below_a_file_is_no_place(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file, which is no folder; name another"):
        require_place(tmp_path / "file" / "x.md")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is protected from root")
def test_a_protected_folder_is_no_place(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="got Permission denied; name another"):
        require_place(tmp_path / "x.md")


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path, monkeypatch):
    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="got No space left on device; name another"):
        write_whole(tmp_path / "x.md", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, b"one")
    with whole_text(path) as file:
        file.write("two\ud83d")
    assert path.read_text() == "two\\ud83d"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_not_completed_is_not_there(tmp_path):
    def cut_off(whole, place):
        with whole(place):
            assert len(list(tmp_path.iterdir())) == 1
            raise ZeroDivisionError

    for whole, place in ((whole_text, tmp_path / "file"), (whole_folder, tmp_path)):
        with pytest.raises(ZeroDivisionError):
            cut_off(whole, place)
        assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    names = (".0a1b2c3d.partial", ".0a1b2c3e.partial", ".0a1b2c3f.partial", "x.partial", ".x.json")
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    folder = tmp_path / ".aaaaaaaa.partial"
    folder.mkdir()
    (folder / "results.json").touch()
    for name in (*names[1:], folder.name):
        os.utime(tmp_path / name, (0, 0))
    write_whole(tmp_path / "file", b"")
    # The first may be that of a process that is writing now.
    assert {path.name for path in tmp_path.iterdir()} == {names[0], *names[3:], "file"}
