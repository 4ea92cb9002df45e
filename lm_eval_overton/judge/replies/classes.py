"""The groups of responses that a judge sorts listed responses into."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from lm_eval_overton.judge.replies import ListReply, Reply

__all__ = ["REPLY"]


class ClassesReply(ListReply):
    """Groups of the numbers 1..`count`; see `value` for those that are left out or repeated."""

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
        return cls.of(len(label)).model_validate({"groups": groups})


REPLY = ClassesReply
