"""From the samples of prompts to values per prompt: where the metrics meet the data.

What the named metrics need is prepared for many prompts together, so that models get full batches;
then each prompt's values are computed, and what was made for it is let go. Memory grows with the
texts and the values alone, however many prompts there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from lm_eval_overton.data.tags import TAGS
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.metrics.likeness import shortened
from lm_eval_overton.metrics.measures import REGISTRY, known, needs_of
from lm_eval_overton.metrics.metric import Metric, Need
from lm_eval_overton.metrics.verdicts import COUNTS
from lm_eval_overton.metrics.view import Bench, Fill, Prompt, PromptView
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.stats.progress import progress
from lm_eval_overton.text.blocks import in_blocks
from lm_eval_overton.text.samples import Sample

__all__ = [
    "BOUNDS",
    "Bench",
    "Prompt",
    "PromptView",
    "Values",
    "details",
    "score_and_keep",
    "score_prompts",
]

Values = dict[str, float | None]

BOUNDS: tuple[Fill, ...] = ("worst", "best")
# Chance is estimated on this many other prompts: of each, all samples take part.
CHANCE_PROMPTS = {"words": 20, "viewpoints": 3}
# Of more prompts than these some are drawn without bringing all into an order, which would take as
# long for each as there are prompts.
MOST_ORDERED = 10_000


def score_prompts(
    prompts: Sequence[Prompt],
    names: Sequence[str],
    bench: Bench,
    bounded: AbstractSet[str] = frozenset(),
) -> list[Values]:
    """Return the values of the named metrics for each prompt.

    Args:
        prompts: All prompts of a run.
        names: Names of metrics and of verdict counts.
        bench: What is common to all prompts.
        bounded: Those that get a `..._worst` and a `..._best` beside them.

    Returns:
        Per prompt one value per name, None where the metric is undefined.

    Raises:
        OvertonError: If a model that a metric needs cannot be loaded.
    """
    return [values for values, _ in _scored(prompts, names, bench, bounded)]


def score_and_keep(
    prompts: Sequence[Prompt],
    names: Sequence[str],
    bench: Bench,
    bounded: AbstractSet[str] = frozenset(),
) -> list[tuple[Values, dict[str, Any]]]:
    """Return for each prompt the values of the named metrics and what is kept beside them.

    Args:
        prompts: As for `score_prompts`, as are the others.
        names: As there.
        bench: As there.
        bounded: As there.

    Returns:
        Per prompt what `score_prompts` and `details` return.

    Raises:
        OvertonError: As there.
    """
    scored = _scored(prompts, names, bench, bounded)
    return [(values, details(view, names)) for values, view in scored]


def _scored(
    prompts: Sequence[Prompt], names: Sequence[str], bench: Bench, bounded: AbstractSet[str]
) -> Iterator[tuple[Values, PromptView]]:
    """Yield each prompt's values with the view that they were made of."""
    unread = _unread(names, bench)
    readable = [name for name in names if name not in unread]
    needs = needs_of(known(readable))
    undefined: Values = {}
    for name in unread:
        undefined |= {name: None, **{f"{name}_{fill}": None for fill in BOUNDS}}
    views = _prepared(prompts, needs, bench)
    for view in progress(views, "Scoring prompts", len(prompts)):
        yield undefined | _values(view, readable, bounded), view


def _prepared(
    prompts: Sequence[Prompt], needs: AbstractSet[Need], bench: Bench
) -> Iterator[PromptView]:
    """Yield each prompt's view when all that its metrics need is there."""
    others = _others(prompts, bench) if Need.OTHER_PROMPTS in needs else [()] * len(prompts)
    pairs = [*zip(prompts, others, strict=True)]
    blocks = [*in_blocks(pairs, lambda pair: len(pair[0].samples) + len(pair[0].reference))]
    if len(blocks) > 1:
        _ask(pairs, needs, bench)
    for block in blocks:
        views = [PromptView(prompt, bench, own) for prompt, own in block]
        _prepare(views, needs, bench)
        yield from _one_by_one(views)


def _unread(names: Sequence[str], bench: Bench) -> frozenset[str]:
    """Return the metrics that rest on an encoder which cannot read the texts."""
    blind = _blind(bench)
    return frozenset(
        metric.name
        for metric in known(names)
        if blind & (metric.needs | (metric.controlled.needs if metric.controlled else set()))
    )


def _blind(bench: Bench) -> frozenset[Need]:
    """Return what is not to be had where the encoder cannot read the texts."""
    if bench.reads:
        return frozenset()
    blind = {Need.SENTENCES}
    if not bench.alike:
        blind |= {Need.EMBEDDINGS, Need.REFERENCE_EMBEDDINGS}
    if bench.equivalence.encodes and not bench.alike:
        blind |= {Need.CLASSES}
    if bench.matcher is not None and bench.matcher.encodes:
        # Answers to other prompts do not hold these viewpoints.
        blind |= {Need.OTHER_PROMPTS} if bench.verbatim else {Need.OTHER_PROMPTS, Need.MATCHER}
    return frozenset(blind)


def _others(prompts: Sequence[Prompt], bench: Bench) -> list[list[Prompt]]:
    """Return for each prompt the other prompts on which chance is estimated."""
    most = CHANCE_PROMPTS["words" if bench.matcher is None else "viewpoints"]
    rng = np.random.default_rng(bench.seed)
    answered = [prompt for prompt in prompts if prompt.texts]
    chosen, place = [], 0
    for prompt in prompts:
        is_one = bool(prompt.texts)
        # A prompt is none of its own others: those behind it move up.
        drawn = _drawn(rng, len(answered) - is_one, most)
        chosen.append([answered[k + (is_one and k >= place)] for k in drawn])
        place += is_one
    return chosen


def _drawn(rng: np.random.Generator, n: int, most: int) -> list[int]:
    """Return so many distinct numbers below n, or all of them, at random."""
    drawn = rng.permutation(n)[:most] if n <= MOST_ORDERED else rng.choice(n, most, replace=False)
    return [int(k) for k in drawn]


def _prepare(views: Sequence[PromptView], needs: AbstractSet[Need], bench: Bench) -> None:
    """Let each model that is needed see the texts of some prompts at once."""
    texts = list(_to_encode(views, needs))
    if texts:
        bench.encoder.encode(texts)
    if Need.MATCHER in needs and bench.matcher is not None:
        bench.matcher.prepare(_questions(views, needs))
    if Need.CLASSES in needs:
        bench.equivalence.prepare([view.answers for view in views if view.answers])
    if Need.NLI in needs and isinstance(bench.matcher, NliMatcher):
        bench.matcher.implied([view.prompt.question(view.texts) for view in views])
    if Need.CONTRADICTIONS in needs and bench.nli is not None:
        bench.nli.prepare([view.texts for view in views])
    if Need.BERTSCORE in needs:
        _score_with_bert(views, bench)


def _ask(
    pairs: Sequence[tuple[Prompt, Sequence[Prompt]]], needs: AbstractSet[Need], bench: Bench
) -> None:
    """Ask a judge for all that the metrics need of one; what it says is remembered.

    A server that is not there is found out once, and one that is has always something to do.
    """
    views = (PromptView(prompt, bench, others) for prompt, others in pairs)
    if Need.MATCHER in needs and bench.matcher is not None and bench.matcher.asks:
        bench.matcher.prepare(_questions(views, needs))
    views = (PromptView(prompt, bench) for prompt, _ in pairs)
    if Need.CLASSES in needs and bench.equivalence.asks:
        bench.equivalence.prepare([view.answers for view in views if view.answers])


def _questions(views: Iterable[PromptView], needs: AbstractSet[Need]) -> list[ViewpointQuestion]:
    compared = Need.REFERENCE in needs
    return [asked for view in views for asked in view.questions(compared)]


def _to_encode(views: Sequence[PromptView], needs: AbstractSet[Need]) -> Iterator[str]:
    if Need.EMBEDDINGS in needs:
        for view in views:
            yield from view.texts
    if Need.SENTENCES in needs:
        for view in views:
            yield from view.distinct_sentences
    if Need.REFERENCE_EMBEDDINGS in needs:
        for view in views:
            both = [*view.texts, *view.prompt.reference_texts]
            yield from [*both, *shortened(both, view.bench.tokenizer)]


def _score_with_bert(views: Sequence[PromptView], bench: Bench) -> None:
    """Give each view its BERTScores, of its samples and of its references."""
    assert bench.bert is not None
    references = [view.prompt.reference_texts for view in views]
    scores = bench.bert.pairs([v.texts for v in views] + references, references + references)
    for view, own, theirs in zip(views, scores, scores[len(views) :], strict=False):
        view.bert = own, theirs


def _one_by_one(views: list[PromptView]) -> Iterator[PromptView]:
    """Yield the views, and let go of each, with all that was made for it, before the next."""
    views.reverse()
    while views:
        yield views.pop()


def _values(view: PromptView, names: Sequence[str], bounded: AbstractSet[str]) -> Values:
    values = {name: _none_if_nan(_compute(name, view)) for name in names}
    of_interest = [metric for metric in known(names) if metric.name in bounded]
    incomplete = view.incomplete or any(metric.decided_by for metric in of_interest)
    filled = [view.filled(fill) if incomplete else view for fill in BOUNDS]
    for metric in of_interest:
        pair = (
            _controlled_bounds(metric, metric.controlled, view)
            if metric.controlled
            else [metric.compute(other) for other in filled]
        )
        values |= {f"{metric.name}_{f}": _none_if_nan(v) for f, v in zip(BOUNDS, pair, strict=True)}
    return values


def _compute(name: str, view: PromptView) -> float:
    return REGISTRY[name].compute(view) if name in REGISTRY else COUNTS[name](view)


def _controlled_bounds(metric: Metric, raw: Metric, view: PromptView) -> tuple[float, float]:
    """Return the worst and the best value that a quality-controlled metric can have.

    Whether a sample passes the quality bar moves such a metric either way: its bounds are the
    least and the greatest value that the raw metric has, where it is defined, for whichever of the
    samples without a verdict pass.
    """
    values = [raw.compute(completed) for completed in view.completed(metric.parts)]
    defined = [value for value in values if not math.isnan(value)]
    low, high = min(defined, default=math.nan), max(defined, default=math.nan)
    return (high, low) if metric.higher_is_better is False else (low, high)


def details(view: PromptView, names: Sequence[str]) -> dict[str, Any]:
    """Return what is kept of a prompt's samples beside its values.

    Args:
        view: The prompt.
        names: The metrics that are computed.

    Returns:
        `sha`, of its responses; `tags`, if the prompt has any; `reference_sha`, of the responses of
        the reference, if it has any with a text; if a metric matches viewpoints, `covered`, per
        valid sample the positions of those that it covers, None where the matcher could not tell;
        if one is of classes, `classes`, the class of each of the first n valid samples, None where
        they have none; if one is of a closed set of answers, `answers`, which of them each sample
        gives that came, None for none, and where the replies say it `stated`, how probable each of
        the set is; if one is of ratings, `ratings`, one per valid sample, None where it is not
        known, and their `scale`: the best rating (`most`) and the least that reaches the quality
        bar (`bar`); with a judge `verdicts`, per judgement one value per valid sample, None where
        there is no verdict. Of a prompt that was asked by log-probability, what `Opinion.kept` or
        `Steering.kept` returns.
    """
    prompt, bench = view.prompt, view.bench
    if prompt.steering is not None:
        return prompt.steering.kept(bench.seed)
    if prompt.opinion is not None:
        own = {"sha": _sha(prompt.samples)} if prompt.replies else {}
        return prompt.opinion.kept(bench.seed) | own
    kept: dict[str, Any] = {"sha": _sha(prompt.samples)}
    if tags := prompt.doc.get(TAGS):
        kept[TAGS] = list(tags)
    if prompt.reference_texts:
        kept["reference_sha"] = _sha(prompt.reference)
    unread = _unread(names, bench)
    needs = needs_of(known(name for name in names if name not in unread))
    if bench.matcher is not None and Need.MATCHER in needs:
        kept["covered"] = _covered(view, bench.matcher)
    if Need.CLASSES in needs:
        kept["classes"] = view.classes
    if Need.ANSWERS in needs and prompt.given_answers:
        kept["answers"] = prompt.given_answers
        if stated := prompt.stated_answers(bench.several):
            kept["stated"] = stated
    if bench.ratings is not None and Need.RATINGS in needs:
        kept["ratings"] = [_none_if_nan(rating) for rating in view.ratings]
        kept["scale"] = {"most": bench.ratings.most, "bar": bench.ratings.bar(bench.bar)}
    if prompt.verdicts:
        kept["verdicts"] = {
            name: [None if v is None else v.value for v in own]
            for name, own in prompt.verdicts.items()
        }
    return kept


def _covered(view: PromptView, matcher: Matcher) -> list[list[int] | None]:
    scores = matcher.scores([view.prompt.question(view.texts)])[0]
    return [
        None if np.isnan(row).any() else np.flatnonzero(row >= matcher.threshold).tolist()
        for row in scores
    ]


def _sha(samples: Sequence[Sample]) -> str:
    return short_hash([sample.raw for sample in samples])


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
