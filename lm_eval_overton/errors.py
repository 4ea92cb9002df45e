"""The exceptions a user can cause; each message says what was expected, what came, what to do."""

from collections.abc import Sequence

__all__ = [
    "DataError",
    "EncoderError",
    "LinkError",
    "NoAnswersError",
    "OvertonError",
    "ScoringError",
    "ServerError",
    "SettingsError",
    "either",
]


class OvertonError(Exception):
    """Base of all errors of this package; its text is one line for the user."""


class SettingsError(OvertonError):
    """A setting (`--metadata`, `--gen_kwargs`, a command-line option) cannot be used."""


class DataError(OvertonError):
    """A prompts, responses, references or results file cannot be used."""


class NoAnswersError(DataError):
    """A file or folder can be read, but answers other prompts than those that are asked."""


class EncoderError(OvertonError):
    """A sentence encoder cannot be found or loaded."""


class LinkError(OvertonError):
    """The task stubs cannot be written into, or removed from, the installed harness."""


class ServerError(OvertonError):
    """The evaluated model's server answered nothing at all."""


class ScoringError(OvertonError):
    """Scoring failed after the generations had been written."""


def either(names: Sequence[str]) -> str:
    """Return names as messages list what may be chosen: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
