"""What notebooks show of an object: a small table in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["html_table"]


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a title above it.

    Args:
        title: What stands above; texts are shown as they are, whatever markup they hold.
        head: What stands above the columns.
        rows: The cells, as many in each row as in the head.
    """
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    return f"<p><b>{escape(title)}</b></p><table>{''.join(lines)}</table>"


def _row(kind: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{kind}>{escape(str(cell))}</{kind}>' for cell in cells)}</tr>"
