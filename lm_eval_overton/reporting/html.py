"""Small pieces of HTML: escaped text, tables, numbers, data for scripts."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.stats.bootstrap import Interval
from lm_eval_overton.stats.shown import bounds, number, percent, signed

__all__ = [
    "Markup",
    "Wide",
    "bounds",
    "breakable",
    "estimate",
    "join",
    "number",
    "p_value",
    "percent",
    "prose",
    "script_json",
    "sha256_source",
    "signed",
    "table",
    "tag",
]

_IN_SCRIPT = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_VOID = frozenset({"br", "input", "link", "meta"})


@dataclass(frozen=True)
class Wide:
    """A cell with words that spans several columns."""

    content: object
    columns: int


class Markup(str):
    """HTML that is safe to put into a page as it is; any other text is escaped."""

    __slots__ = ()


def join(parts: Iterable[object], separator: str = "") -> Markup:
    """Return the parts one after the other; what is no Markup is escaped."""
    return Markup(separator.join(map(_escaped, parts)))


def _escaped(part: object) -> str:
    return part if isinstance(part, Markup) else html.escape(str(part))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: Its tag.
        children: What it holds; text is escaped unless it is Markup.
        attributes: `class_` and `for_` stand for the reserved words, `aria_label` for
            `aria-label`. True gives a bare attribute; None and False leave it out.
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    end = "" if name in _VOID else f"</{name}>"
    return Markup(f"<{name}{shown}>{join(children)}{end}")


def prose(text: str) -> Markup:
    """Return text in which what stands between backticks is code."""
    parts = enumerate(text.split("`"))
    return join(tag("code", part) if i % 2 else part for i, part in parts)


def breakable(name: str) -> Markup:
    """Return a name that may be broken after each underscore."""
    return join(name.split("_"), "_<wbr>")


def table(
    caption: str,
    head: Sequence[object],
    groups: Mapping[str, Sequence[Sequence[object]]],
    *,
    words: Iterable[int] = (),
) -> Markup:
    """Return a table that scrolls within itself where the page is narrow.

    Args:
        caption: Says what it shows.
        head: One title per column.
        groups: Rows under the title of their group; an empty title prints no line. The first cell
            of a row is its title.
        words: Positions of further columns that hold words, not numbers.
    """
    wordy = frozenset(words)
    titles = [
        tag("th", _title(cell), scope="col", class_="words" if i == 0 or i in wordy else None)
        for i, cell in enumerate(head)
    ]
    bodies = [
        tag("tbody", *_group_title(title, len(head)), *(_row(row, wordy) for row in rows))
        for title, rows in groups.items()
    ]
    content = tag("table", tag("caption", caption), tag("thead", tag("tr", *titles)), *bodies)
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _title(cell: object) -> Markup:
    return cell if isinstance(cell, Markup) else breakable(str(cell))


def _group_title(title: str, columns: int) -> list[Markup]:
    if not title:
        return []
    # The words stay in sight where the table scrolls.
    cell = tag("th", tag("span", title), colspan=columns, scope="rowgroup")
    return [tag("tr", cell, class_="group")]


def _row(cells: Sequence[object], wordy: frozenset[int]) -> Markup:
    first, *rest = cells
    shown = [_cell(cell, i in wordy) for i, cell in enumerate(rest, start=1)]
    return tag("tr", tag("th", _title(first), scope="row"), *shown)


def _cell(cell: object, is_words: bool) -> Markup:
    if isinstance(cell, Wide):
        return tag("td", cell.content, class_="words", colspan=cell.columns)
    return tag("td", cell, class_="words" if is_words else None)


def estimate(value: Interval, *, is_change: bool = False) -> Markup:
    """Return an estimate with its interval in small print; nothing where it is undefined.

    Args:
        value: The estimate.
        is_change: Whether it has a sign.
    """
    shown = (signed if is_change else number)(value.estimate)
    return join([shown, " ", tag("small", bounds(value))]) if shown else Markup("")


def p_value(value: float) -> str:
    """Return a p-value to read; empty for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def script_json(value: Any) -> str:
    """Return JSON that may stand in a script element: no `<`, `>`, `&` or line separator.

    Raises:
        ValueError: If a number in it is NaN or infinite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_IN_SCRIPT)


def sha256_source(text: str) -> str:
    """Return what names an inline script or style in a Content-Security-Policy."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
