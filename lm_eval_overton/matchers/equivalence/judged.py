"""Equivalence by a judge, who sees all samples of a prompt at once; and classes made before."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_overton.judge.ask import Judge, Question
from lm_eval_overton.judge.judgements.classes import JUDGEMENT, classes
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.equivalence.equivalence import Answers, Equivalence

__all__ = ["JudgeEquivalence", "RecordedEquivalence"]


class JudgeEquivalence(Equivalence):
    """The groups that a judge makes of a prompt's samples: one request for each prompt.

    Of samples that are equal word for word one is shown; where all are, nobody is asked.

    Args:
        judge: Who is asked.
    """

    asks = True

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._known: dict[Answers, Verdict | None] = {}

    @property
    def signature(self) -> str:
        """`judge`, the version of what it is asked, and its own signature."""
        return f"judge-{JUDGEMENT.version}:{self.judge.signature.replace('|', '+')}"

    def prepare(self, answers: Sequence[Answers]) -> None:
        """Ask about the samples of all prompts at once."""
        asked = dict.fromkeys(_distinct(own) for own in answers)
        new = [key for key in asked if len(key.texts) > 1 and key not in self._known]
        self._known |= zip(new, self.judge.ask([_question(key) for key in new]), strict=True)

    def labels(self, answers: Answers) -> list[int] | None:
        """Return the class of each sample; None without a verdict."""
        self.prepare([answers])
        shown = _distinct(answers)
        if len(shown.texts) < 2:
            return [0 for _ in answers.texts]
        verdict = self._known.get(shown)
        if verdict is None or verdict.value is None:
            return None
        of_text = dict(zip(shown.texts, verdict.value, strict=True))
        return [of_text[text] for text in answers.texts]

    def verdicts(self, answers: Answers) -> list[Verdict]:
        """Return the verdict on these samples, if there is one; nothing is asked."""
        verdict = self._known.get(_distinct(answers))
        return [] if verdict is None else [verdict]


class RecordedEquivalence(Equivalence):
    """The classes that a file of responses names for its samples."""

    signature = "recorded"

    def labels(self, answers: Answers) -> list[int] | None:
        """Return the class of each sample; None where the file names none."""
        if answers.given is None:
            return None
        order = {label: i for i, label in enumerate(dict.fromkeys(answers.given))}
        return [order[label] for label in answers.given]


def _distinct(answers: Answers) -> Answers:
    return Answers(tuple(dict.fromkeys(answers.texts)), answers.prompt)


def _question(key: Answers) -> Question:
    texts = {"prompt": key.prompt, "responses": list(key.texts)}
    return Question(classes(len(key.texts)), texts)
