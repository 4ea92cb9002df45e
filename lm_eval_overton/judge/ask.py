"""Let a judge look at the samples of prompts: what is asked of which, and the verdicts in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lm_eval_overton.errors import OvertonError, SettingsError
from lm_eval_overton.judge.judgements import JUDGEMENTS, OF_REFERENCE
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = [
    "GuardedJudge",
    "Judge",
    "Judged",
    "LabelsJudge",
    "Question",
    "ask_as_declared",
    "ask_in_both_orders",
    "judge_prompts",
    "swapped",
]

# The handlers of the harness's logger print these lines beside its own.
logger = logging.getLogger("lm_eval.overton")

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
        # With the patterns of all that a reply may look like, which other judges need as late.
        from lm_eval_overton.judge.labels import align, read_labels

        self.signature = f"{spec.name}|labels|bar:{spec.bar}"
        self._verdicts: dict[tuple[str, str, int], Verdict | None] = {}
        for name, path in spec.labels.items():
            judgement = name.removeprefix(OF_REFERENCE)
            n = n_samples if judgement == name or n_reference is None else n_reference
            rows = align(read_labels(Path(path), judgement), len(docs), n, docs)
            for doc, row in zip(docs, rows, strict=True):
                self._verdicts |= {(name, doc["id"], i): v for i, v in enumerate(row)}

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        """Return the labels; None where there is none."""
        return [self._label(question) for question in questions]

    def _label(self, question: Question) -> Verdict | None:
        name = (OF_REFERENCE if question.of_reference else "") + question.judgement.name
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
    there.

    Args:
        judge: Who is asked, everything at once.
        prompts: The prompts.
        names: Keys of `JUDGEMENTS`.
    """
    found: list[dict[str, Verdicts]] = [{} for _ in prompts]
    for name in names:
        judgement = JUDGEMENTS[name]
        chosen = [i for i, prompt in enumerate(prompts) if _applies(judgement, prompt)]
        questions = [question for i in chosen for question in _questions(judgement, prompts[i])]
        answers = iter(ask_as_declared(judge, judgement, questions))
        for i in chosen:
            found[i][name] = [next(answers) for _ in prompts[i].texts]
    return found


def _applies(judgement: Judgement, prompt: Judged) -> bool:
    if judgement.needs_reference and prompt.reference is None:
        return False
    return prompt.contested or not judgement.contested_only


def _questions(judgement: Judgement, prompt: Judged) -> list[Question]:
    return [
        Question(
            judgement,
            judgement.texts(prompt.prompt, text, prompt.reference),
            (prompt.id, position),
            of_reference=prompt.of_reference,
        )
        for text, position in zip(prompt.texts, prompt.positions, strict=True)
    ]


def ask_as_declared(judge: Judge, judgement: Judgement, questions: Sequence[Question]) -> Verdicts:
    """Return one verdict per question, in one order or in both as the judgement has it.

    Args:
        judge: Who is asked, everything at once.
        judgement: That of all questions.
        questions: What is asked.
    """
    merge = judgement.merge
    if merge is None:
        return judge.ask(questions)
    return [_merged(merge, *pair) for pair in ask_in_both_orders(judge, questions)]


def swapped(question: Question) -> Question:
    """Return a pairwise question with its two responses exchanged."""
    texts = dict(question.texts)
    texts["response_a"], texts["response_b"] = texts["response_b"], texts["response_a"]
    # Labels that exist already were given in one order.
    return Question(question.judgement, texts, None, question.repeat)


def ask_in_both_orders(
    judge: Judge, questions: Sequence[Question]
) -> list[tuple[Verdict | None, Verdict | None]]:
    """Return the verdicts of pairwise questions as they stand and with the responses exchanged."""
    verdicts = judge.ask([*questions, *map(swapped, questions)])
    half = len(questions)
    return list(zip(verdicts[:half], verdicts[half:], strict=True))


def _merged(
    merge: Callable[[Sequence[Any]], Any], there: Verdict | None, back: Verdict | None
) -> Verdict | None:
    """Return one verdict for both orders: parsed only if each order that was asked is."""
    if there is None:
        return None
    asked = [there] if back is None else [there, back]
    for verdict in asked:
        if verdict.status != "parsed":
            return verdict
    value = merge([verdict.value for verdict in asked])
    return Verdict("unreadable" if value is None else "parsed", value, there.raw)
