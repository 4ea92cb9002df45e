"""The files of a site: one page, its scripts and styles, and its data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from lm_eval_overton.comparison.leaderboard import Board, boards_of
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.reporting.html import Markup, join, prose, tag
from lm_eval_overton.reporting.site.content import Site
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.whole_file import require_folder, write_whole
from lm_eval_overton.stats import SEED
from lm_eval_overton.version import __version__

__all__ = ["write_site"]

TITLE = "Leaderboard"
DATA = "data"
# What a larger site than this may have left behind.
OURS = re.compile(r"(run-\d+|board-\d+(-tag-\d+)?)\.js")
# The report's style comes first: it holds the colours of both schemes.
STYLES = (("lm_eval_overton.reporting", "style.css"), (f"{__package__}", "site.css"))
SCRIPTS = ("paired.js", "parts.js", "figures.js", "site.js")
# A page that was opened as a file comes from no server: its own files are named by the scheme.
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
METHOD = (
    "Intervals are of 95 % and over prompts. A rank is a range where intervals cannot tell rows "
    "apart: it begins at one plus the number of models that are better for sure, and ends where "
    "only models that are worse for sure follow. For sure means that, on the prompts of both, the "
    "interval of the paired difference leaves 0 out and p is below 5 %. Ranks are among all models "
    "of the table, also those that a filter hides.",
    "Two models are compared here in the browser, prompt by prompt, by the statistics of `overton "
    "compare`: 4,999 bootstrap resamples (BCa or percentile, whichever reaches further, with tails "
    "widened to Student's t), and a test of random signs, drawn as that command draws them, so "
    "that both say the same. p (Holm) counts the tests of its table.",
)
STEPS = (
    "Run the task with the settings of the table's signature: `lm_eval --tasks TASK --log_samples "
    "-o DIR`, or score responses that exist with `overton score FILE --task TASK -o DIR`. With "
    "`--limit` a run cannot join.",
    "Look whether it can join: `overton leaderboard --check DIR/.../results_*.json` says it in a "
    "line, and exits with 1 if not.",
    "Send the results file, and with it the samples file that lies beside it. The keeper puts both "
    "into a folder of their own below RUNS, checks them with `overton leaderboard RUNS --check "
    "FILE`, and makes the site anew with `overton leaderboard RUNS --html DIR`.",
)


def write_site(
    runs: Sequence[FinishedRun],
    folder: Path,
    *,
    metric: str = "",
    task: str | None = None,
    seed: int = SEED,
) -> Path:
    """Write a leaderboard as a static site.

    Args:
        runs: Finished runs of different names, at least one.
        folder: Where to; files of an earlier site there are replaced, or removed.
        metric: The metric that sorts at first; empty for the first of the headline.
        task: The only task to show; None for all.
        seed: Of the resamples.

    Returns:
        The page.

    Raises:
        SettingsError: If no run has the task or the metric.
        DataError: If a file cannot be written.
    """
    boards = _boards(runs, metric, task)
    require_folder(folder / DATA)
    site = Site(runs, boards, seed, metric)
    written = {folder / DATA / name: text for name, text in site.files()}
    for package, name in (*STYLES, *((f"{__package__}", name) for name in SCRIPTS)):
        written[folder / name] = (resources.files(package) / name).read_text(encoding="utf-8")
    for path, text in {**written, folder / "index.html": _page()}.items():
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    for path in set((folder / DATA).iterdir()) - set(written):
        if OURS.fullmatch(path.name):
            path.unlink()
    return folder / "index.html"


def _boards(runs: Sequence[FinishedRun], metric: str, task: str | None) -> list[Board]:
    boards = [one for one in boards_of(runs) if one.metrics and task in (None, one.task)]
    if metric:
        # What was asked for is what is shown first.
        boards.sort(key=lambda own: metric not in own.metrics)
    if not boards or (metric and metric not in boards[0].metrics):
        held = sorted({own.task for run in runs for own in run.tasks.values()})
        wanted = " with ".join(filter(None, [task or "a task", metric]))
        raise SettingsError(
            f"leaderboard: expected results of {wanted}, got those of {', '.join(held)}; name "
            "another task or metric"
        )
    return boards


def _page() -> str:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"lm-eval-overton {__version__}"),
        tag("link", rel="icon", href="data:,"),
        tag("title", TITLE),
        *(tag("link", rel="stylesheet", href=name) for _, name in STYLES),
    )
    body = tag(
        "body",
        tag("a", "Skip to the table", href="#content", class_="skip"),
        tag("header", tag("h1", TITLE), tag("p", id="about", class_="detail")),
        tag("main", *_parts(), id="content", tabindex="-1"),
        tag("footer", f"Made by lm-eval-overton {__version__}. Undefined values are left empty."),
        *(tag("script", src=name) for name in (*SCRIPTS, f"{DATA}/index.js")),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _parts() -> list[Markup]:
    steps = tag("ol", *(tag("li", prose(step)) for step in STEPS))
    signed = tag("p", "The settings of this table: ", tag("code", id="signature"))
    return [
        tag("noscript", tag("p", "The table needs scripts, which are off here.", class_="missing")),
        tag("div", id="board"),
        _section("method", "How to read it", join(tag("p", prose(text)) for text in METHOD)),
        _section("submit", "How to submit", join([steps, signed])),
    ]


def _section(key: str, title: str, content: Markup) -> Markup:
    heading = tag("h2", title, id=f"{key}-title")
    return tag("section", heading, content, id=key, aria_labelledby=f"{key}-title")
