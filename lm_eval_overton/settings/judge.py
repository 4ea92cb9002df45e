"""Which judge is asked, and how: the setting `judge`, checked before anything is generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.settings.credentials import is_secret, redact
from lm_eval_overton.settings.yaml_text import yaml_value

__all__ = ["JudgeSpec", "named_address", "read_spec"]

Mode = Literal["text", "loglikelihood"]


@dataclass(frozen=True)
class JudgeSpec:
    """A judge: a model of the harness, or labels that exist already.

    Attributes:
        model: Name of a harness model; empty for labels.
        model_args: Its arguments.
        mode: Whether it writes a verdict, or its log-likelihood of each label is taken.
        judgements: What it is asked; None: all that the task has a use for.
        max_tokens: Room for a reply.
        structured: Whether a server is asked for JSON by schema; one that refuses is asked again
            without.
        bar: The least helpfulness, 1..5, of a sample that passes the quality control.
        labels: Files of labels by judgement.
        name: Who gave the labels.
    """

    model: str = ""
    model_args: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "text"
    judgements: tuple[str, ...] | None = None
    max_tokens: int = 1024
    structured: bool = True
    bar: int = 4
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str = "labels"


KEYS = tuple(entry.name for entry in fields(JudgeSpec))


def read_spec(given: Any, task: str) -> JudgeSpec:
    """Return the judge, checked but for the names of judgements, which are known further up.

    Args:
        given: The setting's value: a mapping, or the path of a YAML or JSON file of one.
        task: For messages.

    Raises:
        SettingsError: If a key is unknown or a value cannot be used; also if it holds what looks
            like a credential, which would be written to the results.
    """
    if isinstance(given, JudgeSpec):
        return given
    value = _from_file(given, task) if isinstance(given, str) else given
    if isinstance(given, str):
        task = f"{task}: {given}"
    if not isinstance(value, Mapping):
        raise SettingsError(
            f"{task}: expected judge to be an object such as "
            '{"model": "local-chat-completions", "model_args": {...}} or a YAML file of one, got '
            f"{_shown(value)}"
        )
    _check_keys(value, task)
    checked = {key: _CHECKS[key](item, key, task) for key, item in value.items()}
    if bool(checked.get("model")) == bool(checked.get("labels")):
        raise SettingsError(
            f"{task}: expected judge to name either a model or labels, got "
            f"{'both' if checked.get('model') else 'neither'}"
        )
    return JudgeSpec(**checked)


def named_address(spec: JudgeSpec) -> str | None:
    """Return the address of another machine that a judge's arguments name; None without one.

    The harness sends the key of the user's environment to whatever address is named. Its own
    addresses of hosted models are not named, and a server of this machine keeps the key here.

    Args:
        spec: The judge.
    """
    # Some clients take a backslash for a slash, so that another host stands before it.
    address = str(spec.model_args.get("base_url") or "").replace("\\", "/")
    return None if not address or _is_loopback(address) else str(redact(address))


def _is_loopback(address: str) -> bool:
    try:
        host = urlsplit(address).hostname
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _from_file(path: str, task: str) -> Any:
    try:
        return yaml_value(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{task}: expected judge to be an object or a readable YAML file, got {_shown(path)} "
            f"({reason})"
        ) from error


def _shown(value: Any) -> str:
    """Return a value as messages repeat it: a key may have been put into the wrong place."""
    return repr(redact(value))


def _check_keys(value: Mapping[str, Any], task: str) -> None:
    for key in value:
        if key not in KEYS:
            raise SettingsError(
                f"{task}: expected keys of judge among {', '.join(KEYS)}, got {key!r}"
            )


def _text(value: Any, key: str, task: str) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{task}: expected judge.{key} to be a string, got {_shown(value)}")
    return value


def _arguments(value: Any, key: str, task: str) -> Mapping[str, Any]:
    if isinstance(value, str):
        # As for `lm_eval --model_args`.
        pairs = [pair.partition("=") for pair in value.split(",") if pair]
        value = {name.strip(): _scalar(text) for name, _, text in pairs}
    if not isinstance(value, Mapping):
        raise SettingsError(f"{task}: expected judge.{key} to be an object, got {_shown(value)}")
    for name, item in value.items():
        if is_secret(str(name), item):
            raise SettingsError(
                f"{task}: expected judge.{key} without credentials, got {name!r}; results files "
                "hold these arguments, so give the key in the environment (OPENAI_API_KEY)"
            )
    return dict(value)


def _scalar(text: str) -> Any:
    try:
        value = yaml_value(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _mode(value: Any, key: str, task: str) -> Mode:
    if value not in ("text", "loglikelihood"):
        raise SettingsError(
            f"{task}: expected judge.{key} text or loglikelihood, got {_shown(value)}"
        )
    return cast("Mode", value)


def _judgements(value: Any, key: str, task: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise SettingsError(
            f"{task}: expected judge.{key} to list names of judgements, got {_shown(value)}"
        )
    return tuple(names)


def _integer(least: int, most: int) -> Any:
    def check(value: Any, key: str, task: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise SettingsError(
                f"{task}: expected judge.{key} to be an integer in {least}..{most}, got "
                f"{_shown(value)}"
            )
        return value

    return check


def _flag(value: Any, key: str, task: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{task}: expected judge.{key} true or false, got {_shown(value)}")
    return value


def _labels(value: Any, key: str, task: str) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise SettingsError(
            f"{task}: expected judge.{key} to map names of judgements to files, got {_shown(value)}"
        )
    return {str(name): _text(path, f"{key}.{name}", task) for name, path in value.items()}


_CHECKS: dict[str, Any] = {
    "model": _text,
    "model_args": _arguments,
    "mode": _mode,
    "judgements": _judgements,
    "max_tokens": _integer(1, 100_000),
    "structured": _flag,
    "bar": _integer(1, 5),
    "labels": _labels,
    "name": _text,
}
