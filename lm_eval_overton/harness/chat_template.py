"""Say in one line that a model has no chat template, where the harness fails on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lm_eval_overton.errors import SettingsError

__all__ = ["chat_template_errors"]


@contextmanager
def chat_template_errors(task: str) -> Iterator[None]:
    """Turn the harness's error for a missing chat template into our own.

    Raises:
        SettingsError: If a chat template was asked for and the model has none.
    """
    try:
        yield
    except ValueError as error:
        if "chat_template" not in str(error) and "chat template" not in str(error):
            raise
        raise SettingsError(
            f"{task}: expected a model with a chat template for --apply_chat_template, got a "
            "tokenizer without one; leave the option out, or set tokenizer.chat_template"
        ) from error
