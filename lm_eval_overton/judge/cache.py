"""Replies of judges, kept in a file by the hash of the whole request."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from lm_eval_overton.errors import DataError

__all__ = ["KeptReplies", "ReplyCache", "request_hash"]

logger = logging.getLogger("lm_eval.overton")


# The longest that another process may hold the file; a reply takes it a fraction of a millisecond.
BUSY_S = 10.0
# SQLite takes at most this many parameters in a statement of any of its builds.
KEYS_PER_QUERY = 500


def request_hash(request: Mapping[str, Any]) -> str:
    """Return the sha256 of a JSON-like request: equal requests have equal hashes."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class ReplyCache:
    """A file of replies that several processes may read and extend; use it as a context manager.

    Only replies that came are kept, whatever they say: a failed request is asked again. The
    request itself is not kept, only its hash.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or begin it.

        Raises:
            DataError: If it is there and is no file of replies, or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Within a notebook the replies come in another thread, while this one waits.
            # Each statement is its own transaction: one left open would lock the others out.
            self._file = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._file.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing; only the machine's own end can cost the last replies.
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS replies (request TEXT PRIMARY KEY, reply TEXT)"
            )
        except (sqlite3.Error, OSError) as error:
            raise DataError(
                f"{path}: expected a file of judge replies that can be written, got {error}; "
                "remove it, or choose another folder with OVERTON_CACHE_DIR"
            ) from error

    def __enter__(self) -> ReplyCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the replies that are there, by the hash of their request.

        Raises:
            sqlite3.Error: If the file cannot be read any more.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), KEYS_PER_QUERY):
            part = wanted[start : start + KEYS_PER_QUERY]
            marks = ",".join("?" * len(part))
            rows = self._file.execute(
                f"SELECT request, reply FROM replies WHERE request IN ({marks})", part
            )
            found.update(rows)
        return found

    def put(self, key: str, reply: str) -> None:
        """Keep a reply at once.

        Raises:
            sqlite3.Error: If the file cannot be written any more, or another process holds it.
        """
        # Half of a surrogate pair has no UTF-8.
        text = reply.encode("utf-8", "replace").decode("utf-8")
        self._file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, text))

    def remove(self, keys: Iterable[str]) -> None:
        """Drop replies, so that they are asked for again.

        Raises:
            sqlite3.Error: If the file cannot be written any more, or another process holds it.
        """
        rows = [(key,) for key in dict.fromkeys(keys)]
        self._file.executemany("DELETE FROM replies WHERE request = ?", rows)


class KeptReplies:
    """A file of replies that a judge does well without.

    Whatever goes wrong with it is said once and costs asking again some day, and no verdict.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: ReplyCache | None = None
        self._told = False

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the file open, if it can be opened."""
        try:
            file = ReplyCache(self.path)
        except DataError as error:
            self._lose(error)
            yield
            return
        with file:
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the replies that are there and can be read, by the hash of their request."""
        return self._use(lambda file: file.get(keys)) or {}

    def put(self, key: str, reply: str) -> None:
        """Keep a reply at once, if that can be done."""
        self._use(lambda file: file.put(key, reply))

    def remove(self, keys: Iterable[str]) -> None:
        """Drop replies, so that they are asked for again."""
        self._use(lambda file: file.remove(keys))

    def _use(self, do: Callable[[ReplyCache], Any]) -> Any:
        if self._file is None:
            return None
        try:
            return do(self._file)
        except sqlite3.Error as error:
            self._lose(f"{self.path}: {error}")
        return None

    def _lose(self, reason: object) -> None:
        self._file = None
        if not self._told:
            logger.warning("Judge: replies are not kept from here on (%s)", reason)
        self._told = True
