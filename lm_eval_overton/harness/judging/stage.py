"""What a task asks of its judge, and what it says where verdicts are missing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.ask import GuardedJudge, Judge, Judged, LabelsJudge, judge_prompts
from lm_eval_overton.judge.judgements import JUDGEMENTS, OF_REFERENCE, check_names
from lm_eval_overton.judge.verdicts import STATUSES
from lm_eval_overton.metrics.measures import JUDGED_BY
from lm_eval_overton.metrics.view import Prompt, Verdicts
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.judge import JudgeSpec, named_address
from lm_eval_overton.text.samples import Sample

__all__ = ["JudgingStage", "find_judge", "to_judge"]


def find_judge(
    spec: JudgeSpec | None,
    recorded: Recorded | None,
    task: str,
    reference: Mapping[str, Sequence[Sample]],
) -> Judge | None:
    """Return who judges within this run; None for nobody.

    A judge that is loaded on this machine would share it with the evaluated model: it judges
    responses that exist already.

    Raises:
        SettingsError: If the judge cannot be set up, or names what no judge is asked.
        DataError: If its labels do not fit the prompts.
    """
    if spec is None:
        return None
    check_names(spec, task)
    if spec.labels:
        if recorded is None:
            raise SettingsError(
                f"{task}: expected a judge with a model for responses that are yet to come, got "
                "labels; use labels with `overton score`"
            )
        docs = (recorded.asked or recorded.prompts).docs
        n_samples = max(len(own) for own in recorded.responses.values())
        n_reference = max(map(len, reference.values()), default=None)
        return LabelsJudge(spec, docs, n_samples, n_reference)
    # Only a run with a judge waits for what a client takes.
    from lm_eval_overton.judge.client.model import HarnessJudge, is_local

    if recorded is None and is_local(spec):
        return None
    judge = HarnessJudge(spec)
    if recorded is None:
        # One that cannot be set up is told before anything is generated.
        judge.set_up()
    return judge


@dataclass(frozen=True)
class JudgingStage:
    """The judgements that a task asks for, and of whom; nothing is asked without a judge.

    `beside` are the verdicts that are counted beside those: on the reference run's samples, and
    the matcher's. `spec` is the run's judge, who may be one that is asked later.
    """

    judge: Judge | None
    names: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    spec: JudgeSpec | None = None

    @classmethod
    def of(
        cls,
        judge: Judge | None,
        spec: JudgeSpec | None,
        useful: Sequence[str],
        has_reference: bool,
        further: Sequence[str] = (),
    ) -> JudgingStage:
        """Return the stage of a task for which the judgements `useful` have metrics.

        Args:
            judge: Who is asked; None for nobody.
            spec: The judge's settings.
            useful: The judgements.
            has_reference: Whether the task has a reference run.
            further: What else the judge is asked: which viewpoints a sample covers, which samples
                are the same.
        """
        if judge is None or spec is None:
            return cls(None, spec=spec)
        named = {*(spec.judgements or ()), *spec.labels}
        names = [name for name in useful if name in named or _is_usual(name, spec)]
        if not has_reference:
            names = [name for name in names if not JUDGEMENTS[name].needs_reference]
        if spec.labels:
            names = [name for name in names if name in spec.labels]
        if spec.mode == "loglikelihood":
            names = [name for name in names if JUDGEMENTS[name].labels]
        both = [name for name in names if has_reference and JUDGEMENTS[name].of_reference]
        beside = [OF_REFERENCE + name for name in both]
        if spec.labels:
            beside = [name for name in beside if name in spec.labels]
        return cls(judge, tuple(names), (*beside, *further), spec)

    @property
    def counted_names(self) -> tuple[str, ...]:
        """What verdicts are counted by: the judgements, and what is counted beside them."""
        return (*self.names, *self.beside)

    @property
    def left_out(self) -> set[str]:
        """The metrics that nobody gives verdicts for."""
        return {metric for metric, name in JUDGED_BY.items() if name not in self.names}

    @property
    def counts(self) -> list[str]:
        """The names of the verdict counts."""
        return [f"{name}_{status}" for name in self.counted_names for status in STATUSES]

    def judged(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Return the prompts with their verdicts; whatever goes wrong costs verdicts alone."""
        if self.judge is None or not self.names:
            return list(prompts)
        own = self._ask([to_judge(prompt) for prompt in prompts], self.names)
        reference: list[Verdicts] = [{} for _ in prompts]
        both = [name for name in self.names if OF_REFERENCE + name in self.beside]
        if both:
            asked = [to_judge(prompt, of_reference=True) for prompt in prompts]
            reference = self._ask(asked, both)
        return [
            replace(prompt, verdicts=mine, reference_verdicts=theirs)
            for prompt, mine, theirs in zip(prompts, own, reference, strict=True)
        ]

    def _ask(self, prompts: Sequence[Judged], names: Sequence[str]) -> list[Verdicts]:
        assert self.judge is not None
        return list(judge_prompts(GuardedJudge(self.judge), prompts, names))

    def counted(self, gathered: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, int]]:
        """Return per counted name how many verdicts of each status all prompts have."""
        return {
            name: {status: int(sum(gathered[f"{name}_{status}"])) for status in STATUSES}
            for name in self.counted_names
        }

    def command(self, place: Path) -> str:
        """Return the command that completes a run with verdicts.

        Args:
            place: The run's folder.
        """
        words = ["overton", "judge", shlex.quote(str(place))]
        if self.spec is None:
            return " ".join([*words, "--judge FILE"])
        # Whoever made the run named the address.
        return " ".join([*words, "--yes"] if named_address(self.spec) else words)

    def alarms(self, counts: Mapping[str, Mapping[str, int]], command: str | None) -> list[str]:
        """Return what to say of verdicts that are missing.

        Args:
            counts: The verdicts of each status, by what they are counted by.
            command: What completes the run; None where that is the command that is under way.
        """
        return [
            f"{name}: {sum(own.values()) - own['parsed']} of {sum(own.values())} verdicts are "
            f"missing ({', '.join(f'{s} {own[s]}' for s in STATUSES[1:])}); {_remedy(own, command)}"
            for name, own in counts.items()
            if own["parsed"] < sum(own.values())
        ]


def _is_usual(name: str, spec: JudgeSpec) -> bool:
    """Tell whether a judgement is asked of a judge whose settings do not name it."""
    return spec.judgements is None and not JUDGEMENTS[name].on_request


def _remedy(counts: Mapping[str, int], command: str | None) -> str:
    said = []
    if counts["failed"]:
        again = f"`{command}`" if command else "the same command"
        said.append(f"{again} asks again for those that failed")
    if counts["unreadable"]:
        again = f"{command or 'overton judge RUN'} --retry-unreadable"
        said.append(
            f"`{again}` asks again for those that cannot be read, which more max_tokens, "
            "`structured` or another judge may mend"
        )
    return "; ".join(said) or "refusals are kept: another judge may give verdicts"


def to_judge(prompt: Prompt, of_reference: bool = False) -> Judged:
    """Return a prompt's valid samples, or those of its reference, as the judge gets them."""
    samples = prompt.reference if of_reference else prompt.samples
    valid = [(i, sample.text) for i, sample in enumerate(samples) if sample.is_valid]
    return Judged(
        str(prompt.doc["id"]),
        str(prompt.doc["prompt"]),
        [text for _, text in valid],
        [i for i, _ in valid],
        next(iter(prompt.reference_texts), None),
        prompt.doc.get("kind") == "yes_no",
        of_reference,
    )
