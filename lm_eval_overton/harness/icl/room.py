"""Whether a prompt leaves room for an answer in the evaluated model's context."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.settings.task import Settings

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


def room(settings: Settings, max_new_tokens: int) -> Callable[[str], bool] | None:
    """Return what tells whether a prompt fits, None where the context's length is not known.

    A local model's own tokenizer counts; elsewhere tokens are estimated, and only if the user
    says how long the context is.

    Args:
        settings: The user's limit in tokens, and the model's arguments.
        max_new_tokens: What the answer may need.
    """
    local = settings.model.checkpoint
    count, own_limit = _local_counter(local, settings.model) if local else (_estimate, None)
    limit = settings.max_context or own_limit
    if limit is None:
        return None
    return lambda prompt: count(prompt) + max_new_tokens <= limit


def _estimate(prompt: str) -> int:
    return len(prompt) // CHARACTERS_PER_TOKEN + 1


def _local_counter(
    checkpoint: str, model: ModelArguments
) -> tuple[Callable[[str], int], int | None]:
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model.tokenizer, **model.loading)
        config = AutoConfig.from_pretrained(checkpoint, **model.loading)
    except (OSError, ValueError) as error:
        logger.warning(
            "The context length of %s is not known (%s)", checkpoint, type(error).__name__
        )
        return _estimate, None
    lengths = [getattr(config, name, None) for name in LENGTH_NAMES]
    own = next((length for length in lengths if isinstance(length, int)), None)
    limit = model.context_limit or own
    return lambda prompt: len(tokenizer(prompt, verbose=False)["input_ids"]), limit
