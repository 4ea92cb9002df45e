"""One page of HTML that needs nothing else: no network, no server, no further file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lm_eval_overton.comparison import Compared, Homogeneity
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.reporting import alike as likeness
from lm_eval_overton.reporting import (
    browser,
    by_tag,
    changes,
    crossed,
    glance,
    made,
    sections,
    svg,
    terms,
)
from lm_eval_overton.reporting.ballots import ballots
from lm_eval_overton.reporting.decomposition import decompositions
from lm_eval_overton.reporting.document import Part, document, packaged
from lm_eval_overton.reporting.estimates import Estimates, task_names
from lm_eval_overton.reporting.figures import pictures
from lm_eval_overton.reporting.html import Markup, join, sha256_source, tag
from lm_eval_overton.reporting.picture import Picture
from lm_eval_overton.runs.answers import Answers, Reader, read_answers
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.short_paths import short_model
from lm_eval_overton.runs.whole_file import require_folder, require_place, write_whole
from lm_eval_overton.stats import SEED

__all__ = ["TEXT_BYTES", "plots", "write"]

# The most that prompts and samples take in a page. The rest takes less than 2 MB.
TEXT_BYTES = 12_000_000
TITLE = "What alignment changed"
# Each is a file of its own, so that other pages can take what they need.
SCRIPTS = ("tables.js", "terms.js", "browser.js")


def write(
    compared: Compared,
    path: Path,
    *,
    samples: Reader | None = read_answers,
    text_bytes: int = TEXT_BYTES,
    seed: int = SEED,
    alike: Homogeneity | None = None,
) -> Path:
    """Write the report of compared runs.

    Args:
        compared: At least one run, in training order.
        path: The HTML file; it is replaced as a whole, or left as it was.
        samples: Gives the samples of one task of a run; None leaves the prompt browser out.
        text_bytes: The most that prompts and samples may take, at least 0.
        seed: Of the intervals that the comparison does not hold.
        alike: How alike the samples of the runs are, if that was asked for.

    Returns:
        The path.

    Raises:
        DataError: If there is no run, or the file cannot be written.
        SettingsError: If matplotlib is not installed, or `text_bytes` is negative.
    """
    _check(compared)
    if text_bytes < 0:
        raise SettingsError(
            f"report: expected at least 0 bytes of text, got {text_bytes}; 0 leaves prompts out"
        )
    require_place(path)
    text = page(compared, samples, text_bytes, seed, alike)
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path


def plots(
    compared: Compared,
    folder: Path,
    *,
    samples: Reader | None = read_answers,
    seed: int = SEED,
    alike: Homogeneity | None = None,
) -> list[Path]:
    """Write the report's figures as PNG and SVG files.

    Args:
        compared: At least one run, in training order.
        folder: Where to; it is made if it is not there.
        samples: As for `write`; None leaves out the figures that are made of samples.
        seed: As for `write`.
        alike: As for `write`.

    Returns:
        The files, two per figure; a figure whose data are missing has none.

    Raises:
        DataError: If there is no run, or a file cannot be written.
        SettingsError: If matplotlib is not installed.
    """
    _check(compared)
    require_folder(folder)
    written = []
    heat_map = likeness.heat_map(alike, len(compared.runs))
    estimates = Estimates(compared, seed)
    for picture in (*decompositions(estimates), *pictures(estimates, samples), heat_map):
        if picture.draw is None:
            continue
        figure = picture.draw()
        for kind in ("png", "svg"):
            written.append(folder / f"{picture.key}.{kind}")
            write_whole(written[-1], svg.rendered(figure, kind))
    return written


def _check(compared: Compared) -> None:
    svg.require_matplotlib()
    if not any(run.tasks for run in compared.runs):
        raise DataError(
            "report: expected at least one run with an overton task, got none; "
            "name the folders of finished runs"
        )


# ---------------------------------------------------------------------------------------- page


def page(
    compared: Compared,
    samples: Reader | None,
    text_bytes: int,
    seed: int,
    alike: Homogeneity | None,
) -> str:
    """Return the page of `write`."""
    estimates = Estimates(compared, seed)
    parts = list(_parts(estimates, samples, text_bytes, alike))
    parts.append(
        (terms.GLOSSARY, "Definitions", terms.glossary(content for _, _, content in parts))
    )
    style, script = packaged("style.css"), "\n".join(map(packaged, SCRIPTS))
    names = ", ".join(run.name for run in compared.runs)
    return document(
        f"{TITLE}: {names}",
        style,
        _policy(style, script),
        _header(compared.runs),
        parts,
        tag("footer", "Undefined values are left empty."),
        tag("script", Markup(script)),
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {sha256_source(style)}; script-src "
        f"{sha256_source(script)}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _header(runs: Sequence[FinishedRun]) -> Markup:
    listed = [
        tag("li", tag("span", i, class_="key"), " ", tag("b", run.name), _of_run(run, i == 1))
        for i, run in enumerate(runs, start=1)
    ]
    return tag("header", tag("h1", TITLE), tag("ol", *listed, class_="runs"), made.about(runs))


def _of_run(run: FinishedRun, is_first: bool) -> Markup:
    models = sorted({short_model(result.model) for result in run.tasks.values()} - {run.name})
    tasks = ", ".join(
        f"{name} ({len(run.tasks[name].ids):,} prompts)" for name in task_names([run])
    )
    base = tag("span", "base", class_="flag") if is_first else ""
    return join([" ", base, " ", tag("span", " · ".join([*models, tasks]), class_="detail")])


def _parts(
    estimates: Estimates, samples: Reader | None, text_bytes: int, alike: Homogeneity | None
) -> Iterator[Part]:
    compared = estimates.compared
    samples = samples and _once(samples)
    drawn = pictures(estimates, samples)
    head = glance.at_a_glance(estimates, _figure)
    if head:
        yield "change", "At a glance", head
    yield "figures", "Figures", _figures(drawn)
    yield "summary", "Summary", join([_legend(compared), sections.summary(estimates)])
    yield "pairs", "Changes", changes.pair_tables(compared)
    if answers := ballots(compared.runs):
        yield "opinions", "Opinions", answers
    if written := crossed.tables(compared.runs, estimates.seed):
        yield "writers", "Whose answers", written
    yield "tags", "By tag", by_tag.tables(compared, estimates.seed)
    yield "homogeneity", "Homogeneity", _homogeneity(alike, len(compared.runs))
    yield "browser", "Samples", _browser(compared.runs, samples, text_bytes)
    yield "hygiene", "Hygiene", sections.hygiene(estimates)
    yield "judges", "Judges", sections.judges(estimates)
    yield "settings", "Settings", sections.settings(compared.runs)


def _once(read: Reader) -> Reader:
    """Return a reader that keeps what it has read: figures and browser show the same samples."""
    known: dict[tuple[int, str], Answers] = {}

    def kept(run: FinishedRun, task: str) -> Answers:
        key = (id(run), task)
        if key not in known:
            known[key] = read(run, task)
        return known[key]

    return kept


def _legend(compared: Compared) -> Markup:
    if not compared.pairs:
        return Markup("")
    words = (
        "▲ and ▼: above and below the base on the prompts that both have, p < 0.05 after Holm's "
        "correction within each table of a pair. ↑ and ↓: which direction is better, where one is."
    )
    return tag("p", words, class_="detail")


def _figures(drawn: Sequence[Picture]) -> Markup:
    there = [_figure(picture) for picture in drawn if picture.draw is not None]
    absent = [
        changes.missing(f"{picture.title}: {picture.missing}")
        for picture in drawn
        if picture.draw is None
    ]
    return join([tag("div", *there, class_="figures") if there else "", *absent])


def _figure(picture: Picture) -> Markup:
    assert picture.draw is not None
    drawn = svg.inline(picture.draw(), picture.key, picture.label, picture.titles)
    numbers = picture.numbers and tag("details", tag("summary", "In numbers"), picture.numbers)
    names = join(map(terms.term, terms.in_text(f"{picture.title} {picture.label}")), ", ")
    about = tag("p", names, class_="detail") if names else ""
    return tag("figure", tag("figcaption", picture.title), about, drawn, numbers or "")


def _homogeneity(alike: Homogeneity | None, n_runs: int) -> Markup:
    drawn = _figures([likeness.heat_map(alike, n_runs)])
    if alike is None:
        return drawn
    is_wide = n_runs > likeness.MANY
    return join([tag("div", drawn, class_="wide" if is_wide else None), likeness.tables(alike)])


# ------------------------------------------------------------------------------------- browser


def _browser(runs: Sequence[FinishedRun], samples: Reader | None, text_bytes: int) -> Markup:
    if samples is None:
        return changes.missing("Left out, as asked.")
    built = browser.build(runs, samples, text_bytes)
    said = join(_said(part) for part in built.parts)
    if not any(part.shown for part in built.parts):
        return said
    return join([
        said,
        tag("noscript", changes.missing("The browser needs scripts, which are off here.")),
        tag("div", id="prompt-browser"),
        tag("script", Markup(built.data), type="application/json", id="prompt-data"),
    ])  # fmt: skip


def _said(part: browser.TaskPart) -> Markup:
    lines = [changes.missing(note) for note in part.notes]
    if part.shown < part.total:
        chosen = f", those with the largest difference in {part.metric}" if part.metric else ""
        lines.append(
            tag(
                "p",
                f"{part.task}: this page holds {part.shown:,} of {part.total:,} prompts{chosen}. "
                f"All of them are in {', '.join(part.places)}.",
                class_="partial",
            )
        )
    return join(lines)
