"""What a server is sent: what the user asked for, as the harness's model puts it, and no more."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["LENGTH_NAMES", "Asked", "body", "has_own_temperature", "is_client", "takes_seed"]

# The families that take no temperature but their own, and no stop sequence. The harness takes every
# name with a 5 in it for one of them, such as gpt-3.5-turbo or gpt-4o-2024-05-13.
_OWN_TEMPERATURE = re.compile(
    r"(?<![a-z0-9])(?:o[1-9](?![a-z0-9])|gpt-?5(?!\d)(?![\w.-]*chat))", re.IGNORECASE
)
# The names that servers have for the limit of an answer's length.
LENGTH_NAMES = ("max_tokens", "max_completion_tokens", "max_new_tokens")
_STOP_NAMES = ("stop", "stop_sequences")
# OpenAI takes so many stop sequences; what others stop at is cut afterwards.
_MOST_STOPS = 4
# The base of the harness's clients.
_CLIENT = ("lm_eval.models.api_models", "TemplateAPI")
# What a setting is where it changes nothing.
_SAYS_NOTHING = {"top_p": 1}


@dataclass(frozen=True)
class Asked:
    """What one request asks for.

    Attributes:
        settings: The generation settings by the harness's names.
        stops: Where an answer ends.
        seed: The server's seed; None: it is sent none.
        length_name: What the user called the limit of the length; None: as the model calls it.
        drop: Keys that are not sent.
        n: How many answers.
    """

    settings: Mapping[str, Any]
    stops: Sequence[str] = ()
    seed: int | None = None
    length_name: str | None = None
    drop: Sequence[str] = field(default_factory=tuple)
    n: int = 1


def is_client(model: Any) -> bool:
    """Tell whether a model of the harness is one whose requests and replies are known here."""
    # By name: to load its module takes as long as all of ours, and no model is of one never loaded.
    found = [own for own in type(model).__mro__ if (own.__module__, own.__name__) == _CLIENT]
    # What sends in a way of its own, with a library of its provider say, is left to it.
    return bool(found) and all(
        getattr(type(model), name) is getattr(found[0], name)
        for name in ("generate_until", "model_call", "amodel_call", "get_batched_requests")
    )


def has_own_temperature(model: Any) -> bool:
    """Tell whether a model takes no temperature but 1, as its class and its name say."""
    names = {cls.__name__ for cls in type(model).__mro__}
    return "OpenAIChatCompletion" in names and bool(_OWN_TEMPERATURE.search(str(model.model)))


def takes_seed(model: Any) -> bool:
    """Tell whether a model's requests can hold a seed."""
    conversation = [{"role": "user", "content": ""}]
    return "seed" in model._create_payload(
        conversation, generate=True, gen_kwargs={}, seed=1, eos=None
    )


def body(lm: Any, context: Any, asked: Asked) -> dict[str, Any]:
    """Return the body of a request.

    Args:
        lm: A model that `is_client` knows.
        context: The prompt, as the harness hands it to its models.
        asked: What is asked for.
    """
    told = {key: value for key, value in asked.settings.items() if not _says_nothing(key, value)}
    sent: dict[str, Any] = lm._create_payload(
        _messages(lm, context, asked),
        generate=True,
        gen_kwargs=copy.deepcopy({**told, "until": list(asked.stops)}),
        seed=asked.seed,
        eos=None,
    )
    place = sent.get("sampling_params", sent)
    place["temperature"] = told.get("temperature")
    _put_stops(place, [] if has_own_temperature(lm) else asked.stops)
    _rename_length(place, asked.length_name)
    if asked.n > 1:
        place["n"] = asked.n
    for holder in (sent, place):
        for key in [key for key in holder if key in asked.drop or holder[key] is None]:
            del holder[key]
    return sent


def _says_nothing(key: str, value: Any) -> bool:
    return value is None or (key in _SAYS_NOTHING and value == _SAYS_NOTHING[key])


def _messages(lm: Any, context: Any, asked: Asked) -> Any:
    """Return a prompt as a request holds it: a conversation, a text, or its tokens."""
    conversation = getattr(context, "prompt", None)
    if conversation is not None:
        return json.loads(conversation)
    if not lm.tokenized_requests:
        return context
    tokens = lm.tok_encode(context, add_special_tokens=lm.add_bos_token)
    room = lm.max_length - int(asked.settings.get("max_gen_toks", 0))
    return [tokens[-room:] if room > 0 else tokens]


def _put_stops(place: dict[str, Any], stops: Sequence[str]) -> None:
    names = [name for name in _STOP_NAMES if name in place] or _STOP_NAMES[:1]
    for name in names:
        place.pop(name, None)
        if stops:
            place[name] = list(stops)[:_MOST_STOPS]


def _rename_length(place: dict[str, Any], name: str | None) -> None:
    if name not in LENGTH_NAMES:
        return
    limits = [place.pop(key) for key in LENGTH_NAMES if key in place]
    if limits:
        place[name] = limits[0]
