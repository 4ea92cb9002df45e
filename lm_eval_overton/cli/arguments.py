"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["PROMPTS", "STOPS", "add_command", "add_forms", "add_metadata", "json_or_path", "stops"]

PROMPTS = "file of the prompts that were answered (default: what the responses say)"
STOPS = "(default: where the file says that answers end)"
FORMS = {
    "json": "unrounded, as JSON",
    "markdown": "rounded tables to paste",
    "csv": "unrounded, as one table",
}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help that says of every option what holds without it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        said = action.help or ""
        is_own = isinstance(action, argparse._HelpAction | argparse._VersionAction)
        if is_own or not action.option_strings or "default:" in said:
            return said
        return f"{said} ({_without(action)})".lstrip()


def _without(action: argparse.Action) -> str:
    """Return what holds without an option."""
    if action.required:
        return "required"
    if action.nargs == 0:
        return "default: off"
    return "default: %(default)s" if action.default else "default: none"


def add_command(
    commands: Any, name: str, run: Any, about: str, example: str
) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        commands: What commands are added to.
        name: Its name.
        run: What gets its arguments.
        about: One line on it.
        example: A command line that its help shows.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"example:\n  {example}",
        formatter_class=_Formatter,
    )
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


def add_forms(parser: argparse.ArgumentParser, forms: Mapping[str, str] = FORMS) -> None:
    """Add options for forms of output, of which one may be given.

    Args:
        parser: A command.
        forms: What each is, by its name.
    """
    form = parser.add_mutually_exclusive_group()
    for name, about in forms.items():
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=about)


def _json_object(text: str) -> dict[str, Any]:
    # What reads data takes longer to import than help is to take.
    from lm_eval_overton.data.json_text import json_value

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
