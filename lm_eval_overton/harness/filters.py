"""A harness filter that cleans responses as our metrics do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The harness fills a registry on first use only while it is empty: its own entries come first.
import lm_eval.filters  # noqa: F401
from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import Cleaning

__all__ = ["CleanFilter"]


@register_filter("overton_clean")
class CleanFilter(Filter):
    """Cut every response at the first of `stops` and strip it; all repeats are kept.

    Reasoning before an answer is cut off, unless `reasoning` is `keep`. With `summary_first` only
    the answer after the summary is kept of a response.
    """

    def __init__(
        self, stops: Sequence[str] = (), summary_first: bool = False, reasoning: str = "strip"
    ) -> None:
        self.cleaning = Cleaning(tuple(stops), summary_first, Reasoning(reasoning != "keep"))

    @classmethod
    def by(cls, rule: Cleaning) -> CleanFilter:
        """Return the filter that follows a rule."""
        made = cls()
        made.cleaning = rule
        return made

    def apply(self, resps: Any, docs: Any) -> list[list[str]]:
        """Return per document the cleaned responses; a failed one becomes an empty string."""
        return [[sample.text for sample in self.cleaning.samples(own)] for own in resps]
