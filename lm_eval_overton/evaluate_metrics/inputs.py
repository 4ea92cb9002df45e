"""Check what a user passes to the `evaluate` metrics: one list of texts per prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lm_eval_overton.errors import DataError, SettingsError

__all__ = ["Texts", "check_n", "checked_prompts", "checked_samples", "checked_viewpoints"]

Texts = list[list[str | None]]


def check_n(n: object, name: str, needed: bool) -> None:
    """Check the number of samples that is given for the metric `name`.

    Raises:
        SettingsError: If it is missing although needed, or no number of samples.
    """
    if n is None and not needed:
        return
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise SettingsError(
            f"{name}: expected the number of samples per prompt, got n={n!r}; pass n=5 to "
            "compute if each prompt has 5"
        )


def checked_samples(predictions: Any, name: str) -> Texts:
    """Return the predictions for the metric `name` as lists of samples, None for a failed request.

    Raises:
        DataError: If they are not lists of texts.
    """
    place = f"{name}: predictions"
    wanted = "text, or None for a failed request"
    return [
        _texts(own, f"{place}[{i}]", wanted, (str, type(None)))
        for i, own in enumerate(_items(predictions, place, "one list of samples per prompt"))
    ]


def checked_viewpoints(references: Any, n_prompts: int, name: str) -> Texts:
    """Return the references for the metric `name` as lists of viewpoints.

    Raises:
        DataError: If they are not lists of texts, not one for each prompt, or one is empty.
    """
    place = f"{name}: references"
    wanted = "one list of viewpoints per prompt"
    found = [
        _texts(own, f"{place}[{i}]", "text", (str,))
        for i, own in enumerate(_items(references, place, wanted))
    ]
    if len(found) != n_prompts:
        raise DataError(f"{place}: expected {wanted}, got {len(found)} for {n_prompts}; add them")
    if [] in found:
        raise DataError(f"{place}[{found.index([])}]: expected a viewpoint, got none; add one")
    return found


def checked_prompts(prompts: Any, n_prompts: int, name: str) -> list[str]:
    """Return what was asked for the metric `name`, one text per prompt; empty ones for None.

    Raises:
        DataError: If it is not one text for each prompt.
    """
    if prompts is None:
        return [""] * n_prompts
    place, wanted = f"{name}: prompts", "one text per prompt"
    found = [text or "" for text in _texts(prompts, place, "text", (str,))]
    if len(found) != n_prompts:
        raise DataError(f"{place}: expected {wanted}, got {len(found)} for {n_prompts}; add them")
    return found


def _items(given: Any, place: str, wanted: str) -> list[Any]:
    # Of a text and of a mapping the items would be letters and keys.
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise DataError(
            f"{place}: expected {wanted}, got {type(given).__name__}; give a list, [] for none"
        )
    return list(given)


def _texts(own: Any, place: str, wanted: str, types: tuple[type, ...]) -> list[str | None]:
    texts: list[str | None] = _items(own, place, "a list of texts")
    for i, text in enumerate(texts):
        if not isinstance(text, types):
            raise DataError(
                f"{place}[{i}]: expected {wanted}, got {type(text).__name__}; convert it"
            )
        try:
            (text or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{place}[{i}]: expected text that UTF-8 can hold, got half of a surrogate pair "
                f"at position {error.start}; replace it"
            ) from error
    return texts
