"""How likely a model finds texts that exist already: how predictable they are, not how good.

A loop of one word is more predictable than any sentence. What is summed is the logarithm of the
probability that the model goes on with the text after the prompt, wherever it would end: the token
that ends a text is no part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = [
    "Likelihood",
    "bits_per_byte",
    "mean",
    "nats",
    "nats_per_token",
    "spread",
    "windowed_share",
]


@dataclass(frozen=True)
class Likelihood:
    """How likely a text is under a model.

    Attributes:
        log: The natural logarithm of its probability.
        n_bytes: Its length in UTF-8, at least 1.
        n_tokens: Its length in the model's tokens; None where the model shows none.
        is_held: Whether the model's context holds it and the whole prompt at once.
    """

    log: float
    n_bytes: int
    n_tokens: int | None
    is_held: bool = True


def nats(own: Likelihood) -> float:
    """Return minus the logarithm of a text's probability, 0 or more; NaN where it has none."""
    return -own.log if math.isfinite(own.log) else math.nan


def nats_per_token(own: Likelihood) -> float:
    """Return the nats of a text for each of its tokens; NaN where they are not known."""
    return nats(own) / own.n_tokens if own.n_tokens else math.nan


def bits_per_byte(own: Likelihood) -> float:
    """Return the bits of a text for each of its bytes: the one measure across tokenizers."""
    return nats(own) / math.log(2) / own.n_bytes


def mean(texts: Sequence[Likelihood], value: Callable[[Likelihood], float]) -> float:
    """Return the mean of a value over the answers to a prompt; NaN for none, or if one is NaN.

    Args:
        texts: The answers; one that was given twice counts twice.
        value: Of an answer.
    """
    return math.fsum(map(value, texts)) / len(texts) if texts else math.nan


def spread(texts: Sequence[Likelihood], value: Callable[[Likelihood], float]) -> float:
    """Return the standard deviation (n - 1) of a value between the answers to a prompt.

    Args:
        texts: The answers.
        value: Of an answer.

    Returns:
        0 or more; NaN for fewer than two answers, or if a value is NaN.
    """
    if len(texts) < 2:
        return math.nan
    middle = mean(texts, value)
    squares = math.fsum((value(own) - middle) ** 2 for own in texts)
    return math.sqrt(squares / (len(texts) - 1))


def windowed_share(texts: Sequence[Likelihood]) -> float:
    """Return the share of the answers that no context holds with their prompt; NaN for none."""
    return sum(not own.is_held for own in texts) / len(texts) if texts else math.nan
