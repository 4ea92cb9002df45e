"""The settings a user gives with `--metadata`, checked in one place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

from lm_eval_overton.encoders import DEFAULT_ENCODER
from lm_eval_overton.errors import SettingsError

__all__ = [
    "ApiSeeds",
    "MatcherName",
    "Settings",
    "is_api_model",
    "model_identity",
    "read_settings",
    "refuse_unknown",
]

ApiSeeds = Literal["auto", "on", "off"]
MatcherName = Literal["embedding", "nli"]

_TEXTS = ("prompts", "encoder", "encoder_device", "viewpoints", "nli_model", "reference_run")

# What changes how fast a model answers, or where it runs, but not what it is.
_NOT_IDENTITY = frozenset(
    {
        "batch_size",
        "config_source",
        "device",
        "device_map",
        "gpu_memory_utilization",
        "max_batch_size",
        "max_retries",
        "num_concurrent",
        "parallelize",
        "tensor_parallel_size",
        "data_parallel_size",
        "timeout",
        "verify_certificate",
        "version",
    }
)


@dataclass(frozen=True)
class Settings:
    """What a run of an overton task was asked to do; field names are the metadata keys."""

    n_samples: int = 5
    prompts: str | None = None
    encoder: str = DEFAULT_ENCODER
    encoder_device: str | None = None
    api_seeds: ApiSeeds = "auto"
    seed: int = 1234
    viewpoints: str | None = None
    matcher: MatcherName = "embedding"
    nli_model: str | None = None
    threshold: float | None = None
    reference_run: str | None = None
    reference_stop: tuple[str, ...] | None = None


KEYS = tuple(field.name for field in fields(Settings))


def read_settings(metadata: Mapping[str, Any], task: str, *, min_samples: int = 2) -> Settings:
    """Return the settings in a task's metadata.

    Args:
        metadata: The harness's merged metadata: the task's own, the model's arguments, the user's.
        task: The task's name, for messages.
        min_samples: The fewest samples per prompt that the task can work with.

    Returns:
        The checked settings.

    Raises:
        SettingsError: If a value has the wrong type or range.
    """
    given = {key: metadata[key] for key in KEYS if metadata.get(key) is not None}
    if "n_samples" in given:
        given["n_samples"] = _integer(given["n_samples"], "n_samples", min_samples, task)
    if "seed" in given:
        given["seed"] = _integer(given["seed"], "seed", 0, task)
    if "api_seeds" in given:
        given["api_seeds"] = _api_seeds(given["api_seeds"], task)
    for key in _TEXTS:
        if key in given and not (isinstance(given[key], str) and given[key]):
            raise SettingsError(
                f"{task}: expected {key} to be a non-empty string, got {given[key]!r}"
            )
    if "threshold" in given:
        given["threshold"] = _number(given["threshold"], "threshold", task)
    if "reference_stop" in given:
        given["reference_stop"] = _stops(given["reference_stop"], task)
    _check_matcher(given, task)
    return Settings(**given)


def _number(value: Any, key: str, task: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{task}: expected {key} to be a number, got {value!r}")
    return float(value)


def _stops(value: Any, task: str) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list | tuple) or not all(isinstance(stop, str) for stop in stops):
        raise SettingsError(
            f"{task}: expected reference_stop to be a string or a list of strings, got {value!r}"
        )
    return tuple(stops)


def _check_matcher(given: Mapping[str, Any], task: str) -> None:
    matcher = given.get("matcher", "embedding")
    if matcher not in ("embedding", "nli"):
        raise SettingsError(f"{task}: expected matcher embedding or nli, got {matcher!r}")
    if matcher == "nli" and "nli_model" not in given:
        raise SettingsError(
            f"{task}: expected an nli_model for the matcher nli, got none; pass "
            '`--metadata \'{"matcher": "nli", "nli_model": "..."}\'`'
        )


def refuse_unknown(metadata: Mapping[str, Any], task: str) -> None:
    """Refuse keys that no task knows; possible only where `metadata` is the user's alone.

    Raises:
        SettingsError: With the nearest known key.
    """
    for key in metadata:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
            raise SettingsError(f"{task}: expected a known metadata key, got {key!r}; {hint}")


def _integer(value: Any, key: str, least: int, task: str) -> int:
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


def _api_seeds(value: Any, task: str) -> ApiSeeds:
    # A bare on/off becomes a boolean on its way through YAML.
    value = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
    if value not in ("auto", "on", "off"):
        raise SettingsError(f"{task}: expected api_seeds auto, on or off, got {value!r}")
    return cast("ApiSeeds", value)


def is_api_model(metadata: Mapping[str, Any]) -> bool:
    """Tell whether the evaluated model answers over HTTP.

    A server has a `base_url`; a hosted API has a `model` and, unlike local backends, no
    `pretrained`.
    """
    return "base_url" in metadata or ("model" in metadata and "pretrained" not in metadata)


def model_identity(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a task's metadata that say which model answers.

    Args:
        metadata: The harness's merged metadata.

    Returns:
        The model's arguments without our own settings and without those of speed and place.
    """
    return {
        key: value
        for key, value in sorted(metadata.items())
        if key not in KEYS and key not in _NOT_IDENTITY
    }
