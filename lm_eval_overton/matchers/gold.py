"""The packaged gold responses: what readers say that each of them expresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.judge.tables import kappa_of
from lm_eval_overton.matchers.question import ViewpointQuestion

__all__ = [
    "EXPRESSED",
    "LABELS",
    "MANNERS",
    "GoldResponse",
    "annotators_kappa",
    "gold_responses",
    "voiced",
]

EXPRESSED = "E"
# What each label of a viewpoint says.
LABELS = {
    EXPRESSED: "expressed with its reason",
    "P": "position only",
    "R": "mentioned to be rejected",
    "A": "absent",
}
# In which manners the real answers were written.
MANNERS = ("short", "long", "one_sided", "hedging", "list", "rambling")


@dataclass(frozen=True)
class GoldResponse:
    """A response to a packaged question, with a label for each of its viewpoints.

    Attributes:
        id: Its name.
        kind: `real` (written by somebody who saw nothing but the question), `planted` (written to
            express given views) or `probe` (what should cover nothing, or nothing more).
        type: The manner of a real one, else what it is.
        split: `calibrate` or `report`.
        question_id: The question's name.
        prompt: The question.
        response: The text.
        viewpoints: The question's viewpoints.
        sides: Their sides.
        labels: One of `LABELS` for each, as settled.
        annotators: The same by each of two annotators; none for a probe.
        of: The response that a probe adds sentences to; empty for others.
    """

    id: str
    kind: str
    type: str
    split: str
    question_id: str
    prompt: str
    response: str
    viewpoints: tuple[str, ...]
    sides: tuple[str, ...]
    labels: str
    annotators: tuple[str, ...] = ()
    of: str = ""

    @property
    def covered(self) -> list[bool]:
        """Whether it expresses each viewpoint with its reason."""
        return [label == EXPRESSED for label in self.labels]

    @property
    def question(self) -> ViewpointQuestion:
        """What a matcher is asked."""
        return ViewpointQuestion([self.response], self.viewpoints, self.prompt)


def gold_responses() -> list[GoldResponse]:
    """Return all gold responses in the order of the file."""
    docs = {doc["id"]: doc for doc in load_viewpoints("contested").docs}
    rows = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
    return [_response(row, docs[row["question_id"]]) for row in rows]


def _response(row: dict[str, Any], doc: dict[str, Any]) -> GoldResponse:
    return GoldResponse(
        prompt=doc["prompt"],
        viewpoints=tuple(view["text"] for view in doc["viewpoints"]),
        sides=tuple(view["side"] for view in doc["viewpoints"]),
        annotators=tuple(row.get("annotators", ())),
        of=row.get("of", ""),
        **{key: row[key] for key in
           ("id", "kind", "type", "split", "question_id", "response", "labels")},
    )  # fmt: skip


def annotators_kappa(
    responses: Iterable[GoldResponse], labels: Iterable[str] = tuple(LABELS)
) -> stats.Interval:
    """Return Cohen's kappa of the two annotators, with an interval over questions.

    Args:
        responses: Those that both have labelled.
        labels: The labels that are told apart; all others are one more.
    """
    names = [*labels, *({""} if set(labels) != set(LABELS) else ())]
    tables: dict[str, stats.Array] = {}
    for own in responses:
        table = tables.setdefault(own.question_id, np.zeros((len(names), len(names))))
        for first, second in zip(*own.annotators, strict=True):
            at = [names.index(label if label in labels else "") for label in (first, second)]
            table[at[0], at[1]] += 1
    flat = np.array([table.ravel() for table in tables.values()])
    return stats.statistic_interval(flat, kappa_of(False), np.random.default_rng(stats.SEED))


def voiced(responses: Iterable[GoldResponse]) -> Iterator[tuple[str, str, str, float]]:
    """Yield question, viewpoint and side, and in what share of the manners it is expressed."""
    groups: dict[str, list[GoldResponse]] = {}
    for own in responses:
        groups.setdefault(own.question_id, []).append(own)
    for question, group in groups.items():
        for i, (text, side) in enumerate(zip(group[0].viewpoints, group[0].sides, strict=True)):
            yield question, text, side, float(np.mean([own.covered[i] for own in group]))
