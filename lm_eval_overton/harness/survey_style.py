"""The text around a survey question: our own, or the user's, which may be a published one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.data.survey import LABELS, SurveyQuestion
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.frames import ChatFrame, Frame
from lm_eval_overton.settings.signature import short_hash

__all__ = [
    "CHAT_LETTERS",
    "LETTERS",
    "OWN",
    "OWN_CHAT",
    "OWN_STATED",
    "OWN_VALUE",
    "OWN_VALUE_CHAT",
    "Style",
    "style_of",
]

_PLACES = re.compile(r"\{(question|options|group)\}")
_GROUP = "{group}"


class _Letters(Frame):
    """A way to ask in which the style says all that is sent."""

    def ask(self, prompt: str, *_: Any, **__: Any) -> str:
        """Return the text as it is."""
        return prompt


class _ChatLetters(ChatFrame):
    """The same as the turn of a user."""

    def ask(self, prompt: str, *_: Any, **__: Any) -> str:
        """Return the text as it is."""
        return prompt


LETTERS = _Letters("letters", ())
CHAT_LETTERS = _ChatLetters("chat-letters", ())


@dataclass(frozen=True)
class Style:
    """A text with places for a question, its options and a group.

    Attributes:
        template: The text, with `{question}`, `{options}` and perhaps `{group}`. The lines that
            name the group are left out where the model answers as itself.
        name: What signatures call it.
    """

    template: str
    name: str

    @property
    def plain(self) -> str:
        """The text in which no group is named."""
        lines = self.template.splitlines(keepends=True)
        return "".join(line for line in lines if _GROUP not in line)

    def text(self, question: SurveyQuestion, order: Sequence[int], group: str | None) -> str:
        """Return what is asked.

        Args:
            question: The question.
            order: The position of the option at each label.
            group: As whom the model is to answer; None as itself.
        """
        shown = zip(LABELS, order, strict=False)
        options = "\n".join(f"{label}. {question.options[place]}" for label, place in shown)
        values = {"question": question.text, "options": options, "group": group or ""}
        # In one go: what the texts hold is no place.
        template = self.plain if group is None else self.template
        return _PLACES.sub(lambda place: values[place[1]], template)


_OF_GROUP = "Answer as people of this group would: {group}\n"
_QUESTION = "{question}\n{options}\n"
_LETTER = "Reply with the letter of one option and nothing else."
_OF_VALUE = (
    "Situation: {question}\nJudge it by this value: {group}\n"
    "Is it to be supported or opposed?\n{options}\n"
)
# Raised with any change to what is sent.
_VERSION = 1
OWN = Style(f"{_OF_GROUP}Question: {_QUESTION}Answer:", f"own-{_VERSION}")
OWN_CHAT = Style(f"{_OF_GROUP}{_QUESTION}{_LETTER}", f"own-{_VERSION}")
# What asks for the share of each option instead of for one of them.
OWN_STATED = Style(
    f"{_OF_GROUP}{_QUESTION}How likely is each of these to be your answer? Reply with one JSON "
    "object and nothing else, which holds a percentage for each letter, together 100, such as "
    '{"A": 20, "B": 80}.',
    f"own-{_VERSION}",
)
# The same of a situation, in which a value takes the place of the group.
OWN_VALUE = Style(f"{_OF_VALUE}Answer:", f"own-{_VERSION}")
OWN_VALUE_CHAT = Style(f"{_OF_VALUE}{_LETTER}", f"own-{_VERSION}")


def style_of(template: str | None, steered: bool, task: str) -> Style | None:
    """Return the user's style; None where there is none, so that the frame decides.

    Args:
        template: The user's text.
        steered: Whether the model is asked to answer as a group.
        task: The task's name, for messages.

    Raises:
        SettingsError: If a place is missing from it.
    """
    if template is None:
        return None
    style = Style(template, short_hash(template))
    for place in ("{question}", "{options}"):
        if place not in style.plain:
            raise SettingsError(
                f"{task}: expected a style with {place} in a line without {_GROUP}, got "
                f"{template!r:.80}; such as --metadata "
                '\'{"style": "{question}\\n{options}\\nAnswer:"}\''
            )
    if steered and _GROUP not in template:
        raise SettingsError(
            f"{task}: expected a style with {_GROUP} where the model answers as a group, got "
            f"{template!r:.80}; add a line with {_GROUP}, or leave steer out"
        )
    return style
