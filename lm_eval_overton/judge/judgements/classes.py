"""Which of several responses serve the same function, asked of all of them at once."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from pydantic import model_validator

from lm_eval_overton.judge.listing import ListJudgement
from lm_eval_overton.judge.prompts import ONE_OBJECT, Judgement, Reply

__all__ = ["JUDGEMENT", "ClassesReply", "classes"]

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


class ClassesReply(Reply):
    """Groups of the numbers 1..`count`; see `value` for those that are left out or repeated."""

    count: ClassVar[int] = 0
    groups: list[list[int]]

    @model_validator(mode="after")
    def _names_what_was_shown(self) -> ClassesReply:
        numbers = {number for group in self.groups for number in group}
        if not numbers or not numbers <= set(range(1, self.count + 1)):
            raise ValueError(
                f"classes: expected groups of the numbers 1..{self.count}, got {sorted(numbers)}; "
                "ask again or count the verdict as unreadable"
            )
        return self

    def value(self) -> list[int]:
        """Return the group of each response, numbered from 0 by first appearance.

        A number in several groups belongs to the first of them; one in none is a group by itself.
        """
        group_of: dict[int, int] = {}
        for i, group in enumerate(self.groups):
            for number in group:
                group_of.setdefault(number, i)
        # Negative, so that it is no group's number.
        own = [group_of.get(number, -number) for number in range(1, self.count + 1)]
        order = {group: i for i, group in enumerate(dict.fromkeys(own))}
        return [order[group] for group in own]

    @classmethod
    def from_label(cls, label: Any) -> Reply:
        """Return the reply that gives the groups of a list of one group per response."""
        if not isinstance(label, list) or not label:
            raise TypeError(label)
        groups = [[i for i, own in enumerate(label, 1) if own == one] for one in set(label)]
        return classes(len(label)).schema.model_validate({"groups": groups})


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
        schema=type("ClassesReply", (ClassesReply,), {"count": count, "__module__": __name__}),
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
