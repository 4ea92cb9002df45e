"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from lm_eval_overton.data.json_text import json_value

__all__ = ["add_command", "add_forms", "add_metadata", "json_or_path", "stops"]


def add_command(commands: Any, name: str, run: Any, about: str) -> argparse.ArgumentParser:
    """Add a command; `run` gets its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    return parser


def add_metadata(parser: argparse.ArgumentParser) -> None:
    """Add `--metadata`."""
    parser.add_argument(
        "--metadata",
        type=_json_object,
        default={},
        metavar="JSON",
        help="""settings as for lm_eval, e.g. '{"n_samples": 10}'""",
    )


def add_forms(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, `--markdown` and `--csv`, of which one may be given."""
    form = parser.add_mutually_exclusive_group()
    for name in ("json", "markdown", "csv"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json_value(text)
    except json.JSONDecodeError:
        value = None
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(
            f"expected a JSON object, got {text[:80]!r} ({error})"
        ) from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, got {text!r}")
    return value


def json_or_path(text: str) -> dict[str, Any] | str:
    """Return a JSON object, or a text that is taken for a path."""
    return _json_object(text) if text.lstrip().startswith("{") else text


def stops(given: Sequence[str] | None) -> list[str] | None:
    """Return the stop sequences; an empty one stands for none at all."""
    return None if given is None else [stop for stop in given if stop]
