"""`overton judge`: complete a finished run with a judge's verdicts, in new files only."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.judging.judgeable import Judgeable, find_judgeable
from lm_eval_overton.harness.replay import build, score
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.judge.ask import Question, Verdicts
from lm_eval_overton.judge.client.model import HarnessJudge, Plan
from lm_eval_overton.judge.verdicts import STATUSES
from lm_eval_overton.matchers.equivalence.judged import JudgeEquivalence
from lm_eval_overton.matchers.equivalence.table import EQUIVALENCES
from lm_eval_overton.matchers.table import MATCHERS, asks_judge, make_matcher
from lm_eval_overton.metrics.measures import CLASSED, JUDGED, MATCHING, RATED
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.metrics.reading import read
from lm_eval_overton.metrics.score import score_prompts
from lm_eval_overton.metrics.verdicts import CLASSES
from lm_eval_overton.runs.entry import verdict_counts
from lm_eval_overton.runs.responses import Responses
from lm_eval_overton.runs.whole_file import require_place, write_whole
from lm_eval_overton.settings.judge import JudgeSpec, named_address, read_spec
from lm_eval_overton.settings.task import KEYS, Settings
from lm_eval_overton.settings.yaml_text import yaml_value

__all__ = ["describe", "dry_run", "judge_run", "read_prices", "without_verdict"]

logger = logging.getLogger("lm_eval.overton")

# English text has about four characters per token.
CHARACTERS_PER_TOKEN = 4
# What the replies to our prompts come to, with a reason of one or two sentences.
REPLY_TOKENS = 120
PRICED = ("input", "output")
# A finished run may have been matched or compared in ways that its judge has no part in.
NOT_FOR_JUDGE = frozenset({"matcher", "nli_model", "threshold", "bertscore", "bertscore_layers"})


def judge_run(
    place: Path,
    only: str | None,
    given: Mapping[str, Any],
    prompts: str | None = None,
    *,
    trusting: bool = False,
    retry_unreadable: bool = False,
) -> Iterator[dict[str, Any]]:
    """Judge each task of a finished run and write `judged_<task>_<time>.json`.

    Where the judge also matched the run's viewpoints, coverage is completed with its verdicts.

    Args:
        place: A run's folder, or a file of samples, generations or responses.
        only: The task to judge; None: all that a judge is of use for.
        given: Settings that go before those of the run, the judge above all.
        prompts: The prompts that were answered, where the file does not say them.
        trusting: Whether requests, with the user's key, may go to an address that the run names.
        retry_unreadable: Whether replies that are kept and cannot be read are asked for again.

    Yields:
        The harness's results dictionary per task, with the file's path under `path`.

    Raises:
        OvertonError: If there is no judge, nothing to judge, or a file cannot be read.
    """
    done = 0
    for judgeable, found in find_judgeable(place, only):
        task = judgeable.task
        # What the judge says is paid for.
        require_place(_new_file(_beside(place, judgeable), task))
        settings, metrics = _inputs(judgeable, found, given)
        if not trusting and not given.get("judge"):
            _refuse_unknown_address(judgeable, settings["judge"])
        built = build(found, task, prompts=prompts, metadata=settings, only=metrics)
        if not built.metric_names:
            continue
        if retry_unreadable:
            _forget_unreadable(built)
        results = score(found, task, prompts=prompts, metadata=settings, only=metrics)
        results.pop("samples", None)
        done += 1
        yield {**results, "path": str(_write(place, judgeable, results))}
    if not done:
        raise SettingsError(
            f"{place}: expected a judge with a judgement for one of the tasks, got one that can "
            "judge none of them (by log-likelihood only stance and missing can be judged)"
        )


def without_verdict(results: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the tasks of a results dictionary without any verdict, and what they have instead.

    Returns:
        The number of verdicts by what became of them, by task.
    """
    counts = {task: verdict_counts(config).values() for task, config in results["configs"].items()}
    return {
        task: {status: sum(one[status] for one in own) for status in STATUSES}
        for task, own in counts.items()
        if own and not any(one["parsed"] for one in own)
    }


def dry_run(
    place: Path,
    only: str | None,
    given: Mapping[str, Any],
    prompts: str | None = None,
    prices: Path | None = None,
) -> Iterator[str]:
    """Yield per task what judging it would send and cost; nothing is sent.

    Raises:
        OvertonError: As `judge_run`, or if the price table cannot be read.
    """
    for judgeable, found in find_judgeable(place, only):
        task = judgeable.task
        settings, metrics = _inputs(judgeable, found, given)
        built = build(found, task, prompts=prompts, metadata=settings, only=metrics)
        spec, judge = built.settings.judge, built.stage.judge
        if spec is None or not built.stage.counted_names or not isinstance(judge, HarnessJudge):
            yield f"{task}: nothing to send"
            continue
        model = str(spec.model_args.get("model") or spec.model)
        table = read_prices(prices, model) if prices else None
        yield describe(task, judge.plan(_questions(built)), spec, table)


class _Collector:
    """A judge that only takes down what it is asked."""

    signature = ""

    def __init__(self) -> None:
        self.questions: list[Question] = []

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        self.questions += questions
        return [None] * len(questions)


def _questions(task: OvertonTask) -> list[Question]:
    assert task.recorded is not None
    collector = _Collector()
    responses = task.recorded.responses
    prompts = [
        Prompt(
            doc,
            task.cleaning.samples(responses[doc["id"]]),
            task.reference.get(doc["id"], ()),
        )
        for doc in task.prompt_set.docs
    ]
    replace(task.stage, judge=collector).judged(prompts)
    tools = task.instruments
    if tools.matcher is not None and tools.matcher.asks:
        name, threshold = task.settings.matcher, task.settings.threshold
        matcher = make_matcher(name, tools.encoder, threshold=threshold, judge=collector)
        asking = MATCHING.intersection(task.metric_names)
        # What is asked may depend on how the language's responses are split.
        bench = read(prompts, replace(task.bench, matcher=matcher), task.settings.language).bench
        score_prompts(prompts, sorted(asking), bench)
    if CLASSES in task.stage.beside:
        bench = replace(task.bench, equivalence=JudgeEquivalence(collector))
        score_prompts(prompts, sorted(CLASSED.intersection(task.metric_names)), bench)
    return collector.questions


def _forget_unreadable(task: OvertonTask) -> None:
    judge = task.stage.judge
    if isinstance(judge, HarnessJudge):
        lost = judge.forget_unreadable(_questions(task))
        logger.info("%s: %d unreadable replies are asked for again", task.task_name, lost)


def describe(task: str, plan: Plan, spec: JudgeSpec, prices: Mapping[str, Any] | None) -> str:
    """Return a plan in words: requests, tokens and, with prices, what it would cost."""
    sent = plan.requests - plan.cached
    tokens_in = plan.characters // CHARACTERS_PER_TOKEN
    known = [len(reply) / CHARACTERS_PER_TOKEN for reply in plan.replies]
    most = spec.max_tokens if spec.mode == "text" else 0
    each = min(sum(known) / len(known) if known else REPLY_TOKENS, most)
    tokens_out = round(sent * each)
    words = (
        f"{task}: {plan.requests} requests, {plan.cached} of them answered before, {sent} to send; "
        f"about {tokens_in} input tokens and {tokens_out} output tokens "
        f"(at most {sent * most})"
    )
    if prices is None:
        return f"{words}; for the cost give --prices FILE"
    cost = (tokens_in * prices["input"] + tokens_out * prices["output"]) / 1e6
    return f"{words}; cost about {cost:.2f}"


def read_prices(path: Path, model: str) -> Mapping[str, float]:
    """Return the prices per million tokens from a YAML or JSON file.

    Args:
        path: `{"input": 2.5, "output": 10}`, or such objects by model name.
        model: The judge's model.

    Raises:
        DataError: If the file cannot be read or does not price the model.
    """
    try:
        table = yaml_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a readable price table, got {error}") from error
    found = table.get(model, table) if isinstance(table, Mapping) else None
    if not isinstance(found, Mapping) or not all(_is_price(found.get(k)) for k in PRICED):
        raise DataError(
            f'{path}: expected {{"input": PRICE, "output": PRICE}} per million tokens, by itself '
            f"or under {model!r}, got {found!r:.80}"
        )
    return {key: float(found[key]) for key in PRICED}


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _inputs(
    judgeable: Judgeable, found: Responses, given: Mapping[str, Any]
) -> tuple[dict[str, Any], AbstractSet[str]]:
    """Return the settings that a task's responses are judged with, and what is computed."""
    own = {**found.settings, **judgeable.metadata}
    matched, sorted_too = _asked_of_judge(own, given, judgeable.task)
    left = NOT_FOR_JUDGE - {"matcher", "threshold"} if matched else NOT_FOR_JUDGE
    metrics = JUDGED | RATED | (MATCHING if matched else frozenset())
    if sorted_too:
        metrics |= CLASSED
    elif _is_by_judge(own.get("equivalence")):
        metrics, left = metrics - CLASSED, left | {"equivalence"}
    kept = {key: own[key] for key in KEYS if key in own and key not in left}
    settings = {**kept, **given}
    if not settings.get("judge"):
        raise SettingsError(
            f"{judgeable.responses}: expected a judge, got a run without one; name it with "
            '--judge, a JSON object such as \'{"model": "hf", "model_args": {"pretrained": '
            '"..."}}\' or a YAML file'
        )
    return settings, metrics


def _refuse_unknown_address(judgeable: Judgeable, judge: Any) -> None:
    """Refuse to send requests where a run says that may come from somebody else."""
    address = named_address(read_spec(judge, judgeable.task))
    if address:
        raise SettingsError(
            f"{judgeable.results or judgeable.responses}: expected --judge or --yes before the "
            f"responses, and your key, go to an address that only the run names, got neither; it "
            f"would send them to {address} (--yes if that is right)"
        )


def _asked_of_judge(
    own: Mapping[str, Any], given: Mapping[str, Any], task: str
) -> tuple[bool, bool]:
    """Tell whether the judge is the one who matched the run's viewpoints, and sorted its samples.

    Another judge leaves both as they are.
    """
    before = read_spec(own["judge"], task) if own.get("judge") else None
    matches = _is_matched_by(before, own) and NOT_FOR_JUDGE.isdisjoint(given)
    sorts = _is_by_judge(own.get("equivalence")) and "equivalence" not in given
    if not (matches or sorts) or "judge" not in given or before is None:
        return matches, sorts
    now = read_spec(given["judge"], task)
    if now.model and HarnessJudge(before).signature == HarnessJudge(now).signature:
        return matches, sorts
    for part, is_judged in (("coverage", matches), ("which samples are the same", sorts)):
        if is_judged:
            logger.warning("%s: %s stays what the run's own judge made it", task, part)
    return False, False


def _is_matched_by(judge: JudgeSpec | None, own: Mapping[str, Any]) -> bool:
    name = str(own.get("matcher"))
    return (
        judge is not None and name in MATCHERS and asks_judge(Settings(matcher=name, judge=judge))
    )


def _is_by_judge(equivalence: Any) -> bool:
    kind = EQUIVALENCES.get(str(equivalence))
    return kind is not None and kind.by_judge


def _new_file(folder: Path, task: str) -> Path:
    path = folder / f"judged_{task}_{time.strftime('%Y-%m-%dT%H-%M-%S')}.json"
    if path.exists():
        # The next second's name is free: nothing is written over.
        time.sleep(0.2)
        return _new_file(folder, task)
    return path


def _write(place: Path, judgeable: Judgeable, results: Mapping[str, Any]) -> Path:
    """Write the judged metrics beside the results that they complete."""
    if judgeable.results is not None:
        results = {**results, "model_name": judgeable.model}
    path = _new_file(_beside(place, judgeable), judgeable.task)
    text = json.dumps(results, indent=2, default=str, allow_nan=False)
    write_whole(path, text.encode())
    return path


def _beside(place: Path, judgeable: Judgeable) -> Path:
    """Return the folder of the results that a judge completes."""
    return (judgeable.results or (place if place.is_file() else place / "-")).parent
