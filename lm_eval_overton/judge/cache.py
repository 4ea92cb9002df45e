"""Replies of judges, kept in a file by the hash of the whole request."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lm_eval_overton.errors import DataError

__all__ = ["ReplyCache", "request_hash"]

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
