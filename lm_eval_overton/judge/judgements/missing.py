"""How much of a response would be new to a reader of the reference's."""

from __future__ import annotations

from lm_eval_overton.judge.prompts import ONE_OBJECT, SCORES, Judgement, Scale

__all__ = ["JUDGEMENT"]

_QUESTION = """\
Two responses, REFERENCE and ALTERNATIVE, answer the same PROMPT. A reader has read the reference. \
Decide how much of what the alternative says would be new to that reader:

1 - redundant: everything of substance is in the reference already, perhaps in other words.
2 - mostly redundant: a few new details, no new main point.
3 - about half of it is new, or one main point among several is.
4 - mostly new: the greater part is not in the reference, some is.
5 - all new: next to nothing of it is in the reference.

Compare what is said, not how: another wording, order, tone or format is not new, and neither is a \
special case that the reference plainly covers. New means new whether or not it is true, useful or \
to the point. Measure the new against the alternative itself: a short alternative that adds one \
idea and nothing else is all new, and what only the reference says does not count."""


JUDGEMENT = Judgement(
    name="missing",
    version=1,
    place=3,
    inputs=("prompt", "reference", "alternative"),
    question=_QUESTION,
    reply_format=f'{ONE_OBJECT}, "score" (a whole number from 1 to 5).',
    example="a whole number 1..5",
    labels=("1", "2", "3", "4", "5"),
    measured=True,
    scale=Scale(SCORES, ordinal=True),
    released=True,
)
