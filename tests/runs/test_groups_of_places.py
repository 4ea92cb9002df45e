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


@pytest.mark.parametrize("text", ["dpo=a1", "a1", "dpo=x,y", "x,y", "n=a1,a2", "dpo=z*"])
def test_one_run_is_no_group(here, text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dpo=q*", "got none"),
        ("dpo=a1,", "an empty place"),
        ("dpo=a1,./a1", "every seed once"),
        ("dpo=a1,a*", "every seed once"),
        ("dpo=**a", "got none"),
        ("a1,a2", "NAME=PLACE1,PLACE2"),
        ("a*", "NAME=PLACE1,PLACE2"),
        ("=a1,a2", "NAME=PLACE1,PLACE2"),
    ],
)
def test_what_is_no_group_is_refused(here, text, said):
    with pytest.raises(SettingsError, match=said):
        parse_group(text)


def test_hidden_places_are_no_seeds_unless_asked_for(here):
    (here / ".a3").mkdir()
    assert names("dpo=*[1-9]") == ["a1", "a2", "n=a1,a2"]
    assert names("dpo=.*") == [".a3"]


def test_many_places_may_be_longer_than_any_path(here):
    many = [f"a_name_of_a_seed_that_is_long_{i}" for i in range(200)]
    assert names(f"dpo={','.join(many)}") == many
