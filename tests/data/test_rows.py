"""Records are the same whatever container they are kept in, and no file hangs or ends in a
traceback."""

import bz2
import gzip
import io
import json
import os
import re
import time
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data.rows import read_rows
from lm_eval_overton.errors import DataError
from tests.containers import lines, parquet

ROWS = [{"id": 1, "prompt": "Où ?"}, {"id": 2, "prompt": "a\u2028b\r\n\x00c"}]
TASK = [{"doc_id": 0, "resps": [["x"]]}]


CONTAINERS = {
    "lines": lines,
    "escaped": lambda rows: "\n\n".join(map(json.dumps, rows)).encode(),
    "crlf": lambda rows: lines(rows).replace(b"\n", b"\r\n"),
    "cr": lambda rows: lines(rows).replace(b"\n", b"\r"),
    "a mark in each line": lambda rows: b"".join(b"\xef\xbb\xbf" + lines([row]) for row in rows),
    "mark": lambda rows: b"\xef\xbb\xbf" + lines(rows),
    "array": lambda rows: json.dumps(rows).encode(),
    "indented": lambda rows: b"\n " + json.dumps(rows, indent=2).encode(),
    "object": lambda rows: json.dumps({"version": 3, "data": rows}).encode(),
    "indented object": lambda rows: json.dumps({"examples": rows, "n": 2}, indent=1).encode(),
    "gzip": lambda rows: gzip.compress(lines(rows), mtime=0),
    "two gzip members": lambda rows: b"".join(gzip.compress(lines([row]), mtime=0) for row in rows),
    "gzip array": lambda rows: gzip.compress(json.dumps(rows, indent=2).encode(), mtime=0),
    "parquet": parquet,
    "gzip parquet": lambda rows: gzip.compress(parquet(rows), mtime=0),
}


def stored(folder, content, name="in.jsonl"):
    path = folder / name
    path.write_bytes(content)
    return path


def values(path):
    return [row.value for row in read_rows(path)]


@pytest.mark.parametrize("container", CONTAINERS)
def test_records_are_the_same_in_every_container(tmp_path, container):
    assert values(stored(tmp_path, CONTAINERS[container](ROWS))) == ROWS


records = st.lists(
    st.fixed_dictionaries({"a": st.text(), "b": st.lists(st.none() | st.text())}),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=50)
@given(rows=records)
def test_containers_hold_what_was_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    for name, write in CONTAINERS.items():
        assert values(stored(folder, write(rows), name)) == rows


def test_one_record_over_several_lines_is_a_record(tmp_path):
    assert values(stored(tmp_path, json.dumps(ROWS[0], indent=2).encode())) == ROWS[:1]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("held", [{"results": {}, "configs": {}, "versions": {}}, None])
def test_samples_by_task_are_told_apart(tmp_path, held, indent):
    samples = {"a": TASK, "b": TASK * 2}
    dump = samples if held is None else {**held, "samples": samples}
    rows = list(read_rows(stored(tmp_path, json.dumps(dump, indent=indent).encode())))
    assert [row.group for row in rows] == ["a", "b", "b"]
    assert rows[2].where == f"{tmp_path / 'in.jsonl'}: b, item 2"


def test_places_are_lines_items_and_rows(tmp_path):
    def place(write):
        return [row.where for row in read_rows(stored(tmp_path, write(ROWS)))][1]

    path = tmp_path / "in.jsonl"
    assert place(lines) == f"{path}:2"
    assert place(lambda rows: b"\n" + lines(rows)) == f"{path}:3"
    assert place(CONTAINERS["array"]) == f"{path}: item 2"
    assert place(CONTAINERS["object"]) == f'{path}: "data", item 2'
    assert place(parquet) == f"{path}: row 2"


def test_half_a_surrogate_pair_is_read_as_a_replacement_and_said(tmp_path, caplog):
    content = b'{"prompt": "a\\ud83d \\ud83d\\ude00 \\\\ud83d", "x": ["\\uDE00"]}'
    assert values(stored(tmp_path, content)) == [{"prompt": "a\ufffd 😀 \\ud83d", "x": ["\ufffd"]}]
    assert caplog.messages == [
        f"{tmp_path / 'in.jsonl'}: 1 records hold half a surrogate pair, read as U+FFFD"
    ]


def test_whole_pairs_and_other_escapes_are_as_they_were(tmp_path, caplog):
    content = b'{"prompt": "\\ud83d\\ude00 \\ud55c \\\\ud83d"}'
    assert values(stored(tmp_path, content)) == [{"prompt": "😀 한 \\ud83d"}]
    assert not caplog.messages


def twice_named():
    out = io.BytesIO()
    column = pa.array(["x"])
    pq.write_table(pa.Table.from_arrays([column, column], names=["a", "a"]), out)
    return out.getvalue()


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, "{}")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"prompt,response\na,b\n", "in.csv", "got a table of comma-separated values; write its"),
        (b"prompt\tresponse\na\tb\n", "in.tsv", "got a table of tab-separated values; write its"),
        (b"Why?\nHow?\n", "in.txt", 'got plain text; write each line of it as {"prompt"'),
        (b"- prompt: Why?\n", "in.yaml", "got YAML; write it as JSON"),
        (archive("a.jsonl"), "in.zip", "got a zip archive; unpack it"),
        (archive("xl/a.xml"), "in.xlsx", "got a spreadsheet; save its table as JSON lines"),
        (archive("header.json"), "in.eval", "got a log of Inspect; write its answers as lines"),
        (archive("_journal/1.json"), "in", "got a log of Inspect; write its answers as lines"),
        (b"PK\x03\x04 cut", "in", "got a zip archive; unpack it"),
        (bz2.compress(b"{}"), "in.bz2", "got a file compressed with bzip2; unpack it"),
        ('{"prompt": "é"}'.encode("utf-16"), "in", "got text in UTF-16; save it again as UTF-8"),
        ('{"prompt": "é"}'.encode("utf-16-be"), "in", "got text in UTF-16 or UTF-32; save it"),
        ('{"prompt": "é"}'.encode("latin-1"), "in", "got text that is not UTF-8 (byte 0xe9 at 12)"),
        (
            gzip.compress(lines(ROWS), mtime=0)[:-9],
            "in",
            "expected a whole gzip file, got a broken one",
        ),
        (parquet(ROWS)[:-9], "in", "expected a whole parquet file, got a broken one"),
        (
            gzip.compress(b"", mtime=0),
            "in",
            "expected at least one line of JSON, got an empty file",
        ),
        (b"\xef\xbb\xbf", "in", "expected at least one line of JSON, got an empty file"),
        (
            gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0),
            "in",
            "got a gzip file within another; unpack it",
        ),
        (
            gzip.compress(b"x" * 257 + b"ustar" + b"\0" * 99, mtime=0),
            "in",
            "got a tar archive; unpack it and",
        ),
        (
            twice_named(),
            "in",
            "expected every column once, got 'a' more than once; write it without",
        ),
        (b'[{"a": 1}]\n[{"a": 2}]', "in", 'got an array in each line; write {"prompt": ..., '),
        (
            b'{"prompt": {"0": "a"}, "response": {"0": "b"}}',
            "in",
            "got a table by columns; write it",
        ),
        (
            b'{"prompt": ["a", "b"], "response": ["c", "d"]}',
            "in",
            "got a table by columns; write it",
        ),
        (b'{"columns": [], "index": [], "data": []}', "in", "got a table by columns; write it by"),
        (
            parquet([{"__doc__": {"a": 1}, "__model_response__": "b"}]),
            "in",
            "got details of lighteval",
        ),
        (b'{"eval": {}, "plan": {}, "status": "started"}', "in", "got a log of Inspect; write its"),
        (
            b'[{"input": {}, "references": [], "split": "test"}]',
            "in",
            "got instances of HELM; write",
        ),
        (b"[]", "in", "expected at least one record, got none"),
        (b'["a", "b"]', "in", "in: item 1: expected a JSON object, got str 'a'; write {\"prompt\""),
        (b'[{"a": 1}, 7]', "in", "in: item 2: expected a JSON object, got int 7"),
        (
            b'[{"a": 1},\n {"b"',
            "in",
            'expected a JSON array of objects, got \'[{"a": 1},\\n {"b"\'',
        ),
        (b'["a"]\n["b"]', "in", 'got an array in each line; write {"prompt": ..., "responses"'),
        (b'["a"]\n"b"]', "in", "expected a JSON array of objects"),
        (b'{"a": 1}\n{"b": "x', "in", 'in:2: expected a JSON object, got \'{"b": "x\' (Unterm'),
        (b'{"a": x}\n{"b": 1}', "in", "in:1: expected a JSON object, got '{\"a\": x}'"),
        (b'{"a": 1}\n7\n', "in", "in:2: expected a JSON object, got int 7"),
        (b'{\n"a": 1\n}\n{\n"a": 2\n}', "in", "in:4: expected one JSON object per line or one arr"),
        (
            b'{"a": 1}\n{"b": {"c": 1, "c": 2}}',
            "in",
            "in:2: expected a JSON object, got the key 'c'",
        ),
        (b'{\n"a": 1,\n"a": 2\n}', "in", "in:1: expected a JSON object, got the key 'a' more than"),
        (b'[{"a": 1}, {"a": 2, "a": 2}]', "in", "objects, got the key 'a' more than once in one o"),
        (b'{"a": ' + b"[" * 60000 + b"]" * 60000 + b"}\n{}", "in", "in:1: expected a JSON object"),
        (b'{"a": ' + b"9" * 5000 + b"}", "in", "in:1: expected a JSON object, got Exceeds the"),
        (b'{"a": ' + b"[" * 60000 + b"]" * 60000 + b"}", "in", "got one that is nested too deep"),
        (b"[" * 60000 + b"]" * 60000, "in", "got one that is nested too deep"),
        (
            b'{"eval": {}, "samples": [{"id": 0}], "status": "success", "version": 2}',
            "log.json",
            "got a log of Inspect; write its answers as lines",
        ),
        (b'{"request_states": [], "adapter_spec": {}}', "in", "got a scenario of HELM; write its"),
        (
            b'[{"instance_id": "a", "predicted_text": "b", "stats": {}}]',
            "in",
            "got predictions of HELM; write its answers",
        ),
        (
            b'{\n"results": {"t": {}}, "configs": {}, "versions": {}}',
            "results_x.json",
            "got a results file of the harness, which holds no responses; name the samples_",
        ),
    ],
)
def test_what_is_not_read_is_named_in_one_line_with_the_remedy(tmp_path, content, name, message):
    path = stored(tmp_path, content, name)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        list(read_rows(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="expected a file, got a pipe, socket or device; write"):
        list(read_rows(tmp_path / "pipe"))


def test_a_device_is_not_read():
    with pytest.raises(DataError, match=r"^/dev/zero: expected a file, got a pipe, socket or"):
        list(read_rows(Path("/dev/zero")))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.jsonl", "no.jsonl: expected a readable JSON-lines file, got No such file"),
        ("a\0b", r"a\x00b': expected a readable JSON-lines file, got embedded null byte"),
        ("n" * 300, "expected a readable JSON-lines file, got File name too long"),
        ("", "expected a file, got a folder; name the file within it"),
    ],
)
def test_a_path_of_no_file_is_named(tmp_path, name, message):
    with pytest.raises(DataError, match=re.escape(message)):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize("container", ["lines", "indented", "gzip", "parquet"])
def test_reading_takes_time_in_proportion(tmp_path, container):
    rows = [{"id": i, "prompt": f"{i}?", "responses": ["a", "b"]} for i in range(50_000)]
    path = stored(tmp_path, CONTAINERS[container](rows))
    begin = time.process_time()
    assert sum(1 for _ in read_rows(path)) == len(rows)
    assert time.process_time() - begin < 10


def test_a_large_file_is_held_once_beside_its_records(tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_bytes(lines([{"prompt": f"{i} {'x' * 1000}"} for i in range(2000)]))
    tracemalloc.start()
    try:
        n = sum(1 for _ in read_rows(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n == 2000
    # The bytes and the text that they are decoded to; a list of the lines would be a third.
    assert peak < 2.5 * path.stat().st_size
