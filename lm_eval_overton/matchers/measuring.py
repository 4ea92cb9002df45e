"""What `overton matcher` prints: a matcher against the packaged gold responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_eval_overton import stats
from lm_eval_overton.errors import ScoringError
from lm_eval_overton.judge.verdicts import count_statuses
from lm_eval_overton.matchers.agreement import (
    MEASURES,
    Judged,
    best_threshold,
    rank_agreement,
)
from lm_eval_overton.matchers.gold import (
    EXPRESSED,
    LABELS,
    MANNERS,
    GoldResponse,
    annotators_kappa,
    gold_responses,
    voiced,
)
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.sides import balance

__all__ = ["item_table", "measure"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Scored:
    """A gold response and the matcher's scores of its viewpoints."""

    gold: GoldResponse
    scores: Floats

    def found(self, threshold: float) -> npt.NDArray[np.bool_]:
        return np.asarray(self.scores >= threshold)

    def judged(self, threshold: float) -> Judged:
        covered = np.array(self.gold.covered)
        return Judged(self.scores, self.found(threshold), covered, self.gold.type)


Rows = Sequence[_Scored]


def measure(matcher: Matcher, thresholds: Floats) -> Iterator[str]:
    """Yield the lines of `overton matcher`.

    The threshold with the best F1 is looked for on one half of the gold responses; how well the
    matcher agrees with readers at its own threshold is measured on the other, on real and on
    planted answers apart, with intervals over questions. Probes say what texts move coverage that
    should not. Responses that the matcher could not score are left out, and it is said how many.

    Args:
        matcher: What is measured.
        thresholds: Those that its scores can be told apart by, ascending.

    Raises:
        ScoringError: If no response of a half could be scored.
    """
    every = gold_responses()
    answers = [own for own in every if own.kind != "probe"]
    yield f"matcher: {matcher.signature}"
    yield (
        f"gold: {len(answers)} answers to {len({own.question_id for own in answers})} questions; "
        f"kappa of the two annotators {_shown(annotators_kappa(answers))}, of expressed or not "
        f"{_shown(annotators_kappa(answers, EXPRESSED))}"
    )
    # All at once: a judge is asked many questions at a time.
    scores = matcher.scores([own.question for own in every])
    rows = [_Scored(own, found[0]) for own, found in zip(every, scores, strict=True)]
    known = [row for row in rows if not np.isnan(row.scores).any()]
    if len(known) < len(rows):
        yield _left_out(matcher, every, len(rows) - len(known))
    calibrate, report = (_of(known, split=split) for split in ("calibrate", "report"))
    own = [_of(half, kind=("real", "planted")) for half in (calibrate, report)]
    if not all(own):
        raise ScoringError(
            "matcher: expected verdicts on both halves of the gold responses, got them on "
            f"{len(own[0])} and {len(own[1])} responses; see the log for why"
        )
    best = best_threshold(
        [score for row in own[0] for score in row.scores],
        [covered for row in own[0] for covered in row.gold.covered],
        thresholds,
    )
    yield f"best threshold on the calibration half ({_sizes(own[0])}): {best:.2f}"
    for kind in ("real", "planted"):
        if answers_of_kind := _of(report, kind=kind):
            yield f"{kind} answers of the reporting half ({_sizes(answers_of_kind)}):"
            yield from _agreement(answers_of_kind, matcher.threshold)
    yield from _probes(known, matcher.threshold)


def item_table() -> Iterator[str]:
    """Yield the lines of a table: in what share of the real answers each viewpoint is voiced."""
    real = [own for own in gold_responses() if own.kind == "real"]
    yield "| question | viewpoint | side | voiced |"
    yield "| --- | --- | --- | --- |"
    for question, text, side, share in voiced(real):
        yield f"| {question} | {text} | {side} | {share:.2f} |"


def _of(rows: Rows, **wanted: str | tuple[str, ...]) -> list[_Scored]:
    """Return the rows whose gold response has these values."""
    return [
        row
        for row in rows
        if all(
            getattr(row.gold, key) in ((own,) if isinstance(own, str) else own)
            for key, own in wanted.items()
        )
    ]


def _left_out(matcher: Matcher, every: Sequence[GoldResponse], missing: int) -> str:
    counts = count_statuses(matcher.verdicts([own.question for own in every]))
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"left out: {missing} of {len(every)} responses, without a rating of every viewpoint "
        f"(verdicts: {said})"
    )


def _sizes(rows: Rows) -> str:
    covered = sum(sum(row.gold.covered) for row in rows)
    return f"{len(rows)} responses, {covered} covered viewpoints"


def _shown(interval: stats.Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _agreement(rows: Rows, threshold: float) -> Iterator[str]:
    """Yield how well a threshold's decisions on answers of one kind agree with readers'."""
    questions: dict[str, list[Judged]] = {}
    for row in rows:
        questions.setdefault(row.gold.question_id, []).append(row.judged(threshold))
    whole = [own for own in questions.values() if {j.group for j in own} >= set(MANNERS)]
    for measured in MEASURES:
        yield f"  {measured.name}: {_shown(measured.over([*questions.values()]))}"
    if whole:
        ranks = rank_agreement(MANNERS).over(whole)
        yield f"  rank agreement over {len(MANNERS)} manners: {_shown(ranks)}"
    yield from _by_label(rows, threshold)
    yield from _by_type(rows, threshold)


def _by_label(rows: Rows, threshold: float) -> Iterator[str]:
    """Yield which share of the viewpoints with each label is counted as covered."""
    counted: dict[str, list[bool]] = {label: [] for label in LABELS}
    for row in rows:
        for label, found in zip(row.gold.labels, row.found(threshold), strict=True):
            counted[label].append(bool(found))
    shown = [f"{LABELS[key]} {np.mean(own):.3f}" for key, own in counted.items() if own]
    yield f"  counted as covered: {', '.join(shown)}"


def _by_type(rows: Rows, threshold: float) -> Iterator[str]:
    """Yield mean coverage by manner, the matcher's and the readers'."""
    for name in dict.fromkeys(row.gold.type for row in rows):
        own = _of(rows, type=name)
        found = np.mean([row.found(threshold).mean() for row in own])
        covered = np.mean([np.mean(row.gold.covered) for row in own])
        line = f"  {name}: coverage {found:.3f}, readers {covered:.3f}"
        if name == "one_sided":
            line += f"; stance balance {_balance(own, threshold)}"
        yield line


def _balance(rows: Rows, threshold: float) -> str:
    """Return the mean stance balance where both define it, the matcher's and the readers'."""
    pairs = [
        [balance(own, row.gold.sides) for own in (row.found(threshold), np.array(row.gold.covered))]
        for row in rows
    ]
    table = np.array([pair for pair in pairs if not np.isnan(pair).any()]).reshape(-1, 2)
    if not len(table):
        return "undefined"
    found, covered = table.mean(axis=0)
    return f"{found:.3f}, readers {covered:.3f} (n = {len(table)})"


def _probes(rows: Rows, threshold: float) -> Iterator[str]:
    """Yield what texts cover that should cover nothing, or nothing more."""
    known = {row.gold.id: row for row in rows}
    probes = _of(rows, kind="probe")
    if probes:
        yield f"probes of {len({row.gold.question_id for row in probes})} questions, both halves:"
    for name in dict.fromkeys(row.gold.type for row in probes):
        own = [row for row in _of(probes, type=name) if row.gold.of in ("", *known)]
        found = [float(row.found(threshold).mean()) for row in own]
        if name in ("restated", "filler"):
            before = [float(known[row.gold.of].found(threshold).mean()) for row in own]
            moved = np.mean(np.array(found) - before)
            yield f"  {name} sentences beside an answer: coverage moves by {moved:+.3f}"
        elif name == "single":
            one = np.mean([1 / len(row.gold.viewpoints) for row in own])
            yield f"  a viewpoint verbatim: coverage {np.mean(found):.3f}, 1/|W| {one:.3f}"
        else:
            yield f"  {name}: coverage {np.mean(found):.3f}"
