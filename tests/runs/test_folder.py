import json
from pathlib import Path

import pytest

from lm_eval_overton.runs.entries import Entry
from lm_eval_overton.runs.folder import (
    GENERATIONS,
    cache_dir,
    gather,
    write_generations,
    write_values,
)
from lm_eval_overton.runs.responses import read_responses

ROW = {"task": "t", "id": "p1", "prompt": "¿Por qué?", "responses": ["d’accord\r\n", None]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path))
    return tmp_path


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"OVERTON_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"OVERTON_CACHE_DIR": "~/a", "HOME": "/c"}, "/c/a"),
        ({"OVERTON_CACHE_DIR": "", "XDG_CACHE_HOME": "/b"}, "/b/lm_eval_overton"),
        ({"HOME": "/c"}, "/c/.cache/lm_eval_overton"),
    ],
)
def test_runs_are_kept_where_the_environment_says(monkeypatch, environment, folder):
    for name in ("OVERTON_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_dir() == Path(folder)


def test_one_process_has_all_rows():
    assert gather([1, 2], world_size=1) == [1, 2]


@pytest.mark.parametrize(("rank", "expected"), [(0, ["of 0", "of 1"]), (1, None)])
def test_the_first_of_several_processes_gets_all_rows(monkeypatch, rank, expected):
    dist = pytest.importorskip("torch.distributed")

    def gather_object(rows, parts, dst):
        assert dst == 0
        if parts is not None:
            parts[:] = [["of 0"], ["of 1"]]

    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    monkeypatch.setattr(dist, "gather_object", gather_object, raising=False)
    assert gather([f"of {rank}"], world_size=2) == expected


def test_generations_stand_in_a_new_folder_under_a_header(cache):
    path = write_generations({"tasks": {}}, [ROW])
    assert path.name == GENERATIONS
    assert path.parent.parent == cache / "runs"
    assert lines(path) == [{"overton_generations": 1, "tasks": {}}, ROW]


def test_two_runs_do_not_share_a_folder(cache):
    assert write_generations({}, []).parent != write_generations({}, []).parent


def test_generations_can_be_read_back(cache):
    [entry] = read_responses(write_generations({}, [ROW])).entries
    assert entry == Entry("p1", "¿Por qué?", ["d’accord\r\n", None])


def test_what_json_does_not_know_is_written_as_text(cache):
    assert lines(write_generations({"path": Path("/x")}, []))[0]["path"] == "/x"


def test_a_file_that_could_not_be_completed_is_not_there(cache):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_generations({}, [ROW, {"value": float("nan")}])
    assert list(cache.rglob(GENERATIONS)) == []


def test_values_stand_beside_the_generations(cache):
    rows = [{"prompts": "p1", "vendi": None}, {"prompts": "p2", "vendi": 1.5}]
    write_values(cache, "overton_diversity", rows)
    assert [path.name for path in cache.iterdir()] == ["values_overton_diversity.jsonl"]
    assert lines(cache / "values_overton_diversity.jsonl") == rows
