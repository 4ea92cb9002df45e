"""Names of metrics that say what they mean, where they are pointed at or reached by key."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import Metric
from lm_eval_overton.reporting.html import Markup, breakable, join, prose, tag

__all__ = ["GLOSSARY", "glossary", "in_text", "term"]

GLOSSARY = "definitions"
_NAME = re.compile(r"\w+")
_LINK = re.compile(r'aria-describedby="def-(\w+)"')
_DIRECTION = {True: "higher is better", False: "lower is better", None: "no direction is better"}


def term(metric: str) -> Markup:
    """Return the name of a metric as a link to its definition, which describes it.

    A script shows the definition beside the name; without one the link leads to it. What the
    registry does not know is its bare name.
    """
    if metric not in REGISTRY:
        return breakable(metric)
    key = _key(metric)
    return tag("a", breakable(metric), href=f"#{key}", class_="term", aria_describedby=key)


def in_text(text: str) -> list[str]:
    """Return the metrics that a text names, in its order, each once."""
    return [name for name in dict.fromkeys(_NAME.findall(text)) if name in REGISTRY]


def glossary(texts: Iterable[Markup]) -> Markup:
    """Return what metrics mean, between which values they lie, and which direction is better.

    Args:
        texts: What names them.
    """
    wanted = {name for text in texts for name in _LINK.findall(text)}
    entries = [_entry(own) for name, own in REGISTRY.items() if name in wanted]
    return tag("dl", *entries, class_="glossary")


def _key(metric: str) -> str:
    return f"def-{metric}"


def _entry(metric: Metric) -> Markup:
    about = join([
        prose(metric.says), " ",
        tag("span", f"Range: {metric.range}; {_DIRECTION[metric.higher_is_better]}.",
            class_="detail"),
    ])  # fmt: skip
    name = tag("dt", breakable(metric.name))
    return tag("div", name, tag("dd", about), id=_key(metric.name))
