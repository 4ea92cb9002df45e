"""Which of several responses serve the same function, asked of all of them at once."""

from __future__ import annotations

from functools import cache

from lm_eval_overton.judge.listing import ListJudgement
from lm_eval_overton.judge.prompts import ONE_OBJECT, Judgement

__all__ = ["JUDGEMENT", "classes"]

_QUESTION = """\
Each line of RESPONSES is a JSON object that holds the number and the text of one response to the \
PROMPT. Sort them into groups of responses that are functionally the same: somebody who has read \
one of a group gains nothing of substance from the others.

Responses belong together if they give the same answer, advice, choice, idea or plot, in whatever \
words, order, tone or length. They belong apart if one gives the reader something else: another \
answer or conclusion, another main idea, or a point that would change what they know or do. \
Differences of style, format or small detail keep nothing apart. For creative requests, go by the \
idea and how it is worked out, not by the genre that the prompt fixed.

Put every number into exactly one group; a response that is like no other is a group by itself. \
Neither quality nor correctness matters, nor does the order of the list."""


@cache
def classes(count: int) -> Judgement:
    """Return the judgement of which of some listed responses are functionally the same.

    Args:
        count: Number of responses on the list, at least 1.

    Returns:
        A judgement whose verdict is a list of `count` group numbers.

    Raises:
        ValueError: If `count` is below 1.
    """
    if count < 1:
        raise ValueError(
            f"classes: expected at least 1 response, got {count}; leave out prompts without any"
        )
    return ListJudgement(
        name="classes",
        version=1,
        place=7,
        count=count,
        inputs=("prompt", "responses"),
        question=_QUESTION,
        reply_format=(
            f'{ONE_OBJECT}, "groups" (a list of lists of numbers; together they hold each number '
            f"from 1 to {count} once)."
        ),
        example="a list with the number of its group per response",
        on_request=True,
        listed="responses",
    )


# Stands for those of any length where judgements are listed.
JUDGEMENT = classes(1)
