"""Rows of situations, values and labels: what is read, and what is refused."""

import json

import pytest

from lm_eval_overton.data.steerable import SteerableRow, load_steerable
from lm_eval_overton.errors import DataError

ROW = {"situation": "Selling ice", "value": "Thrift", "label": "either"}


def load(tmp_path, *rows):
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_steerable(str(path))


def test_rows_are_read_in_their_order(tmp_path):
    found = load(tmp_path, ROW, {**ROW, "id": 7, "label": "support"})
    assert found.rows == (
        SteerableRow("line-0001", "Selling ice", "Thrift", 2),
        SteerableRow("7", "Selling ice", "Thrift", 0),
    )
    assert (found.name, len(found.sha)) == ("own", 8)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "Supports"}, r'1: expected "label" to be support, oppose or either, got '),
        ({"label": ["support"]}, '"label" to be'),
        ({"value": " "}, '"value" to be a non-empty string'),
        ({"situation": None}, '"situation" to be a non-empty string, got None'),
        ({"vrd": "Thrift"}, "no keys but id, situation, value, label, got 'vrd'"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(tmp_path, changed, said):
    with pytest.raises(DataError, match=said):
        load(tmp_path, {**ROW, **changed})


def test_an_id_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="every id once, got 'a' for rows 1 and 2"):
        load(tmp_path, {**ROW, "id": "a"}, {**ROW, "id": "a"})
