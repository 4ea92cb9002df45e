"""Whether a prompt leaves room for an answer in the evaluated model's context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from lm_eval_overton.settings.task import is_api_model

__all__ = ["room"]

logger = logging.getLogger("lm_eval.overton")

LENGTH_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_sequence_length",
    "seq_length",
)
# English text has about four characters per token; fewer make the estimate a careful one.
CHARACTERS_PER_TOKEN = 3


def room(
    metadata: Mapping[str, Any], max_context: int | None, max_new_tokens: int
) -> Callable[[str], bool] | None:
    """Return what tells whether a prompt fits, None where the context's length is not known.

    A local model's own tokenizer counts; elsewhere tokens are estimated, and only if the user
    says how long the context is.

    Args:
        metadata: The harness's merged metadata.
        max_context: The user's limit in tokens.
        max_new_tokens: What the answer may need.
    """
    local = metadata.get("pretrained") if not is_api_model(metadata) else None
    count, own_limit = _local_counter(str(local), metadata) if local else (_estimate, None)
    limit = max_context or own_limit
    if limit is None:
        return None
    return lambda prompt: count(prompt) + max_new_tokens <= limit


def _estimate(prompt: str) -> int:
    return len(prompt) // CHARACTERS_PER_TOKEN + 1


def _local_counter(
    model: str, metadata: Mapping[str, Any]
) -> tuple[Callable[[str], int], int | None]:
    from transformers import AutoConfig, AutoTokenizer

    options = {key: metadata[key] for key in ("revision", "trust_remote_code") if key in metadata}
    try:
        tokenizer = AutoTokenizer.from_pretrained(metadata.get("tokenizer") or model, **options)
        config = AutoConfig.from_pretrained(model, **options)
    except (OSError, ValueError) as error:
        logger.warning("The context length of %s is not known (%s)", model, type(error).__name__)
        return _estimate, None
    named = metadata.get("max_length") or metadata.get("max_model_len")
    lengths = [getattr(config, name, None) for name in LENGTH_NAMES]
    own = next((length for length in lengths if isinstance(length, int)), None)
    return lambda prompt: len(tokenizer(prompt, verbose=False)["input_ids"]), named or own
