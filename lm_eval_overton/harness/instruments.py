"""What a task of samples works with, made of its settings before the harness sees the task."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.material import Material
from lm_eval_overton.judge.ask import GuardedJudge, Judge
from lm_eval_overton.matchers.contrast import NliContrast, find_contrast
from lm_eval_overton.matchers.equivalence.equivalence import Equivalence
from lm_eval_overton.matchers.equivalence.lexical import Rouge1Equivalence
from lm_eval_overton.matchers.equivalence.table import (
    DEFAULT_EQUIVALENCE,
    RECORDED,
    equivalence_asks_judge,
    make_equivalence,
)
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.table import asks_judge, make_matcher
from lm_eval_overton.metrics.bench import Bench
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.metrics.ratings import (
    HELPFULNESS_SOURCE,
    RATING_SOURCE,
    REWARD_THRESHOLDS,
    RatingSource,
    as_ratings,
)
from lm_eval_overton.metrics.verdicts import CLASSES, VIEWPOINTS
from lm_eval_overton.runs.entries import Given
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.judge import JudgeSpec
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.reward import RewardModel
from lm_eval_overton.text.workers import named_devices, require_devices

__all__ = ["Instruments"]


@dataclass(frozen=True)
class Instruments:
    """What responses are measured with.

    Attributes:
        settings: What the user asked for.
        encoder: The sentence encoder.
        matcher: What matches given viewpoints to responses; None for tasks without viewpoints.
        equivalence: What says which responses are the same.
        bert: The model of BERTScore; None if there is none.
        reward: The reward model; None if there is none.
        nli: What tells contradiction from entailment; None if the user named no such model.
    """

    settings: Settings
    encoder: Encoder
    equivalence: Equivalence
    matcher: Matcher | None = None
    bert: BertScorer | None = None
    reward: RewardModel | None = None
    nli: NliContrast | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        needs: AbstractSet[Need],
        judge: Judge | None,
        recorded: Recorded | None,
        task: str,
        has_viewpoints: bool,
    ) -> Instruments:
        """Return what a task needs; models are loaded on first use.

        Args:
            settings: What the user asked for.
            needs: What the task's metrics need.
            judge: Who may be asked.
            recorded: Responses that exist already.
            task: The task's name, for messages.
            has_viewpoints: Whether its prompts have viewpoints.

        Raises:
            OvertonError: If a model cannot be found, or a setting asks for what is not there.
        """
        encoder = get_encoder(
            find_encoder(settings.encoder), settings.encoder_device, settings.encoder_dtype
        )
        device = settings.first_device
        if recorded is None:
            # Before anything is generated; a finished run may be read where it was not made.
            require_devices(named_devices(settings.encoder_device))
            if Need.CLASSES in needs:
                _require_enough(settings, task)
        reward, bert = settings.reward_model, settings.bertscore
        return cls(
            settings,
            encoder,
            _find_equivalence(settings, encoder, judge, recorded, task)
            if Need.CLASSES in needs
            else Rouge1Equivalence(),
            _find_matcher(settings, encoder, judge, task) if has_viewpoints else None,
            BertScorer(bert, settings.bertscore_layers, device)
            if bert and Need.BERTSCORE in needs
            else None,
            RewardModel(reward, device) if reward and Need.RATINGS in needs else None,
            find_contrast(settings, task) if Need.CONTRADICTIONS in needs else None,
        )

    def asked(self, needs: AbstractSet[Need]) -> tuple[str, ...]:
        """Return what a judge is asked by them, of what some metrics need."""
        matches = self.matcher is not None and self.matcher.asks and Need.MATCHER in needs
        sorts = self.equivalence.asks and Need.CLASSES in needs
        return (*([VIEWPOINTS] if matches else []), *([CLASSES] if sorts else []))

    def ratings(self, recorded: Recorded | None, judged: Sequence[str]) -> RatingSource | None:
        """Return where the ratings of responses come from; None from nowhere.

        Args:
            recorded: Responses that exist already: the ratings of their file go first.
            judged: What a judge is asked.
        """
        given = recorded.given.values() if recorded else ()
        steps = self.settings.reward_thresholds
        of_steps = f"@{short_hash(steps)}" if steps else ""
        if any(own.ratings for own in given):
            return RatingSource("recorded")
        if any(own.rewards for own in given):
            return RatingSource(f"recorded-rewards{of_steps}")
        if self.reward is not None:
            return RatingSource(f"{self.reward.signature}{of_steps}")
        judges = (RATING_SOURCE, HELPFULNESS_SOURCE)
        return next((source for source in judges if source.judgement in judged), None)

    def rated(self, prompts: Sequence[Prompt], recorded: Recorded | None) -> list[Prompt]:
        """Return the prompts with the classes and ratings that their file or a model gives them."""
        steps = self.settings.reward_thresholds or REWARD_THRESHOLDS
        if recorded is not None:
            of_id = recorded.given
            prompts = [_with_given(p, of_id.get(p.doc["id"], Given()), steps) for p in prompts]
        if self.reward is None or any(prompt.ratings for prompt in prompts):
            return list(prompts)
        pairs = [(prompt.asked, text) for prompt in prompts for text in prompt.texts]
        rewards = iter(self.reward.rewards(pairs))
        return [
            replace(
                prompt,
                ratings=as_ratings(
                    [next(rewards) if sample.is_valid else None for sample in prompt.samples], steps
                ),
            )
            for prompt in prompts
        ]

    def absent(self, material: Material, ratings: RatingSource | None) -> set[Need]:
        """Return what metrics may need and a task does not have.

        Args:
            material: What the task asks and compares with.
            ratings: Where the ratings of responses come from.
        """
        there = {
            Need.REFERENCE: bool(material.reference),
            Need.BERTSCORE: self.bert is not None,
            Need.WEIGHTS: material.has_weights,
            Need.NLI: isinstance(self.matcher, NliMatcher),
            Need.CONTRADICTIONS: self.nli is not None,
            Need.ENGLISH_QUESTION: material.asks_yes_no,
            Need.RATINGS: ratings is not None,
            Need.SEVERAL: self.settings.eliciting.several > 1,
        }
        return {need for need, is_there in there.items() if not is_there}

    def by_judge(self, ratings: RatingSource | None) -> set[Need]:
        """Return what a judge provides: matches, classes, ratings."""
        provided = {
            Need.MATCHER: self.matcher is not None and self.matcher.asks,
            Need.CLASSES: self.equivalence.asks,
            Need.RATINGS: ratings is not None and bool(ratings.judgement),
        }
        return {need for need, is_so in provided.items() if is_so}

    def fields(self, needs: AbstractSet[Need], ratings: RatingSource | None) -> dict[str, Any]:
        """Return what of them decides scores, as a signature names it.

        Args:
            needs: What the task's metrics need.
            ratings: Where the ratings of responses come from.
        """
        classed = Need.CLASSES in needs
        return {
            "match": self.matcher.signature if self.matcher else None,
            "nli": self.nli.signature if self.nli else None,
            "same": self.equivalence.signature if classed else None,
            "m": self.settings.distinct_m if classed else None,
            "rated": ratings.signature if ratings else None,
        }

    def bench(self, stops: Sequence[str], ratings: RatingSource | None) -> Bench:
        """Return what is common to all prompts of a task."""
        settings = self.settings
        return Bench(
            settings.n_samples,
            stops,
            self.encoder,
            settings.seed,
            self.matcher,
            self.bert,
            settings.judge.bar if settings.judge else JudgeSpec.bar,
            equivalence=self.equivalence,
            ratings=ratings,
            m=settings.distinct_m,
            nli=self.nli,
            several=settings.eliciting.several,
        )


def _with_given(prompt: Prompt, given: Given, steps: Sequence[float]) -> Prompt:
    ratings = given.ratings or (as_ratings(given.rewards, steps) if given.rewards else ())
    return replace(prompt, ratings=ratings, classes=given.partition or ())


def _require_enough(settings: Settings, task: str) -> None:
    most = settings.n_samples
    if settings.given.get("distinct_m") and settings.distinct_m > most:
        raise SettingsError(
            f"{task}: expected distinct_m of at most n_samples, got {settings.distinct_m} of "
            f"{most} samples; pass `--metadata '{{\"distinct_m\": {most}}}'`, or more n_samples"
        )


def _require_judge_apart(judge: Judge | None, what: str, task: str) -> Judge:
    if judge is None:
        raise SettingsError(
            f"{task}: expected a judge on a server for the {what}, got one that would be loaded "
            "beside the evaluated model; run with another one, then `overton score` the "
            "generations with this one"
        )
    return GuardedJudge(judge)


def _find_matcher(settings: Settings, encoder: Encoder, judge: Judge | None, task: str) -> Matcher:
    asked = None
    if asks_judge(settings):
        asked = _require_judge_apart(judge, f"matcher {settings.matcher}", task)
    return make_matcher(
        settings.matcher,
        encoder,
        settings.nli_model,
        settings.threshold,
        settings.encoder_device,
        asked,
    )


def _find_equivalence(
    settings: Settings,
    encoder: Encoder,
    judge: Judge | None,
    recorded: Recorded | None,
    task: str,
) -> Equivalence:
    """Return what says which responses are the same: what their file says, if it is not set."""
    has_classes = recorded is not None and any(own.partition for own in recorded.given.values())
    name = settings.equivalence or (RECORDED if has_classes else DEFAULT_EQUIVALENCE)
    if name == RECORDED and not has_classes:
        raise SettingsError(
            f'{task}: expected responses with "partition" for the equivalence {RECORDED}, got none '
            "with it; choose another equivalence"
        )
    asked = None
    if equivalence_asks_judge(settings):
        asked = _require_judge_apart(judge, f"equivalence {name}", task)
    return make_equivalence(
        name,
        encoder,
        settings.equivalence_model,
        settings.equivalence_threshold,
        settings.encoder_device,
        asked,
    )
