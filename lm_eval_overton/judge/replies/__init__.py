"""What a judge may answer: each file of this folder declares it for the judgement of its name.

`REPLY` is what a reply must hold, `RELEASED` what one released with arXiv:2406.17692 holds, where
any was. They stand apart from what is asked, since they are read with pydantic, which a run without
a judge need not wait for.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

__all__ = ["Json", "ListReply", "Name", "Reply", "Score", "ScoreOrNone", "as_label"]

_NOT_APPLICABLE = frozenset({"n/a", "na", "not applicable", "null", "none"})
_WHOLE_SCORE = re.compile(r"[1-5](?:\.0)?", re.ASCII)


def _as_score(value: object) -> object:
    """Return a score as an integer, None for "N/A"; anything else as it came, to be rejected."""
    if isinstance(value, bool):
        # True equals 1 in Python, but no judge means 1 by it.
        raise ValueError("expected a score 1..5, got a truth value; ask the judge for a number")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        word = value.strip()
        if word.casefold() in _NOT_APPLICABLE:
            return None
        return int(word[0]) if _WHOLE_SCORE.fullmatch(word) else value
    return value


def as_label(value: object) -> object:
    """Return a label without white space around it and in lower case; anything else as it came."""
    return value.strip().casefold() if isinstance(value, str) else value


def _as_text(value: object) -> str:
    """Return a text that UTF-8 can hold, and nothing for what is not text.

    A reason never decides a verdict, so a wrong one must not cost it; a topic needs its name.
    """
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8")


Reason = Annotated[str, BeforeValidator(_as_text)]
Score = Annotated[Literal[1, 2, 3, 4, 5], BeforeValidator(_as_score)]
ScoreOrNone = Annotated[Literal[1, 2, 3, 4, 5] | None, BeforeValidator(_as_score)]
Name = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]


def _require_all(schema: dict[str, Any]) -> None:
    """Make a JSON Schema as strict as servers with structured output demand."""
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    # The schema is part of the hashed request: a docstring must not change it.
    schema.pop("description", None)
    for described in schema["properties"].values():
        described.pop("default", None)
        described.pop("title", None)


class Json(BaseModel):
    """A JSON object within a reply."""

    model_config = ConfigDict(json_schema_extra=_require_all)


class Reply(Json):
    """A judge's reply; keys that the schema does not name are ignored."""

    reason: Reason = ""

    @classmethod
    def read(cls, content: Any) -> Any:
        """Return the verdict that a decoded reply holds; None if it does not meet the schema."""
        try:
            return cls.model_validate(content).value()
        except ValidationError:
            return None

    def value(self) -> Any:
        """Return the verdict as plain data that `json` can write."""
        raise NotImplementedError

    @classmethod
    def from_label(cls, label: Any) -> Reply:
        """Return the reply that says a label: its one value, or an object of its keys.

        Raises:
            TypeError: If no reply says it; so does pydantic's ValidationError.
        """
        keys = [key for key in cls.model_fields if key != "reason"]
        return cls.model_validate({keys[0]: label} if len(keys) == 1 else label)


class ListReply(Reply):
    """A reply about a list of texts, of which it says something for each."""

    count: ClassVar[int] = 0

    @classmethod
    @cache
    def of(cls, count: int) -> type[Reply]:
        """Return the reply about a list of `count` texts."""
        return type(cls.__name__, (cls,), {"count": count, "__module__": cls.__module__})
