"""Figures as SVG that many of can stand in one page, and as files.

matplotlib is imported on first use. Equal figures give equal bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.reporting.html import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["INK", "fix_layout", "inline", "new_figure", "rendered", "require_matplotlib"]

# Stands for the page's text colour, so that a figure can be read on dark paper as well.
INK = "#15181d"
FONT_SIZE = 9.0
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FONT = re.compile(r"(?:(?P<weight>bold|\d{3}) )?(?P<size>[\d.]+)px .*", re.DOTALL)
_SETTINGS = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "font.size": FONT_SIZE,
    "hatch.linewidth": 0.7,
    "legend.fontsize": FONT_SIZE - 0.5,
    "legend.frameon": False,
    "svg.hashsalt": "lm-eval-overton",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.color": INK,
    "ytick.labelsize": FONT_SIZE - 1,
}


def require_matplotlib() -> None:
    """Raise a SettingsError if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            "report: expected the package matplotlib for figures, found none; "
            "run `pip install matplotlib`"
        ) from error


@contextmanager
def _style(fonts: str) -> Iterator[None]:
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context({**_SETTINGS, "svg.fonttype": fonts}):
        # A run's name may hold letters that the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """Give a figure to draw on.

    Args:
        width: In inches; 4.8 is read well on a phone and in a column of a paper.
        height: In inches.
    """
    from matplotlib.figure import Figure

    with _style("none"):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        fix_layout(figure)


def fix_layout(figure: Figure) -> None:
    """Place the parts of a figure for good: later they would be placed by other settings."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def rendered(figure: Figure, kind: str) -> bytes:
    """Return a figure as a file for a paper.

    Args:
        figure: What `new_figure` gave.
        kind: `png`, on white paper at 200 dots per inch, or `svg`, with its text as outlines.
    """
    out = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with _style("path"):
        figure.savefig(out, format=kind, dpi=200, facecolor="white", metadata=metadata)
    return out.getvalue()


def inline(figure: Figure, key: str, label: str, titles: Mapping[str, str] | None = None) -> Markup:
    """Return a figure as an SVG element for a page.

    It has no style of its own: a page's security policy forbids style attributes, and a style
    element would apply to the whole page.

    Args:
        figure: What `new_figure` gave.
        key: Begins every id within it; differs from that of the page's other figures.
        label: What the figure shows, for those who cannot see it.
        titles: What its parts say where they are pointed at, by their ids.
    """
    out = io.BytesIO()
    with _style("none"):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(out.getvalue().decode("utf-8"))
    _entitle(root, titles or {})
    _clean(root, key)
    _describe(root, key, label)
    return Markup(_serialised(root))


def _entitle(root: ET.Element, titles: Mapping[str, str]) -> None:
    for element in list(root.iter()):
        if words := titles.get(element.get("id", "")):
            title = ET.Element(f"{{{_SVG}}}title")
            title.text = words
            element.insert(0, title)


def _clean(root: ET.Element, key: str) -> None:
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        _style_to_attributes(element)
        _prefix_references(element, key)


def _style_to_attributes(element: ET.Element) -> None:
    for rule in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in rule.partition(":"))
        if name == "font":
            _set_font(element, value)
        elif name and value:
            element.set(name, value.replace(INK, "currentColor"))


def _set_font(element: ET.Element, value: str) -> None:
    found = _FONT.fullmatch(value)
    if found is None:
        return
    element.set("font-size", found["size"])
    if found["weight"]:
        element.set("font-weight", found["weight"])


def _prefix_references(element: ET.Element, key: str) -> None:
    link = element.attrib.pop(_LINK, None)
    if link is not None:
        element.set("href", f"#{key}-{link.removeprefix('#')}")
    for name, value in element.attrib.items():
        if name == "id":
            element.set(name, f"{key}-{value}")
        elif "url(#" in value:
            element.set(name, _REFERENCE.sub(rf"url(#{key}-\1)", value))


def _describe(root: ET.Element, key: str, label: str) -> None:
    box = root.attrib["viewBox"].split()
    root.attrib.clear()
    title = ET.Element(f"{{{_SVG}}}title", id=f"{key}-title")
    title.text = label
    root.insert(0, title)
    root.attrib |= {
        "viewBox": " ".join(box),
        "role": "img",
        "aria-labelledby": f"{key}-title",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
        "class": "figure",
    }


def _serialised(root: ET.Element) -> str:
    for element in root.iter():
        # HTML knows these elements without a namespace.
        element.tag = str(element.tag).removeprefix(f"{{{_SVG}}}")
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)
