"""Checks of single settings: a value of the right kind, or one line that says what was expected."""

from __future__ import annotations

import re
from typing import Any, Literal, cast

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text.languages import known_languages

__all__ = ["ApiSeeds", "api_seeds", "integer", "language", "number", "reward_steps", "texts"]

ApiSeeds = Literal["auto", "on", "none"]
# A scale of ten has nine steps.
_N_STEPS = 9


def number(value: Any, key: str, task: str) -> float:
    """Return a value as a number.

    Raises:
        SettingsError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{task}: expected {key} to be a number, got {value!r}")
    return float(value)


def reward_steps(value: Any, task: str) -> tuple[float, ...]:
    """Return the steps between the ratings of a scale of ten.

    Raises:
        SettingsError: If it is none.
    """
    listed = value if isinstance(value, list | tuple) else []
    steps = tuple(number(step, "each of reward_thresholds", task) for step in listed)
    if len(steps) != _N_STEPS or list(steps) != sorted(set(steps)):
        raise SettingsError(
            f"{task}: expected reward_thresholds to be {_N_STEPS} rising numbers, between which "
            f"the ratings 1 to {_N_STEPS + 1} lie, got {value!r}"
        )
    return steps


def language(value: str, task: str) -> str:
    """Return the code of a known language.

    Raises:
        SettingsError: If it is none.
    """
    # What follows the language is a script or a country: `zh-Hans`, `pt_BR`.
    code = re.split("[-_]", value.strip().lower())[0]
    if code not in known_languages():
        raise SettingsError(
            f"{task}: expected language one of {', '.join(known_languages())}, got {value!r}"
        )
    return code


def texts(value: Any, key: str, task: str) -> tuple[str, ...]:
    """Return texts that are given as one or as a list.

    Raises:
        SettingsError: If it is none.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise SettingsError(
            f"{task}: expected {key} to be a string or a list of strings, got {value!r}"
        )
    return tuple(texts)


def integer(value: Any, key: str, least: int, task: str) -> int:
    """Return an integer of at least `least`.

    Raises:
        SettingsError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(
            f"{task}: expected {key} to be an integer of at least {least}, got {value!r}"
        )
    if value < least:
        what = "responses per prompt" if key == "n_samples" else "for " + key
        example = f"--metadata '{{\"{key}\": {max(5, least)}}}'"
        raise SettingsError(
            f"{task}: expected at least {least} {what}, got {value}; pass `{example}`"
        )
    return value


def api_seeds(value: Any, task: str) -> ApiSeeds:
    """Return how seeds are sent to a server.

    Raises:
        SettingsError: If it is none.
    """
    # A bare on/off becomes a boolean on its way through YAML.
    value = {True: "on", False: "none"}.get(value, value) if isinstance(value, bool) else value
    value = "none" if value == "off" else value
    if value not in ("auto", "on", "none"):
        raise SettingsError(f"{task}: expected api_seeds auto, on or none, got {value!r}")
    return cast("ApiSeeds", value)
