"""What is not read: recognised, so that a message can name it with what to do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

__all__ = ["foreign_bytes", "foreign_record", "foreign_text"]

WRITE_LINES = 'write its answers as lines of {"id": ..., "prompt": ..., "response": ...}'

# As pandas writes one by default.
TABLE = (
    "a table by columns; write it by rows: "
    "`pandas.read_json(...).to_json(..., orient='records', lines=True)`"
)

# By how the content begins.
BYTES = (
    (b"\x1f\x8b", "a gzip file within another; unpack it once with `gunzip`"),
    (b"\xff\xfe", "text in UTF-16; save it again as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it again as UTF-8"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd; unpack it with `zstd -d`"),
    (b"BZh", "a file compressed with bzip2; unpack it with `bunzip2`"),
    (b"\xfd7zXZ", "a file compressed with xz; unpack it with `unxz`"),
    (b"\x80\x04", "a pickle; write its records with `json.dump`"),
    (b"\x80\x05", "a pickle; write its records with `json.dump`"),
    (b"ARROW1", "an arrow file; save its table as parquet"),
    (b"SQLite format 3", f"a database; {WRITE_LINES}"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet or document of Office; save its table as JSON lines"),
)
ZIP = b"PK\x03\x04"
SHEETS = (".xlsx", ".xlsm", ".ods")

# By the name's end, where the text is no JSON.
TEXTS = {
    ".csv": "a table of comma-separated values; write its rows as JSON lines, e.g. "
    "`pandas.read_csv(...).to_json(..., orient='records', lines=True)`",
    ".tsv": "a table of tab-separated values; write its rows as JSON lines, e.g. "
    "`pandas.read_csv(..., sep='\\t').to_json(..., orient='records', lines=True)`",
    ".txt": 'plain text; write each line of it as {"prompt": "..."}',
    ".md": 'plain text; write each prompt of it as a line {"prompt": "..."}',
    ".yaml": "YAML; write it as JSON",
    ".yml": "YAML; write it as JSON",
}

# By keys that stand together in no other kind of file.
RECORDS = (
    ({"eval", "samples", "status"}, f"a log of Inspect; {WRITE_LINES}"),
    ({"eval", "plan", "status"}, f"a log of Inspect; {WRITE_LINES}"),
    ({"__doc__", "__model_response__"}, f"details of lighteval; {WRITE_LINES}"),
    ({"full_prompt", "predictions", "gold"}, f"details of lighteval; {WRITE_LINES}"),
    ({"input", "references", "split"}, f"instances of HELM; {WRITE_LINES}"),
    ({"evalId", "results"}, f"results of promptfoo; {WRITE_LINES}"),
    ({"columns", "data", "index"}, TABLE),
    ({"request_states", "adapter_spec"}, f"a scenario of HELM; {WRITE_LINES}"),
    ({"predicted_text", "instance_id"}, f"predictions of HELM; {WRITE_LINES}"),
    ({"instance_id", "train_trial_index", "stats"}, f"statistics of HELM; {WRITE_LINES}"),
    (
        {"results", "configs", "versions"},
        "a results file of the harness, which holds no responses; name the samples_*.jsonl beside "
        "it (run with --log_samples), or the generations file that the log of the run names",
    ),
)


def foreign_bytes(content: bytes, suffix: str) -> str | None:
    """Return what a file is that is not read, and the remedy; None for one that may be.

    Args:
        content: All of it.
        suffix: How its name ends, with the dot.
    """
    if content.startswith(ZIP):
        return _archive(content, suffix)
    if content[257:262] == b"ustar":
        return "a tar archive; unpack it and name the file within it"
    for begin, name in BYTES:
        if content.startswith(begin):
            return name
    if b"\0" in content[:2]:
        return "text in UTF-16 or UTF-32; save it again as UTF-8"
    return None


def _archive(content: bytes, suffix: str) -> str:
    if suffix.lower() in SHEETS:
        return "a spreadsheet; save its table as JSON lines or parquet"
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except zipfile.BadZipFile:
        names = []
    if suffix == ".eval" or any(name.startswith("_journal/") for name in names):
        return f"a log of Inspect; {WRITE_LINES}"
    return "a zip archive; unpack it and name the file within it"


def foreign_text(suffix: str) -> str | None:
    """Return what a text is that is no JSON, and the remedy; None where the name tells nothing."""
    return TEXTS.get(suffix.lower())


def foreign_record(record: Mapping[str, Any]) -> str | None:
    """Return which other tool's file an object is all or the first of, and the remedy; or None."""
    for keys, name in RECORDS:
        if keys <= set(record) and not ("results" in keys and record.get("samples")):
            return name
    return TABLE if _is_table(record) else None


def _is_table(record: Mapping[str, Any]) -> bool:
    """Tell whether all of an object's values are columns: by number of the row, or lists."""
    columns = list(record.values())
    if not columns:
        return False
    if all(isinstance(own, Mapping) and own and own.keys() == columns[0].keys() for own in columns):
        return all(key.isdecimal() for key in columns[0])
    lengths = {len(own) if isinstance(own, list) else 0 for own in columns}
    return {"prompt", "id"} & record.keys() != set() and len(lengths) == 1 and max(lengths) > 0
