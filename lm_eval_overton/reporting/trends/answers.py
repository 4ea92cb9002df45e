"""The prompts whose answers changed most, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lm_eval_overton.comparison.courses import Line
from lm_eval_overton.comparison.trends import Moved, Point, Trend, moved
from lm_eval_overton.errors import DataError
from lm_eval_overton.reporting.changes import missing
from lm_eval_overton.reporting.html import Markup, join, number, signed, tag
from lm_eval_overton.runs.answers import Answers, Reader, is_given
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.short_paths import without_folders

__all__ = ["side_by_side"]

# So many prompts, and characters of a sample: a page is to be opened again and again.
PROMPTS, LENGTH = 8, 1200


def side_by_side(trend: Trend, point: Point, lines: Sequence[Line], read: Reader) -> Markup:
    """Return the prompts on which a checkpoint differs most from the base, with both answers.

    Args:
        trend: The checkpoints.
        point: One of them, but for the base.
        lines: What the page shows, of which the first that both have, of a task with samples, and
            in which a prompt changed chooses the prompts.
        read: Gives the samples of one task of a run.
    """
    runs = trend.base, point.run
    shared = [line for line in lines if all(_has(own, line) for own in runs)]
    if not shared:
        return missing("No metric of answers is in both.")
    task, metric = next((line for line in shared if _moved(trend, point, line)), shared[0])
    try:
        sides = (read(runs[0], task), read(runs[1], task))
    except DataError as error:
        return missing(without_folders(str(error)))
    found = _moved(trend, point, (task, metric))
    words = f"{task}: the {min(len(found), PROMPTS)} prompts of {len(found)} that changed in "
    head = tag("p", f"{words}{metric}, largest change first.", class_="detail")
    names = (trend.base.name, point.run.name)
    listed = [_prompt(own, names, sides, i == 0) for i, own in enumerate(found[:PROMPTS])]
    return join([head, tag("div", tag("div", *listed, class_="list"), id="prompt-browser")])


def _moved(trend: Trend, point: Point, line: Line) -> list[Moved]:
    task, metric = line
    return moved(trend.base.tasks[task], point.run.tasks[task], metric)


def _has(run: FinishedRun, line: Line) -> bool:
    task = run.tasks.get(line[0])
    return task is not None and line[1] in task.values and not is_given(task)


def _prompt(
    own: Moved, names: tuple[str, str], sides: tuple[Answers, Answers], is_open: bool
) -> Markup:
    question = next((side.prompts[own.prompt] for side in sides if own.prompt in side.prompts), "")
    values = f"{number(own.before)} → {number(own.after)}"
    difference = join([signed(own.difference), " ", tag("span", values, class_="detail")])
    summary = tag(
        "summary",
        tag("span", question or own.prompt, class_="question"),
        tag("span", difference, class_="difference"),
    )
    shown = [
        tag("div", tag("h4", name), *_samples(side, own.prompt), class_="side")
        for name, side in zip(names, sides, strict=True)
    ]
    sides_shown = tag("div", *shown, class_="sides")
    return tag("details", summary, sides_shown, class_="prompt", open=is_open)


def _samples(answers: Answers, prompt: str) -> Iterator[Markup]:
    for i, sample in enumerate(answers.samples(prompt), start=1):
        text = sample.text if sample.is_valid else sample.raw or ""
        cut = text[:LENGTH] + (f" … ({len(text) - LENGTH:,} more)" if len(text) > LENGTH else "")
        status = "" if sample.is_valid else f" ({sample.status})"
        yield tag(
            "div",
            tag("span", f"sample {i}{status}", class_="number"),
            tag("p", cut, class_="text"),
            class_="sample",
        )
