"""How many responses a file holds, and with which number of them it is scored."""

from __future__ import annotations

import logging

from lm_eval_overton.runs.responses import Recorded, Responses

__all__ = ["fitting_n", "say_what_there_is"]

logger = logging.getLogger("lm_eval.overton")


def say_what_there_is(found: Responses, recorded: Recorded) -> None:
    """Say what the scores of recorded responses leave out.

    Args:
        found: The responses.
        recorded: The same, matched to prompts.
    """
    asked = recorded.asked or recorded.prompts
    if recorded.left_out:
        logger.warning(
            "%s: %d prompts are none of %s and are left out; the %d others are scored",
            found.path,
            recorded.left_out,
            asked.name,
            len(recorded.prompts.docs),
        )
    if _counts(recorded) == {1}:
        logger.warning(
            "%s: 1 response to each prompt: what one response shows is computed; diversity needs "
            "at least two and is undefined",
            found.path,
        )


def fitting_n(found: Responses, recorded: Recorded, default: int) -> dict[str, int]:
    """Return the number of samples that a file asks for, where the user gave none.

    It is what the file says, or what each prompt has if that is less than the default. With more,
    the default stays, so that the scores of two files can be compared: what grows with the number
    is the mean over all draws of so many.

    Args:
        found: The responses.
        recorded: The same, matched to prompts.
        default: The task's own number.

    Returns:
        The setting `n_samples`; nothing where the default holds.
    """
    if found.n_samples:
        return {"n_samples": found.n_samples}
    counts = _counts(recorded)
    n = min(counts)
    if len(counts) > 1 or n == default:
        return {}
    if n > default:
        logger.warning(
            "%s: %d responses to each prompt; what grows with their number is computed for %d of "
            "them, as the mean over draws, and can be compared with other runs of %d; for all: "
            "--metadata '{\"n_samples\": %d}'",
            found.path,
            n,
            default,
            default,
            n,
        )
        return {}
    logger.warning("%s: n_samples is %d, not %d: so many has each prompt", found.path, n, default)
    return {"n_samples": n}


def _counts(recorded: Recorded) -> set[int]:
    return {len(recorded.responses[doc["id"]]) for doc in recorded.prompts.docs}
