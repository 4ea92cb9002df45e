"""OvertonScores as Markdown, rounded to three digits, undefined empty."""

from __future__ import annotations

from lm_eval_overton.metrics.overtonbench import REPRESENTED, BenchScores, Scored
from lm_eval_overton.reporting.tables.cells import estimate, table, text

__all__ = ["as_markdown"]

HEAD = ("model", "OvertonScore [95 % interval]", "weighted by participants", "questions")


def as_markdown(found: BenchScores) -> str:
    """Return a row per model, the floor and the ceiling below them, and what the columns are."""
    rows = [_row(text(own.name), own) for own in found.models]
    rows += [_row("*floor: one viewpoint*", found.floor)]
    rows += [_row("*ceiling: all models together*", found.ceiling)]
    below = (
        "The share of a question's clusters of opinions whose mean rating of the answer is "
        f"{REPRESENTED} or more, mean over questions; weighted, a cluster counts as much as it has "
        "participants (and the floor is the greatest cluster)."
    )
    return "\n\n".join([table(HEAD, rows, left=[0]), below, *_left_out(found)])


def _row(name: str, own: Scored) -> list[str]:
    return [name, estimate(own.score), estimate(own.weighted), str(own.score.n)]


def _left_out(found: BenchScores) -> list[str]:
    """Return a line on questions that do not count everywhere, if there are any."""
    if found.ceiling.score.n == found.n_questions:
        return []
    return [
        f"Of {found.n_questions} questions, those count for a model where participants of every "
        f"cluster rated its answer, and {found.ceiling.score.n} for the ceiling, where they rated "
        "all models' answers. Models with different questions cannot be compared."
    ]
