"""What terminals and logs are shown: no credentials, and nothing that moves a terminal."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import IO, Any, cast

from lm_eval_overton.settings.credentials import without_keys

__all__ = ["clean_logs", "clean_output", "in_a_line", "printable"]

# Whoever logs what may hold a credential: the harness's clients log the headers of each request
# that failed, and asyncio those of a request that nobody waited for.
SPEAK_OF_REQUESTS = (
    "asyncio",
    "lm_eval.models.anthropic_llms",
    "lm_eval.models.api_models",
    "lm_eval.models.openai_completions",
    "lm_eval.overton",
)
# Control characters, but for tab and line feed, and those that turn the direction of writing.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text with its control characters as escapes, which are valid in JSON too."""
    return _CONTROL.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def in_a_line(text: object) -> str:
    """Return what is said of an error, in one line, without credentials."""
    return printable(" ".join(filter(None, map(str.strip, without_keys(str(text)).split("\n")))))


def clean_output() -> AbstractContextManager[Any]:
    """Print nothing that moves a terminal: names and texts come from other people's files."""
    # A program without a console has no such stream.
    return redirect_stdout(cast("IO[str]", _Printable(sys.stdout))) if sys.stdout else nullcontext()


class _Printable:
    """A text stream that is written to without control characters."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; see the stream's own method."""
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def clean_logs() -> None:
    """Let no credential and no control character pass into a log, and with it into what W&B
    uploads."""
    for name in SPEAK_OF_REQUESTS:
        # A filter is added once, however often it is given.
        logging.getLogger(name).addFilter(_clean)


def _clean(record: logging.LogRecord) -> bool:
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        # Arguments that do not fit: the handlers say so.
        return True
    record.msg, record.args = printable(without_keys(message)), ()
    if record.exc_info and not record.exc_text:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_text = printable(without_keys(trace))
    return True
