"""What a run chooses by log-probability against what its samples say, on the same questions.

`chooses_vs_says` is one minus the Jensen-Shannon distance (base 2) of the shares of yes and no that
a run chooses in `overton_choice` to those of the stances of its samples in `overton_coverage`; of
"it depends" and of the stance "both", a half is of either side. The entropies are of yes, no and
what is between them, as a part of the greatest possible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import COVERAGE, complete, means, paired
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.metrics.formulas.choice import CHOICES, chooses_vs_says, says
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.formulas.survey import normalised_entropy
from lm_eval_overton.metrics.measures.stance import STANCE_SHARES
from lm_eval_overton.metrics.measures.stance_words import STANCE_SHARES_WORDS
from lm_eval_overton.metrics.measures.survey import ANSWER_MASS, LITTLE_MASS
from lm_eval_overton.metrics.metric import Metric
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import differing, fields

__all__ = ["CHOICE", "CHOOSES_VS_SAYS", "GROUP", "beside"]

GROUP = "chosen"
CHOICE = "overton_choice"
CHOOSES_VS_SAYS = "chooses_vs_says"
CHOICE_ENTROPY, SPEECH_ENTROPY = "choice_entropy", "speech_entropy"
# The shares of what is between yes and no.
CHOICE_DEPENDS, SPEECH_BOTH = "choice_depends", "speech_both"
# What tells the stance of a sample, the better one first.
TOLD_BY: Mapping[str, Mapping[str, Metric]] = {
    "judged stances": STANCE_SHARES,
    "stances by words": STANCE_SHARES_WORDS,
}
LIMITS = (0.0, 1.0)
NO_STANCE = [math.nan] * len(STANCES)


@dataclass(frozen=True)
class Answers:
    """What a run chooses and says, question by question.

    Attributes:
        ids: The questions that it was asked to choose on; without these, to speak to.
        chosen: (n, 3), the probabilities in the order of `CHOICES`, NaN where not known.
        stances: (n, 4), the shares of its samples in the order of `STANCES`, NaN where not known.
        told_by: What tells the stances.
        n_unasked: How many of the questions it was not asked to speak to.
        no_choice: Why it is not known what it chooses; empty if it is.
        no_speech: Why it is not known what it says; empty if it is.
    """

    ids: tuple[str, ...]
    chosen: stats.Array
    stances: stats.Array
    told_by: str
    n_unasked: int
    no_choice: str
    no_speech: str

    @cached_property
    def said(self) -> stats.Array:
        """(n, 3): what the samples say, in the order of `CHOICES`."""
        return says(self.stances)

    @property
    def left_out(self) -> str:
        """How many questions have no value, and why; empty if all have one."""
        unread = np.isnan(self.stances).any(axis=1)
        aside = ~unread & np.isnan(self.said).any(axis=1)
        massless = np.isnan(self.chosen).any(axis=1) & ~unread & ~aside
        counts = {
            "were asked to choose only": self.n_unasked,
            "have no readable stance of a sample": int(unread.sum()) - self.n_unasked,
            "have no sample for yes, no or both": int(aside.sum()),
            "have no probability on the labels": int(massless.sum()),
        }
        known = [f"{n} {why}" for why, n in counts.items() if n]
        return f"of {len(self.ids)} questions {', '.join(known)}" if known else ""


Column = Callable[[Answers], stats.Array]
# What may change from one run to another, question by question.
OF_CHOICE: Mapping[str, Column] = {
    CHOICE_ENTROPY: lambda own: np.asarray(normalised_entropy(own.chosen)),
    CHOICE_DEPENDS: lambda own: own.chosen[:, 2],
}
OF_SPEECH: Mapping[str, Column] = {
    SPEECH_ENTROPY: lambda own: np.asarray(normalised_entropy(own.said)),
    SPEECH_BOTH: lambda own: own.said[:, 2],
}
OF_BOTH: Mapping[str, Column] = {CHOOSES_VS_SAYS: lambda own: chooses_vs_says(own.chosen, own.said)}


@dataclass(frozen=True)
class Change:
    """What changed of a column; `compared` is None, and `why` says why, where it is not known.

    Beside a change `why` says why nothing can be told from it.
    """

    compared: stats.Comparison | None
    why: str = ""
    told_by: str = ""

    @property
    def has_fallen(self) -> bool:
        """Whether the values fell for sure."""
        own = self.compared
        return own is not None and own.is_clear and own.difference < 0

    @property
    def has_risen(self) -> bool:
        """Whether the values rose for sure."""
        return self.compared is not None and self.compared.is_rise

    @property
    def unknown(self) -> str:
        """Why it cannot be told whether they fell; empty if it can."""
        if self.compared is None or self.compared.n >= stats.FEWEST_PAIRS:
            return self.why
        return f"expected at least {stats.FEWEST_PAIRS} questions, got {self.compared.n}"

    def __str__(self) -> str:
        """Return the change with its numbers."""
        own = self.compared
        assert own is not None
        by = f", {self.told_by}" if self.told_by else ""
        return (
            f"{own.difference:+.3f} [{own.ci_low:+.3f}, {own.ci_high:+.3f}] "
            f"(p = {own.p_value:.2g}, n = {own.n}{by})"
        )


def beside(base: FinishedRun, run: FinishedRun, seed: int) -> tuple[list[Shift], list[str]]:
    """Return how near each run's choices are to what it says, what changed, and what to say of it.

    Args:
        base: A run.
        run: Another.
        seed: Of the resamples.

    Returns:
        The shifts and one sentence; nothing if neither run was asked to choose.
    """
    if not any(CHOICE in one.tasks for one in (base, run)):
        return [], []
    changes = _changes(base, run, seed)
    shifts = [_match(one, seed) for one in (base, run)]
    for name, own in changes.items():
        value = own.compared.interval if own.compared else UNDEFINED
        shifts.append(Shift(GROUP, "change", name, value, own.why or own.told_by))
    return shifts, [_claim(changes)]


def _match(run: FinishedRun, seed: int) -> Shift:
    """Return how near a run's choices are to what it says, told by the best that it has."""
    own = _answers(run, _told_by(run))
    why = "; ".join(filter(None, (own.no_choice, own.no_speech)))
    if why:
        return Shift(GROUP, run.name, CHOOSES_VS_SAYS, UNDEFINED, why)
    [value] = means([OF_BOTH[CHOOSES_VS_SAYS](own)], seed, limits=[LIMITS])
    remark = "; ".join(filter(None, (own.told_by, own.left_out)))
    return Shift(GROUP, run.name, CHOOSES_VS_SAYS, value, remark)


def _changes(base: FinishedRun, run: FinishedRun, seed: int) -> dict[str, Change]:
    """Return each change on the questions that both runs define."""
    told_by = _told_by(base, run)
    both = [_answers(one, told_by) for one in (base, run)]
    no_choice = "; ".join(dict.fromkeys(own.no_choice for own in both if own.no_choice))
    no_speech = "; ".join(dict.fromkeys(own.no_speech for own in both if own.no_speech))
    of_both = "; ".join(filter(None, (no_choice, no_speech)))
    parts = (
        (OF_BOTH, of_both, told_by),
        (OF_CHOICE, no_choice, ""),
        (OF_SPEECH, no_speech, told_by),
    )
    found = {
        name: Change(None, why) if why else _change(column, both, by, seed)
        for columns, why, by in parts
        for name, column in columns.items()
    }
    doubt = "; ".join(filter(None, map(_doubt, (base, run))))
    return found | {
        name: replace(own, why=own.why or doubt) for name, own in found.items() if name in OF_CHOICE
    }


def _change(column: Column, both: Sequence[Answers], told_by: str, seed: int) -> Change:
    before, after = (dict(zip(own.ids, column(own), strict=True)) for own in both)
    shared = [key for key in before if key in after]
    values = [np.array([own[key] for key in shared]) for own in (before, after)]
    [found] = paired([(values[0], values[1])], seed, limits=[LIMITS])
    return Change(found, told_by=told_by) if found.n else Change(None, "no question defines it")


def _claim(changes: Mapping[str, Change]) -> str:
    """Return whether choice, or speech, or both collapsed: their entropy fell for sure."""
    sides = {"choice": changes[CHOICE_ENTROPY], "speech": changes[SPEECH_ENTROPY]}
    known = {side: own for side, own in sides.items() if not own.unknown}
    fell = [side for side, own in known.items() if own.has_fallen]
    kept = [side for side in known if side not in fell]
    said = [f"{' and '.join(fell)} collapsed"] if fell else []
    said += [f"no collapse of {' or '.join(kept)} is clear"] if kept else []
    said += [
        f"whether {side} collapsed cannot be told: {own.unknown}"
        for side, own in sides.items()
        if own.unknown
    ]
    said += [f"entropy of {side} {own}" for side, own in known.items()]
    # What lies between the two sides is no side: such a collapse is none of opinion.
    between = {"choice": (CHOICE_DEPENDS, "it depends"), "speech": (SPEECH_BOTH, "both sides")}
    said += [
        f"{side} moves to {to}"
        for side, (name, to) in between.items()
        if side in fell and changes[name].has_risen
    ]
    return "; ".join(said)


# ------------------------------------------------------------------------ what a run chose and said


def _told_by(*runs: FinishedRun) -> str:
    """Return the best that tells the stances of all runs that speak; the last if none does."""
    speaking = [run for run in runs if COVERAGE in run.tasks]
    for told_by, metrics in TOLD_BY.items():
        if all(_tells(run, metrics) for run in speaking):
            return told_by
    return tuple(TOLD_BY)[-1]


def _tells(run: FinishedRun, metrics: Mapping[str, Metric]) -> bool:
    """Return whether stances of a run are known at all."""
    values = run.tasks[COVERAGE].values
    known = [metric.name in values for metric in metrics.values()]
    return all(known) and any(not np.isnan(values[m.name]).all() for m in metrics.values())


def _answers(run: FinishedRun, told_by: str) -> Answers:
    """Return what a run chose and said."""
    choice, coverage = run.tasks.get(CHOICE), run.tasks.get(COVERAGE)
    no_choice, no_speech = _no_choice(run, choice), _no_speech(run, told_by)
    ids = choice.ids if choice else coverage.ids if coverage else ()
    stances = {} if no_speech or coverage is None else _stances(coverage, TOLD_BY[told_by])
    chosen = [_shares(own) for own in choice.details] if choice and not no_choice else []
    return Answers(
        ids=ids,
        chosen=np.array(chosen or [[math.nan] * len(CHOICES)] * len(ids)).reshape(-1, 3),
        stances=np.array([stances.get(key, NO_STANCE) for key in ids]).reshape(-1, 4),
        told_by=told_by,
        n_unasked=sum(key not in stances for key in ids),
        no_choice=no_choice,
        no_speech=no_speech,
    )


def _stances(own: TaskResult, metrics: Mapping[str, Metric]) -> dict[str, Sequence[float]]:
    columns = [own.values[metrics[stance].name] for stance in STANCES]
    return dict(zip(own.ids, np.column_stack(columns).tolist(), strict=True))


def _shares(detail: Mapping[str, Any]) -> list[float]:
    shares = detail.get("shares") or {}
    return [math.nan if shares.get(own) is None else shares[own] for own in CHOICES]


def _no_choice(run: FinishedRun, own: TaskResult | None) -> str:
    if own is None:
        return f"no {CHOICE} in {run.name}: run it with --tasks {CHOICE},{COVERAGE}"
    kept = [set(CHOICES) <= set(detail.get("shares") or {}) for detail in own.details]
    return "" if all(kept) else f"{CHOICE} of {run.name} keeps no shares: run it anew"


def _doubt(run: FinishedRun) -> str:
    """Return whether so little lies on the labels that their shares say little; empty if not."""
    own = run.tasks.get(CHOICE)
    mass = own.values.get(ANSWER_MASS.name) if own else None
    if (
        own is None
        or mass is None
        or np.isnan(mass).all()
        or (mean := float(np.nanmean(mass))) >= LITTLE_MASS
    ):
        return ""
    by_log = fields(own.signature).get("answers") in (None, "loglikelihood")
    what = "probability lies on the labels" if by_log else "replies say something of the options"
    return f"only {mean:.2g} of the {what} in {run.name}"


def _no_speech(run: FinishedRun, told_by: str) -> str:
    own = run.tasks.get(COVERAGE)
    if own is None:
        return f"no {COVERAGE} in {run.name}: run it with --tasks {CHOICE},{COVERAGE}"
    choice = run.tasks.get(CHOICE)
    if choice and "data" in (two := differing(choice.signature, own.signature)):
        shown = f"{two['data'][0]} and {two['data'][1]}"
        return f"the questions of {CHOICE} and {COVERAGE} in {run.name} differ: {shown}"
    if not _tells(run, TOLD_BY[told_by]):
        return f"no {told_by} in {run.name}: {complete(run)}"
    return ""
