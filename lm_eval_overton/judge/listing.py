"""A judgement of several texts at once, which are shown as a numbered list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_overton.judge.prompts import Judgement

__all__ = ["ListJudgement"]


@dataclass(frozen=True)
class ListJudgement(Judgement):
    """A judgement one of whose inputs is a list of texts.

    Attributes:
        listed: The name of this input, a plural in "s". How many texts it must hold is the
            `count` of the schema.
    """

    listed: str = ""

    def _text(self, name: str, texts: Mapping[str, str | Sequence[str]]) -> str:
        return self._numbered(texts[name]) if name == self.listed else super()._text(name, texts)

    def _numbered(self, listed: str | Sequence[str]) -> str:
        """Return the texts as one JSON line each, so that no text can pose as two."""
        expected = getattr(self.schema, "count", 0)
        if isinstance(listed, str) or len(listed) != expected:
            came = "one text" if isinstance(listed, str) else f"{len(listed)} texts"
            raise ValueError(
                f"{self.name}: expected a list of {expected} {self.listed}, got {came}; "
                f"make the judgement with {self.name}(len(list))"
            )
        one = self.listed.removesuffix("s")
        lines = ({one: i, "text": text} for i, text in enumerate(listed, start=1))
        return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
