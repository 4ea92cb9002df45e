"""What to do about a server that answers none of our requests, in one line."""

from __future__ import annotations

import json
import re
from typing import Any

from lm_eval_overton.client.bodies import LENGTH_NAMES
from lm_eval_overton.client.http import Calls
from lm_eval_overton.client.outcome import Refusal

__all__ = ["unanswered"]

_OF_SIZE = re.compile(r"at most|too large|less than|maximum|exceed", re.IGNORECASE)


def unanswered(server: Calls[Any], model: Any, task: str) -> str:
    """Return what to say of a server that answered nothing.

    Args:
        server: What was sent, and what became of it.
        model: The evaluated model.
        task: The task's name.
    """
    if server.refusal:
        refusal = server.refusal
        return (
            f"{task}: expected settings that {model.model} takes, got {refusal.key}="
            f"{json.dumps(refusal.value)}, which the server refuses: {refusal.words}; "
            f"{_remedy(refusal)}"
        )
    fault = server.given_up or ", ".join(text for text, _ in server.faults.most_common(1))
    return (
        f"{task}: expected answers of the model's server, got none: {fault}; see base_url and "
        "model in --model_args, and whether the server runs and knows the key"
    )


def _remedy(refusal: Refusal) -> str:
    key, value = refusal.key, refusal.value
    if key == "temperature":
        return "pass `--gen_kwargs temperature=1`, or what else it takes"
    if key in LENGTH_NAMES:
        if _OF_SIZE.search(refusal.words):
            return f"pass a smaller `--gen_kwargs max_gen_toks=...` than {value}"
        other = "max_completion_tokens" if key == "max_tokens" else "max_tokens"
        return f"pass `--gen_kwargs {other}={value}`"
    if key == "seed":
        return 'pass `--metadata \'{"api_seeds": "none"}\'`'
    cut = "; answers are cut there all the same" if key in ("stop", "stop_sequences") else ""
    return f"pass `--metadata '{json.dumps({'api_drop': [key]})}'` to leave it out{cut}"
