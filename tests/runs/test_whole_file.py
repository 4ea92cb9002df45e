import os
from pathlib import Path

import pytest

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.whole_file import require_place, write_whole


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
    with pytest.raises(DataError, match="which is write-protected; name another"):
        require_place(tmp_path / "x.md")


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path, monkeypatch):
    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="got No space left on device; name another"):
        write_whole(tmp_path / "x.md", b"")
    assert list(tmp_path.iterdir()) == []
