"""Files of records in the containers that people keep them in.

JSON lines, a JSON array of objects, one JSON object that holds such an array; any of them in gzip;
parquet. What a file is stands in its content, not in its name.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import stat
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_overton.data.foreign import foreign_bytes, foreign_record, foreign_text
from lm_eval_overton.data.json_text import json_value
from lm_eval_overton.errors import DataError

__all__ = ["Row", "read_rows", "short", "without_halves"]

logger = logging.getLogger("lm_eval.overton")

# Under which an object holds the records that a file is about.
ARRAYS = ("samples", "data", "examples", "instances", "items", "records", "rows", "prompts")
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
BLANK = " \t\r\n"


class Row(NamedTuple):
    """A record: the place of it for messages, its number, and what it holds.

    The number is that of the line, or of the item, from 1. `group` names what it stands under
    where a file keeps several groups of records by name, as dumps of `simple_evaluate` do.
    """

    where: str
    number: int
    value: dict[str, Any]
    group: str | None = None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the records of a file, in its order; blank lines are skipped.

    Half a surrogate pair, which no text can hold and no file can be written with, is read as
    U+FFFD.

    Args:
        path: A file of a container that this module names.

    Raises:
        DataError: If the file is not there, cannot be read, is of another kind, or holds no
            record; with its place, if a record is no JSON object.
    """
    content = _plain(_content(path), path)
    # Only an escape can stand for half a pair: the file is UTF-8.
    has_halves = b"\\ud" in content or b"\\uD" in content
    if content.startswith(PARQUET):
        rows = _parquet(content, path)
    else:
        text = _decoded(content, path)
        rows = _json(text, path)
        del text
    # A large file is held once beside what is made of it.
    del content
    if has_halves:
        rows = _whole_texts(rows, path)
    for position, row in enumerate(rows):
        if position == 0 and (name := foreign_record(row.value)):
            raise _not_read(path, name)
        yield row


def short(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _content(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.read_bytes()
    except (OSError, ValueError) as error:
        # Path() takes what no system does, such as a NUL.
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{_shown(path)}: expected a readable JSON-lines file, got {reason}"
        ) from error
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: expected a file, got a folder; name the file within it")
    # Reading one may never end.
    raise DataError(
        f"{path}: expected a file, got a pipe, socket or device; write what it gives into a file"
    )


def _shown(path: Path) -> str:
    return str(path) if str(path).isprintable() else repr(str(path))


def _plain(content: bytes, path: Path) -> bytes:
    """Return the content of a file, unpacked if it is compressed with gzip."""
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: expected a whole gzip file, got a broken one ({error}); copy it again"
            ) from error
    name = foreign_bytes(content, path.suffix)
    if name:
        raise _not_read(path, name)
    return content


def _not_read(path: Path, name: str) -> DataError:
    return DataError(
        f"{path}: expected JSON lines, a JSON array or parquet, plain or in gzip, got {name}"
    )


# ------------------------------------------------------------------------------------- containers


def _parquet(content: bytes, path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(io.BytesIO(content)).names
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise DataError(
                f"{path}: expected every column once, got {twice!r} more than once; write it "
                "without the one that is not meant"
            )
        values = pq.read_table(io.BytesIO(content)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: expected a whole parquet file, got a broken one "
            f"({' '.join(str(error).split()):.80}); write it again"
        ) from error
    yield from _items(values, path, "row")


def _json(text: str, path: Path) -> Iterator[Row]:
    begin = text.lstrip(BLANK)[:1]
    if not begin:
        raise DataError(f"{path}: expected at least one line of JSON, got an empty file")
    if begin == "[":
        return _items(_whole(text, path), path, "item")
    first = [*islice(_numbered(text), 2)]
    if begin == "{" and (len(first) == 1 or not _is_json(first[0][1])):
        value = _one_object(text, path, first)
        if value is not None:
            return _held(value, path)
    if begin != "{" and not _is_json(first[0][1]) and (name := foreign_text(path.suffix)):
        raise _not_read(path, name)
    return (_line(line, path, number) for number, line in _numbered(text))


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, each with its number from 1."""
    # Not splitlines(): JSON strings may hold U+2028 and other line separators as they are.
    separator = "\n" if "\n" in text else "\r"
    start, number = 0, 1
    while start < len(text):
        found = text.find(separator, start)
        end = len(text) if found < 0 else found
        # Files that begin with the mark were joined.
        line = text[start:end].removeprefix("\ufeff")
        if line.strip(BLANK):
            yield number, line
        start, number = end + 1, number + 1


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected JSON lines, a JSON array or parquet, got text that is not UTF-8 "
            f"(byte 0x{content[error.start]:02x} at {error.start}); save it again as UTF-8"
        ) from error


def _line(line: str, path: Path, number: int) -> Row:
    where = f"{path}:{number}"
    return Row(where, number, _object(_parsed(line, where, "a JSON object"), where))


def _one_object(text: str, path: Path, numbered: list[tuple[int, str]]) -> Any:
    """Return the one object that is all of a text; None where lines are to be read.

    Args:
        text: The text.
        path: Its file.
        numbered: The first two of its lines.
    """
    try:
        return json_value(text)
    except json.JSONDecodeError as error:
        # Objects one after the other, as `jq` prints them.
        if error.msg == "Extra data" and len(numbered) > 1:
            raise DataError(
                f"{path}:{error.lineno}: expected one JSON object per line or one array of them, "
                "got objects over several lines; write them anew with `jq -c .`"
            ) from error
        return None
    except (ValueError, RecursionError) as error:
        raise _wrong_within(error, f"{path}:{numbered[0][0]}", "a JSON object") from error


def _whole(text: str, path: Path) -> list[Any]:
    lines = [line for _, line in islice(_numbered(text), 2)]
    if len(lines) > 1 and all(map(_is_json, lines)):
        raise DataError(
            f"{path}: expected one JSON object per line or one array of them, got an array in each "
            'line; write {"prompt": ..., "responses": [...]} in its place'
        )
    value = _parsed(text, str(path), "a JSON array of objects")
    assert isinstance(value, list)
    return value


def _held(value: Any, path: Path) -> Iterator[Row]:
    """Yield the records that an object holds; the object itself where it is one."""
    if name := foreign_record(value):
        raise _not_read(path, name)
    for groups in (value.get("samples"), value):
        if _are_groups(groups):
            for group, own in groups.items():
                yield from _items(own, path, f"{group}, item", group)
            return
    for key in ARRAYS:
        if _are_objects(value.get(key)):
            yield from _items(value[key], path, f'"{key}", item')
            return
    yield Row(f"{path}:1", 1, value)


def _are_groups(value: Any) -> bool:
    """Tell whether this is the harness's samples by task."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(_are_objects(own) and "resps" in own[0] for own in value.values())
    )


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _items(values: list[Any], path: Path, what: str, group: str | None = None) -> Iterator[Row]:
    if not values:
        raise DataError(f"{path}: expected at least one record, got none")
    for number, value in enumerate(values, start=1):
        where = f"{path}: {what} {number}"
        yield Row(where, number, _object(value, where), group)


# ------------------------------------------------------------------------------------------ values


def _object(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    example = '{"prompt": "..."}' if isinstance(value, str) else "an object with its keys"
    raise DataError(
        f"{where}: expected a JSON object, got {type(value).__name__} {short(value)}; write "
        f"{example} in its place"
    )


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    except (ValueError, RecursionError):
        # The text is one of JSON; its value is more than Python takes.
        pass
    return True


def _parsed(text: str, where: str, what: str) -> Any:
    try:
        return json_value(text)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, " if "\n" in text else ""
        raise DataError(
            f"{where}: expected {what}, got {text[:40]!r} ({at}{error.msg}); correct it, or write "
            "the file again if it was cut off"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _wrong_within(error, where, what) from error


def _wrong_within(error: Exception, where: str, what: str) -> DataError:
    """Return the error of a text that is JSON, but holds what cannot be read."""
    got = "one that is nested too deep" if isinstance(error, RecursionError) else str(error)
    return DataError(f"{where}: expected {what}, got {got}; correct or remove it")


def _whole_texts(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    n = 0
    for row in rows:
        try:
            value = without_halves(row.value)
        except RecursionError as error:
            raise DataError(
                f"{row.where}: expected a JSON object, got one that is nested too deep; correct or "
                "remove it"
            ) from error
        n += value != row.value
        yield row._replace(value=value)
    if n:
        logger.warning("%s: %d records hold half a surrogate pair, read as U+FFFD", path, n)


def without_halves(value: Any) -> Any:
    """Return a value of JSON whose texts have U+FFFD in place of half a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [without_halves(item) for item in value]
    if isinstance(value, dict):
        return {without_halves(key): without_halves(item) for key, item in value.items()}
    return value
