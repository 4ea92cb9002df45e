"""Let a judge look at the samples of prompts: what is asked of which, and the verdicts in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lm_eval_overton.errors import OvertonError, SettingsError
from lm_eval_overton.judge.labels import align, read_labels
from lm_eval_overton.judge.parse import Verdict
from lm_eval_overton.judge.prompts import JUDGEMENTS, Judgement
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = [
    "GuardedJudge",
    "Judge",
    "Judged",
    "LabelsJudge",
    "Question",
    "ask_in_both_orders",
    "judge_prompts",
    "swapped",
]

# The handlers of the harness's logger print these lines beside its own.
logger = logging.getLogger("lm_eval.overton")

# What is asked about a sample and the reference's, in both orders.
PAIRWISE = {"topics", "equivalence"}
AGAINST_REFERENCE = {"missing", "topics"}
SIDES = ("only_reference", "both", "only_sample")

Verdicts = list[Verdict | None]


@dataclass(frozen=True)
class Question:
    """One judgement of given texts.

    `where` says which sample of which prompt it is about, and `of_reference` in which run, for
    labels that exist already; `repeat` tells apart questions that are asked again on purpose.
    """

    judgement: Judgement
    texts: Mapping[str, Any]
    where: tuple[str, int] | None = None
    repeat: int = 0
    of_reference: bool = False

    @property
    def quoted(self) -> list[str]:
        """The texts that a verdict may echo."""
        quoted: list[str] = []
        for text in self.texts.values():
            quoted += [text] if isinstance(text, str) else text
        return quoted


class Judge(Protocol):
    """Answers questions; a question that cannot be answered gets a verdict that says so."""

    @property
    def signature(self) -> str:
        """Every setting of the judge that can change a verdict."""

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        """Return one verdict per question, in order; None for one that was not to be asked."""


@dataclass(frozen=True)
class GuardedJudge:
    """A judge of which whatever goes wrong costs verdicts alone."""

    judge: Judge

    @property
    def signature(self) -> str:
        """The judge's own."""
        return self.judge.signature

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        """Return the judge's verdicts; all failed if it breaks.

        Raises:
            SettingsError: If it cannot be set up: nothing was generated that it could cost.
        """
        try:
            return self.judge.ask(questions)
        except SettingsError:
            raise
        except Exception as error:
            if isinstance(error, OvertonError):
                logger.error("The judge failed; its metrics are undefined (%s)", error)
            else:
                logger.exception("The judge failed; its metrics are undefined")
            return [Verdict("failed", None, None) for _ in questions]


class LabelsJudge:
    """Answers with labels that exist already, by prompt and sample.

    Args:
        spec: A judge with labels.
        docs: All prompts that were labelled, in the order of the labels.
        n_samples: The most samples of a prompt.
        n_reference: The most samples of a prompt in the reference run; None: as many.

    Raises:
        DataError: If the labels do not fit the prompts.
    """

    def __init__(
        self,
        spec: JudgeSpec,
        docs: Sequence[Mapping[str, Any]],
        n_samples: int,
        n_reference: int | None = None,
    ) -> None:
        self.signature = f"{spec.name}|labels|bar:{spec.bar}"
        self._verdicts: dict[tuple[str, str, int], Verdict | None] = {}
        for name, path in spec.labels.items():
            judgement = name.removeprefix("reference_")
            n = n_samples if judgement == name or n_reference is None else n_reference
            rows = align(read_labels(Path(path), judgement), len(docs), n, docs)
            for doc, row in zip(docs, rows, strict=True):
                self._verdicts |= {(name, doc["id"], i): v for i, v in enumerate(row)}

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        """Return the labels; None where there is none."""
        return [self._label(question) for question in questions]

    def _label(self, question: Question) -> Verdict | None:
        name = ("reference_" if question.of_reference else "") + question.judgement.name
        return self._verdicts.get((name, *question.where)) if question.where else None


@dataclass(frozen=True)
class Judged:
    """A prompt for the judge: what was asked, and the valid samples with their positions.

    `reference` is the reference run's first valid sample, None without one; `contested` tells
    whether the prompt is a question that can be answered with yes or no; `of_reference` that the
    samples themselves are the reference run's.
    """

    id: str
    prompt: str
    texts: Sequence[str]
    positions: Sequence[int]
    reference: str | None = None
    contested: bool = False
    of_reference: bool = False


def judge_prompts(
    judge: Judge, prompts: Sequence[Judged], names: Iterable[str]
) -> list[dict[str, Verdicts]]:
    """Return per prompt and judgement one verdict per valid sample.

    A judgement that does not apply to a prompt (no reference, not a yes/no question) is left out
    there. The verdict of `topics` is {"shares": {side: share of the topics}, "disagreement"}.

    Args:
        judge: Who is asked, everything at once.
        prompts: The prompts.
        names: Keys of `JUDGEMENTS`.
    """
    found: list[dict[str, Verdicts]] = [{} for _ in prompts]
    for name in names:
        chosen = [i for i, prompt in enumerate(prompts) if _applies(name, prompt)]
        questions = [question for i in chosen for question in _questions(name, prompts[i])]
        if name in PAIRWISE:
            pairs = ask_in_both_orders(judge, questions)
            verdicts: Verdicts = [_topics(there, back) for there, back in pairs]
        else:
            verdicts = judge.ask(questions)
        answers = iter(verdicts)
        for i in chosen:
            found[i][name] = [next(answers) for _ in prompts[i].texts]
    return found


def _applies(name: str, prompt: Judged) -> bool:
    if name in AGAINST_REFERENCE:
        return prompt.reference is not None
    return prompt.contested if name == "stance" else True


def _questions(name: str, prompt: Judged) -> list[Question]:
    judgement = JUDGEMENTS[name]
    return [
        Question(
            judgement,
            _texts(name, prompt, text),
            (prompt.id, position),
            of_reference=prompt.of_reference,
        )
        for text, position in zip(prompt.texts, prompt.positions, strict=True)
    ]


def _texts(name: str, prompt: Judged, text: str) -> dict[str, Any]:
    texts: dict[str, Any] = {"prompt": prompt.prompt}
    if name == "missing":
        return texts | {"reference": prompt.reference, "alternative": text}
    if name in PAIRWISE:
        return texts | {"response_a": prompt.reference, "response_b": text}
    return texts | {"response": text}


def swapped(question: Question) -> Question:
    """Return a pairwise question with its two responses exchanged."""
    texts = dict(question.texts)
    texts["response_a"], texts["response_b"] = texts["response_b"], texts["response_a"]
    # Labels that exist already were given in one order.
    return Question(question.judgement, texts, None, question.repeat)


def ask_in_both_orders(
    judge: Judge, questions: Sequence[Question]
) -> list[tuple[Verdict | None, Verdict | None]]:
    """Return the verdicts of pairwise questions as they stand and with the responses exchanged.

    The second one's value is turned back, so that "a" means the same response in both.
    """
    verdicts = judge.ask([*questions, *map(swapped, questions)])
    half = len(questions)
    return list(zip(verdicts[:half], map(_turned, verdicts[half:]), strict=True))


def _turned(verdict: Verdict | None) -> Verdict | None:
    if verdict is None or not isinstance(verdict.value, dict):
        return verdict
    value = dict(verdict.value)
    value["only_a"], value["only_b"] = value["only_b"], value["only_a"]
    return Verdict(verdict.status, value, verdict.raw)


def _topics(there: Verdict | None, back: Verdict | None) -> Verdict | None:
    """Return one verdict for both orders: parsed only if each order that was asked is."""
    asked = [verdict for verdict in (there, back) if verdict is not None]
    if not asked:
        return None
    for verdict in asked:
        if verdict.status != "parsed":
            return verdict
    shares = [_shares(verdict.value) for verdict in asked]
    if any(share is None for share in shares):
        return Verdict("unreadable", None, asked[0].raw)
    known = [share for share in shares if share is not None]
    mean = {side: sum(share[side] for share in known) / len(known) for side in SIDES}
    apart = sum(abs(known[0][s] - known[-1][s]) for s in SIDES) / 2 if len(known) == 2 else None
    return Verdict("parsed", {"shares": mean, "disagreement": apart}, asked[0].raw)


def _shares(value: Mapping[str, Sequence[Any]]) -> dict[str, float] | None:
    counts = [len(value[key]) for key in ("only_a", "both", "only_b")]
    total = sum(counts)
    return {s: n / total for s, n in zip(SIDES, counts, strict=True)} if total else None
