"""A judgement of several texts at once, which are shown as a numbered list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval_overton.judge.prompts import Judgement

if TYPE_CHECKING:
    from lm_eval_overton.judge.replies import Reply

__all__ = ["ListJudgement"]


@dataclass(frozen=True)
class ListJudgement(Judgement):
    """A judgement one of whose inputs is a list of texts.

    Attributes:
        listed: The name of this input, a plural in "s".
        count: How many texts it must hold.
    """

    listed: str = ""
    count: int = 0

    @property
    def schema(self) -> type[Reply]:
        """What a reply about so many texts must hold."""
        return self._replies().REPLY.of(self.count)  # type: ignore[no-any-return]

    def _text(self, name: str, texts: Mapping[str, str | Sequence[str]]) -> str:
        return self._numbered(texts[name]) if name == self.listed else super()._text(name, texts)

    def _numbered(self, listed: str | Sequence[str]) -> str:
        """Return the texts as one JSON line each, so that no text can pose as two."""
        if isinstance(listed, str) or len(listed) != self.count:
            came = "one text" if isinstance(listed, str) else f"{len(listed)} texts"
            raise ValueError(
                f"{self.name}: expected a list of {self.count} {self.listed}, got {came}; "
                f"make the judgement with {self.name}(len(list))"
            )
        one = self.listed.removesuffix("s")
        lines = ({one: i, "text": text} for i, text in enumerate(listed, start=1))
        return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
