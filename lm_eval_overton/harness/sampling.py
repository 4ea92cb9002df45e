"""How N independent, resumable and, where possible, reproducible samples are asked for.

Every backend of the harness treats equal requests as one (caches) or sends one seed with all of
them (servers). So sample i of a prompt is a request of its own: a stop sequence that no model
writes makes it unlike the others, and servers get a seed of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_overton.client.bodies import Asked
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings

__all__ = [
    "LENGTH_KEYS",
    "asked_for",
    "generation_settings",
    "given_length",
    "request_kwargs",
    "stated",
]

LENGTH_KEYS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")

# What asks for several answers at once, of which the harness takes the first or mixes up all.
_SEVERAL = ("n", "best_of", "num_return_sequences", "candidate_count")

# Local backends take a checkpoint's own generation_config unless these are given.
_NEUTRAL = {"top_k": 0, "repetition_penalty": 1.0}


def generation_settings(
    configured: Mapping[str, Any],
    defaults: Mapping[str, Any],
    model: ModelArguments,
    stops: Sequence[str],
) -> dict[str, Any]:
    """Return the generation settings of a run: the task's, overridden by the user's.

    Args:
        configured: The harness's generation_kwargs after `--gen_kwargs` was merged in.
        defaults: The task's own generation_kwargs.
        model: The evaluated model's arguments, which tell servers from local models.
        stops: Stop sequences of the prompt frame, used unless the user gave others.

    Returns:
        Settings without the seed and without a redundant `do_sample`.
    """
    neutral = {} if model.is_api else _NEUTRAL
    settings = {**neutral, **configured}
    settings["until"] = _as_list(settings.get("until")) or list(stops)
    name = given_length(configured, defaults)
    if name:
        # The harness would take max_gen_toks before any other name of the same limit.
        limit = settings[name]
        for key in LENGTH_KEYS:
            settings.pop(key, None)
        settings["max_gen_toks"] = limit
    if settings.get("do_sample") is False:
        settings["temperature"] = 0.0
    # With this key present the harness does not read its cache; the temperature says it all.
    settings.pop("do_sample", None)
    settings.pop("seed", None)
    return settings


def given_length(configured: Mapping[str, Any], defaults: Mapping[str, Any]) -> str | None:
    """Return what the user called the limit of an answer's length; None if there is none given.

    Args:
        configured: The harness's generation_kwargs after `--gen_kwargs` was merged in.
        defaults: The task's own generation_kwargs.
    """
    given = (key for key in LENGTH_KEYS if key in configured)
    return next((key for key in given if configured[key] != defaults.get(key)), None)


def stated(generation: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return what a signature says of generation settings: not what is not sent."""
    unsaid = ("until", *settings.api_drop)
    return {key: value for key, value in generation.items() if key not in unsaid}


def asked_for(row: Mapping[str, Any]) -> Asked:
    """Return what one of the `request_kwargs` asks for, without what only makes it unlike others.

    Args:
        row: The generation kwargs of a sample.
    """
    settings = {key: value for key, value in row.items() if key not in ("until", "seed")}
    return Asked(settings, row["until"][:-1], row.get("seed"))


def _as_list(until: Any) -> list[str]:
    if until is None:
        return []
    return [until] if isinstance(until, str) else list(until)


def request_kwargs(
    generation: Mapping[str, Any],
    configured: Mapping[str, Any],
    settings: Settings,
    task: str,
) -> list[dict[str, Any]]:
    """Return the harness's generation kwargs of each sample of a prompt.

    Args:
        generation: As `generation_settings` returns them.
        configured: The harness's generation_kwargs, where a user's `seed` would be.
        settings: Our own settings, the number of samples and the model's arguments among them.
        task: The task's name, for messages.

    Returns:
        `n_samples` dicts, no two equal; on servers with the seeds base, base + 1, ….

    Raises:
        SettingsError: For several samples at temperature 0, several answers to one request, or a
            seed that cannot be sent.
    """
    _refuse_several_answers(configured, task)
    n, api = settings.n_samples, settings.model.is_api
    temperature = generation.get("temperature", 0)
    is_told = "temperature" not in settings.api_drop
    if n > 1 and is_told and not (isinstance(temperature, int | float) and temperature > 0):
        raise SettingsError(
            f"{task}: expected a temperature above 0 for {n} samples per prompt, got "
            f"{temperature}; pass `--gen_kwargs temperature=0.5`"
        )
    if "seed" in configured and not api:
        raise SettingsError(
            f"{task}: expected no seed in --gen_kwargs for a local model, got "
            f"{configured['seed']}; pass `--seed {configured['seed']}`"
        )
    base = configured.get("seed", settings.seed)
    if isinstance(base, bool) or not isinstance(base, int):
        raise SettingsError(
            f"{task}: expected an integer seed in --gen_kwargs, got {base!r}; use "
            '`--metadata \'{"api_seeds": "none"}\'` to send none'
        )
    identity = settings.model.identity
    # What is left out changes the answers as another model would.
    model = short_hash([identity, settings.api_drop] if settings.api_drop else identity)
    rows = []
    for i in range(n):
        row = {**generation, "until": [*generation["until"], f"<{model}.{i}>"]}
        if api:
            # Without the key the harness would send the same seed with every request.
            row["seed"] = None if settings.api_seeds == "none" else base + i
        rows.append(row)
    return rows


def _refuse_several_answers(configured: Mapping[str, Any], task: str) -> None:
    for key in _SEVERAL:
        if configured.get(key, 1) not in (1, None):
            raise SettingsError(
                f"{task}: expected one answer per request, since samples are asked for one by "
                f"one, got {key}={configured[key]} in --gen_kwargs; leave it out and pass "
                "`--metadata '{\"n_samples\": 5}'`"
            )
