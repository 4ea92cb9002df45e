"""A Hugging Face model of sequence classification that the user names: read, checked, loaded."""

from __future__ import annotations

from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text.device import own_device

__all__ = ["load_classifier", "read_config"]


def read_config(name: str, setting: str) -> Any:
    """Return a model's configuration, which tells a wrong model before anything is generated.

    Args:
        name: A folder or a hub name.
        setting: The setting that names it, for messages.

    Raises:
        SettingsError: If it cannot be read.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise _unusable(name, setting, error) from error


def load_classifier(name: str, setting: str, device: str | None) -> tuple[Any, Any]:
    """Return a model's tokenizer and the model, ready to use.

    Args:
        name: A folder or a hub name.
        setting: The setting that names it, for messages.
        device: None: the process's own GPU if there is one.

    Raises:
        SettingsError: If it cannot be loaded.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = AutoModelForSequenceClassification.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise _unusable(name, setting, error) from error
    return tokenizer, model.eval().to(device or own_device())


def _unusable(name: str, setting: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"{setting}: expected a sequence-classification model, got {name!r} "
        f"({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    )
