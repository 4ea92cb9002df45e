"""What a task adds to the results file once the values of all prompts are gathered."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.judging.stage import JudgingStage
from lm_eval_overton.metrics.measures.about_samples import DEGENERATE_SHARE, IDENTICAL_PROMPTS
from lm_eval_overton.metrics.measures.reasoning import UNFINISHED_REASONING
from lm_eval_overton.metrics.view import Prompt
from lm_eval_overton.runs import folder as runs
from lm_eval_overton.runs.entry import PROMPTS, Judging, Part

__all__ = ["Outcome", "tell_few"]

logger = logging.getLogger("lm_eval.overton")

# From which mean share on a metric makes the values doubtful, and what is said then of the share.
ALARMS = {
    IDENTICAL_PROMPTS.name: (
        0.9,
        "all samples of a prompt are identical for {:.0%} of the prompts although the "
        "temperature is above 0: a server may use one seed for all requests "
        "(api_seeds on or none), a checkpoint may force greedy decoding, or the backend may not "
        "sample at all (the harness's gguf asks for temperature 0)",
    ),
    DEGENERATE_SHARE.name: (
        0.2,
        "{:.0%} of the samples are one or two words, single letters or a loop: where the "
        "prompts ask for more, their diversity is noise",
    ),
    UNFINISHED_REASONING.name: (
        0.05,
        "in {:.0%} of the samples the reasoning has no end, so that they hold no answer; "
        "give the model more room: --gen_kwargs max_gen_toks=...",
    ),
}

SMALLER = "another number: --metadata '{\"n_samples\": ...}'"


@dataclass(frozen=True)
class Outcome:
    """A task's values over all prompts, and what they are to be read with.

    Attributes:
        task: The task's name.
        signature: Every setting that can change a score, in one line.
        gathered: The columns of metrics, verdict counts and `PROMPTS`, in the order of prompts.
        stage: Who judged, and what.
        bounded: The metrics that rest on a judge's verdicts.
        judgements: Those that the task has metrics for.
        folder: The run's own files; None where there are none.
        found: What was found doubtful beside the values, a sentence each.
    """

    task: str
    signature: str
    gathered: Mapping[str, Sequence[Any]]
    stage: JudgingStage
    bounded: AbstractSet[str]
    judgements: Sequence[str]
    folder: Path | None
    found: Sequence[str] = ()

    @cached_property
    def columns(self) -> dict[str, Sequence[Any]]:
        """The values by name, under `PROMPTS` the prompts' ids."""
        return {**self.gathered, PROMPTS: [own["id"] for own in self.gathered[PROMPTS]]}

    @cached_property
    def judging(self) -> Judging | None:
        """What the judge did; None where there is none."""
        if not self.stage.counted_names or self.stage.judge is None:
            return None
        return Judging(self.stage.judge.signature, self.stage.counted(self.gathered))

    @cached_property
    def command(self) -> str | None:
        """What completes the run with verdicts; None for one that completes another."""
        if self.folder is None:
            return None
        # Where the user will look for them: what lies beside the run's own files is no part of it.
        return self.stage.command(Evaluation.around().results or self.folder)

    @cached_property
    def alarms(self) -> list[str]:
        """What makes the values doubtful, a sentence each."""
        alarms = list(self.found)
        for name, (least, text) in ALARMS.items():
            share = overton_mean(self.gathered.get(name, []))
            if share is not None and share >= least:
                alarms.append(text.format(share))
        if self.judging:
            alarms += self.stage.alarms(self.judging.counts, self.command)
        return alarms

    def entry(self) -> dict[str, Any]:
        """Return what stands under `overton` in the task's metadata."""
        known = self.gathered[PROMPTS]
        return Part(
            self.signature,
            ids=self.columns[PROMPTS],
            values={name: own for name, own in self.columns.items() if name != PROMPTS},
            details=[{k: v for k, v in own.items() if k != "id"} for own in known],
            generations=self.folder / runs.GENERATIONS if self.folder else None,
            alarms=self.alarms,
            judge=self.judging,
            judged=frozenset(self.bounded),
        ).written()

    def log(self) -> None:
        """Say the signature and the alarms, and how to get judged metrics where there are none."""
        if self.judgements and self.command and not self.judging:
            logger.log(
                logging.WARNING if self.stage.spec else logging.INFO,
                "%s: no judged metrics (%s); for them run `%s`",
                self.task,
                ", ".join(self.judgements),
                self.command,
            )
        logger.info("%s", self.signature)
        for alarm in self.alarms:
            logger.warning("%s: %s", self.task, alarm)

    def write(self) -> None:
        """Write the values of each prompt into the run's folder, if there is one."""
        if self.folder is None:
            return
        names = list(self.columns)
        rows = zip(*self.columns.values(), strict=True)
        runs.write_values(
            self.folder, self.task, (dict(zip(names, row, strict=True)) for row in rows)
        )


def tell_few(task: str, prompts: Sequence[Prompt], n_samples: int) -> None:
    """Warn of prompts that have fewer valid samples than they were to have."""
    few = sum(prompt.n_counted < n_samples for prompt in prompts)
    if not few:
        return
    samples = [sample for prompt in prompts for sample in prompt.samples]
    counts = Counter(sample.status for sample in samples if not sample.is_valid)
    unfinished = sum(sample.unfinished for sample in samples)
    became = ", ".join(f"{n} are {status}" for status, n in counts.items())
    remedy = f"of {len(samples)} samples {became}" if became else SMALLER
    if unfinished:
        remedy = (
            f"in {unfinished} samples the reasoning has no end: give the model more room with "
            "--gen_kwargs max_gen_toks=..."
        )
    logger.warning(
        "%s: %d of %d prompts have fewer than %d valid samples, so what depends on their "
        "number is undefined there; %s",
        task,
        few,
        len(prompts),
        n_samples,
        remedy,
    )
