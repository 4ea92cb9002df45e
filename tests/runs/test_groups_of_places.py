"""Places of the seeds of a recipe, as a command takes them."""

import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.runs.places import parse_group


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a1", "a2", "b", "x,y", "z*", "n=a1,a2"):
        (tmp_path / name).mkdir()
    return tmp_path


def names(text):
    return [str(path) for path in parse_group(text)]


def test_lists_and_patterns(here):
    assert names("dpo=b,a1") == ["b", "a1"]
    assert names("dpo=a*") == ["a1", "a2"]
    assert names("dpo=b,a?") == ["b", "a1", "a2"]
    assert names(f"dpo={here}/a*") == [f"{here}/a1", f"{here}/a2"]
    assert names("dpo=b*") == ["b"]
    # What is not there is said by whoever reads it.
    assert names("dpo=b,nowhere") == ["b", "nowhere"]


@pytest.mark.parametrize("text", ["dpo=a1", "a1", "dpo=x,y", "x,y", "n=a1,a2", "dpo=z*", "a1,a2"])
def test_one_run_is_no_group(here, text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dpo=q*", "got none"),
        ("dpo=a1,", "an empty place"),
        ("dpo=a1,./a1", "every seed once"),
        ("dpo=a1,a*", "every seed once"),
    ],
)
def test_what_is_no_group_is_refused(here, text, said):
    with pytest.raises(SettingsError, match=said):
        parse_group(text)
