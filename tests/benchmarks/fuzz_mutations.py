"""Ways in which files go wrong: cut, flipped, mixed up, of another encoding, with other values.

Each takes the bytes of a file and returns them changed, or does something to its place.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"
DEEP: Any = "<deep>"
DEEP_TEXT = "[" * 100_000 + "]" * 100_000
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3.5, 10**400, [], {}, [[]], [None], {"a": 1}, "", " ",
    float("nan"), float("inf"), "<1e999>", DEEP, "\u0000", "\ud83d", "caf\u00e9", "None",
    "9" * 5000,
    "x" * 200_000,
]  # fmt: skip
IDS: list[Any] = [0, 1.0, 1.5, -3, True, "", "q0", "Ünï", "q0 ", "1", None, ["q0"], 10**30]
ID_KEYS = ("id", "custom_id", "doc_id", "prompt_id", "question_id", "ids")

Path_ = tuple[str | int, ...]
Mutation = Callable[[random.Random, bytes, bytes], bytes]


# ---------------------------------------------------------------------------------------- bytes


def cut(rng: random.Random, content: bytes, _: bytes) -> bytes:
    return content[: rng.randrange(len(content) or 1)]


def flip_bit(rng: random.Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def other_byte(rng: random.Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def insert_nul(rng: random.Random, content: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + b"\0" * rng.choice([1, 4096]) + content[at:]


def empty(_: random.Random, __: bytes, ___: bytes) -> bytes:
    return b""


def blank(rng: random.Random, _: bytes, __: bytes) -> bytes:
    return rng.choice([b"\n\n", b" ", b"\0" * 64, b"null", b"{}", b"[]", b'""', b"\xef\xbb\xbf"])


def encoded(rng: random.Random, content: bytes, _: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    name = rng.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp500"])
    return text.replace("a", "é").encode(name, "replace")


def crlf(rng: random.Random, content: bytes, _: bytes) -> bytes:
    return content.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\n \t\n"]))


def with_bom(_: random.Random, content: bytes, __: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def packed(rng: random.Random, content: bytes, _: bytes) -> bytes:
    whole = gzip.compress(content, mtime=0)
    return rng.choice([whole, whole[: rng.randrange(2, len(whole))], whole + b"\0" * 8, whole * 2])


def swapped_file(_: random.Random, __: bytes, other: bytes) -> bytes:
    return other


def appended(_: random.Random, content: bytes, other: bytes) -> bytes:
    return content + other


# ---------------------------------------------------------------------------------------- lines


def _on_lines(change: Callable[[random.Random, list[bytes], list[bytes]], None]) -> Mutation:
    def mutation(rng: random.Random, content: bytes, other: bytes) -> bytes:
        lines = content.split(b"\n")
        change(rng, lines, other.split(b"\n"))
        return b"\n".join(lines)

    mutation.__name__ = change.__name__
    return mutation


@_on_lines
def delete_line(rng: random.Random, lines: list[bytes], _: list[bytes]) -> None:
    del lines[rng.randrange(len(lines))]


@_on_lines
def double_line(rng: random.Random, lines: list[bytes], _: list[bytes]) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


@_on_lines
def swap_lines(rng: random.Random, lines: list[bytes], _: list[bytes]) -> None:
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]


@_on_lines
def shuffle_lines(rng: random.Random, lines: list[bytes], _: list[bytes]) -> None:
    rng.shuffle(lines)


@_on_lines
def foreign_line(rng: random.Random, lines: list[bytes], other: list[bytes]) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(other))


@_on_lines
def joined_lines(rng: random.Random, lines: list[bytes], _: list[bytes]) -> None:
    i = rng.randrange(len(lines))
    lines[i : i + 2] = [b"".join(lines[i : i + 2])]


# ----------------------------------------------------------------------------------- JSON values


def documents(content: bytes) -> tuple[list[Any], bool] | None:
    """Return the JSON values of a file, one for each line or one in all; None where it has none."""
    try:
        plain = gzip.decompress(content) if content.startswith(GZIP) else content
        text = plain.decode("utf-8-sig")
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    try:
        return [json.loads(text)], False
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()], True
    except (ValueError, RecursionError):
        return None


def leaves(value: Any, place: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield each value that holds no other with its place; so does an empty list or object."""
    if isinstance(value, dict | list) and value:
        for key, own in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(own, (*place, key))
    else:
        yield place, value


def _inner(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each key or index with what holds it."""
    if isinstance(value, dict | list):
        for key, own in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _inner(own)


def _on_values(change: Callable[[random.Random, list[tuple[Any, Any]]], None]) -> Mutation:
    def mutation(rng: random.Random, content: bytes, _: bytes) -> bytes:
        found = documents(content)
        if found is None:
            return content
        values, by_line = found
        change(rng, list(_inner(values)))
        return _written(values, by_line, content.startswith(GZIP))

    mutation.__name__ = change.__name__
    return mutation


def _written(values: list[Any], by_line: bool, is_packed: bool) -> bytes:
    # A list of lines may hold the place of a line itself.
    texts = [json.dumps(one, indent=None if by_line else 2) for one in values]
    text = "".join(f"{one}\n" for one in texts)
    text = text.replace('"<1e999>"', "1e999").replace('"<deep>"', DEEP_TEXT)
    text = text.replace("<twice>", "")
    content = text.encode()
    return gzip.compress(content, mtime=0) if is_packed else content


def _key(rng: random.Random, inner: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return one place among the keys of objects, rare names as likely as frequent ones."""
    keys = sorted({key for holder, key in inner if isinstance(holder, dict)})
    name = rng.choice(keys) if keys else None
    return rng.choice([(h, k) for h, k in inner if k == name] or inner)


@_on_values
def other_value(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = rng.choice(inner)
    holder[key] = rng.choice(VALUES)


@_on_values
def other_value_of_key(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = _key(rng, inner)
    holder[key] = rng.choice(VALUES)


@_on_values
def key_removed(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = _key(rng, inner)
    del holder[key]


@_on_values
def key_renamed(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = _key(rng, inner)
    if isinstance(holder, dict):
        name = str(key)
        renamed = [name.upper(), name[:-1], f" {name}", f"{name}s", "text", "id", "", "response"]
        value, new = holder.pop(key), rng.choice(renamed)
        # In the place of what is called so already it would be another record, and a valid one.
        if new not in holder:
            holder[new] = value


@_on_values
def key_doubled(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = _key(rng, inner)
    if isinstance(holder, dict):
        # Written as the same key, since the mark falls away; the second one counts to Python.
        holder[f"{key}<twice>"] = rng.choice([*VALUES, holder[key]])


@_on_values
def item_dropped(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = rng.choice([(h, k) for h, k in inner if isinstance(h, list)])
    del holder[key]


@_on_values
def item_doubled(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    holder, key = rng.choice([(h, k) for h, k in inner if isinstance(h, list)])
    holder.append(holder[key])


@_on_values
def other_id(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    places = [(h, k) for h, k in inner if k in ID_KEYS]
    chosen = rng.choice([places, places[:1], places[-1:]])
    value = rng.choice(IDS)
    for holder, key in chosen:
        holder[key] = value


@_on_values
def number_ids(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    kind = rng.choice([int, float, str])
    for n, (holder, key) in enumerate((h, k) for h, k in inner if k in ID_KEYS):
        holder[key] = kind(n)


@_on_values
def out_of_range(rng: random.Random, inner: list[tuple[Any, Any]]) -> None:
    places = [(h, k) for h, k in inner if type(h[k]) in (int, float)]
    if places:
        holder, key = _key(rng, places)
        holder[key] = rng.choice([-1, 2, 1.5, 1e9, -1e-3, 1e308, 10**400, "<1e999>", float("nan")])


# ---------------------------------------------------------------------------------------- places


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def as_dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


def missing(path: Path) -> None:
    path.unlink()


def half_written(path: Path) -> None:
    content = path.read_bytes()
    path.with_name(f".{path.name}.0a1b2c3d.partial").write_bytes(content[: len(content) // 2])


def unreadable(path: Path) -> None:
    if os.getuid() != 0:
        path.chmod(0)


PLACES = [as_folder, as_loop, as_dangling, missing, half_written, unreadable]
BYTES: list[Mutation] = [
    cut, cut, flip_bit, flip_bit, other_byte, insert_nul, empty, blank, encoded, crlf, with_bom,
    packed, swapped_file, appended, delete_line, double_line, swap_lines, shuffle_lines,
    foreign_line, foreign_line, joined_lines, other_value, other_value, other_value_of_key,
    other_value_of_key, other_value_of_key, key_removed, key_removed, key_renamed, key_renamed,
    key_doubled, key_doubled, item_dropped, item_doubled, other_id, number_ids, out_of_range,
]  # fmt: skip
