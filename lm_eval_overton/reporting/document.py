"""What all pages have around their parts: the head, the list of contents, a section for each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from lm_eval_overton.reporting.html import Markup, tag
from lm_eval_overton.version import __version__

__all__ = ["Part", "document", "packaged"]

# A part's key in addresses, its title and what is in it.
Part = tuple[str, str, Markup]


def document(
    title: str, style: str, policy: str, header: Markup, parts: Sequence[Part], *ending: Markup
) -> str:
    """Return a whole page.

    Args:
        title: Its title, as the browser shows it.
        style: Its style sheet.
        policy: What it may load: its Content-Security-Policy.
        header: What stands before the contents.
        parts: What it consists of, in order.
        *ending: What stands behind them.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"lm-eval-overton {__version__}"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        header,
        _contents(parts),
        tag("main", *(_section(*part) for part in parts), id="content", tabindex="-1"),
        *ending,
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _contents(parts: Sequence[Part]) -> Markup:
    links = [tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in parts]
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _section(key: str, title: str, content: Markup) -> Markup:
    heading = tag("h2", title, id=f"{key}-title")
    return tag("section", heading, content, id=key, aria_labelledby=f"{key}-title")


def packaged(name: str) -> str:
    """Return the text of a style sheet or script that comes with the package."""
    return (resources.files("lm_eval_overton.reporting") / name).read_text(encoding="utf-8")
