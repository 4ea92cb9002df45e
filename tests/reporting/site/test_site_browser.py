"""The site in a real browser, opened as a file: what it says is what `overton compare` says."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton import stats
from lm_eval_overton.comparison import by_tag, compare
from lm_eval_overton.comparison.leaderboard import leaderboard
from lm_eval_overton.metrics.measures import is_about_samples
from lm_eval_overton.reporting import html
from lm_eval_overton.reporting.site import write_site
from lm_eval_overton.reporting.tables.cells import p_value
from tests.reporting import made
from tests.reporting.test_browser import Watched, browser, pytestmark  # noqa: F401

api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

SIZES = (None, 135_000_000, 7_000_000_000)
METRIC = "semantic_diversity"


def sized(run, parameters):
    tasks = {
        name: replace(own, parameters=parameters, reference_run=None)
        for name, own in run.tasks.items()
        if name in (made.DIVERSITY, made.COVERAGE)
    }
    return replace(run, tasks=tasks)


COMPARED = made.compared()
RUNS = [sized(run, size) for run, size in zip(COMPARED.runs, SIZES, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    write_site(RUNS, place, metric=METRIC)
    return place


@pytest.fixture
def watched(browser, folder) -> Iterator[Watched]:  # noqa: F811
    opened = Watched(browser, (folder / "index.html").as_uri())
    opened.page.wait_for_selector("#models")
    yield opened
    # Whatever a test did: only files of the site were read, and nothing complained.
    assert all(url.startswith(folder.as_uri()) for url in opened.requests)
    assert opened.faults == []
    opened.page.close()


def names(page) -> list[str]:
    return page.locator("#models tbody th").all_inner_texts()


def cells(page, k: int) -> list[str]:
    return [
        text.strip() for text in page.locator(f"#models tr td:nth-child({k})").all_inner_texts()
    ]


def choose(page, *chosen: int) -> None:
    for i in chosen:
        page.locator(f"#row-{i}").check()


def test_the_table_is_the_leaderboard_and_can_be_sorted_by_any_metric(watched):
    page = watched.page
    for metric in (METRIC, "vendi", "mean_words"):
        if metric != METRIC:
            page.get_by_label("Metric").select_option(metric)
        rows = leaderboard(RUNS, metric, made.DIVERSITY).rows
        api.expect(page.locator("#models caption")).to_contain_text(f" by {metric},")
        assert names(page) == [row.run for row in rows]
        ranks = {
            f"{row.rank}–{row.last_rank}" if row.rank < row.last_rank else str(row.rank)
            for row in rows
        }
        assert set(cells(page, 1)) == ranks
        shown = [f"{html.number(row.score.estimate)} {html.bounds(row.score)}" for row in rows]
        assert cells(page, 3) == shown


def test_a_click_on_a_column_sorts_and_another_one_turns_it(watched):
    page = watched.page
    head = page.locator("#by-lexical_diversity")
    head.click()
    api.expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    best = names(page)
    head.click()
    api.expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    assert names(page) == best[::-1]
    page.locator("#by-size").click()
    # What is not named comes last.
    api.expect(page.locator("#models tbody th").last).to_have_text("base")


def test_two_rows_differ_as_compare_says(watched):
    page = watched.page
    choose(page, 0, 2)
    api.expect(page.locator("#pair h2")).to_have_text(f"{RUNS[2].name} less base")
    page.wait_for_selector("#pair table")
    rows = compare(RUNS[0], [RUNS[2]]).pairs[0].rows
    tables = page.locator("#pair caption").all_inner_texts()
    assert tables == list(dict.fromkeys(row.table for row in rows))
    shown = {
        (caption, line.get_attribute("data-metric")): line.locator("td").all_inner_texts()
        for k, caption in enumerate(tables)
        for line in page.locator("#pair .scroll").nth(k).locator("tbody tr").all()
    }
    known = {
        (row.table, row.metric): [
            html.number(row.base.estimate),
            html.number(row.run.estimate),
            f"{html.signed(row.paired.difference)} {html.bounds(row.change)}".strip(),
            p_value(row.paired.p_value),
            p_value(row.p_holm),
            str(row.paired.n),
        ]
        for row in rows
    }
    assert shown == known
    assert len(known) > 15


def test_the_statistics_are_those_of_the_package(watched):
    rng = np.random.default_rng(3)
    state = np.random.default_rng(9).bit_generator.state["state"]
    seeded = {key: f"{number:x}" for key, number in state.items()}
    for n in (1, 2, 5, 14, 40):
        base = rng.normal(0, 1, (n, 4))
        run = base + rng.normal(0.2, 0.5, (n, 4))
        # Ties, undefined prompts, and a column in which nothing differs.
        run[:, 1], base[:, 1] = np.round(run[:, 1]), np.round(base[:, 1])
        run[rng.random(n) < 0.2, 2] = np.nan
        run[:, 3] = base[:, 3]
        limits = [(-9.0, 9.0), (-math.inf, math.inf), (-9.0, 9.0), (-9.0, 9.0)]
        known = stats.paired_comparisons(run, base, np.random.default_rng(9), limits=limits)
        pairs = [[plain(base[:, j]), plain(run[:, j])] for j in range(4)]
        ends = [list(own) if math.isfinite(own[0]) else None for own in limits]
        found = watched.page.evaluate(
            "([pairs, ends, seeded]) => Paired.comparisons(pairs, ends, seeded)",
            [pairs, ends, seeded],
        )
        for own, one in zip(known, found, strict=True):
            assert one["n"] == own.n
            here = [one[key] for key in ("difference", "low", "high", "p", "detectable")]
            there = [own.difference, own.ci_low, own.ci_high, own.p_value, own.detectable]
            assert here == pytest.approx(there, rel=1e-9, abs=1e-9, nan_ok=True)
    p = [0.01, 0.2, 0.04, 0.03]
    assert watched.page.evaluate("(p) => Paired.holm(p)", p) == pytest.approx(
        stats.holm(p).tolist()
    )


def plain(values):
    return [None if math.isnan(value) else value for value in values.tolist()]


def test_a_tag_has_ranks_and_differences_of_its_own(watched):
    page = watched.page
    page.get_by_label("Tag of prompts").select_option(label="advice (23 prompts)")
    api.expect(page.locator("#board > .count")).to_have_text(
        "3 of 3 models, on the prompts tagged advice"
    )
    choose(page, 0, 2)
    page.wait_for_selector("#pair table")
    [tagged] = by_tag(compare(RUNS[0], [RUNS[2]]))
    known = {
        own.row.metric: html.signed(own.row.paired.difference) + " " + html.bounds(own.row.change)
        for own in tagged.rows
        if own.tag == "advice" and own.row.task == made.DIVERSITY
    }
    shown = {
        line.get_attribute("data-metric"): line.locator("td").nth(2).inner_text()
        for line in page.locator("#pair tbody tr").all()
    }
    assert shown == known
    assert len(known) > 2
    assert not any(map(is_about_samples, known))


def test_filters_by_size_and_by_name_hide_rows_and_keep_ranks(watched):
    page = watched.page
    before = dict(zip(names(page), cells(page, 1), strict=True))
    page.get_by_label("Parameters").select_option("4 to 10 B")
    api.expect(page.locator("#board > .count")).to_have_text("1 of 3 models")
    assert names(page) == [RUNS[2].name]
    assert cells(page, 1) == [before[RUNS[2].name]]
    page.get_by_label("Parameters").select_option("any size")
    page.get_by_label("Search models").fill("SFT")
    api.expect(page.locator("#board > .count")).to_have_text("1 of 3 models")
    assert names(page) == [RUNS[1].name]
    assert page.evaluate("document.activeElement.id") == "words"


def test_another_task_is_another_board(watched):
    page = watched.page
    label = next(
        text
        for text in page.locator("#board option, #board select option").all_inner_texts()
        if text.startswith(made.COVERAGE)
    )
    page.get_by_label("Task and signature").select_option(label=label)
    api.expect(page.locator("#about")).to_contain_text(made.COVERAGE)
    assert page.locator("#signature").inner_text().startswith(made.COVERAGE)


def test_a_model_has_a_page_that_can_be_linked_and_left(watched):
    page = watched.page
    page.get_by_role("link", name=RUNS[1].name).click()
    api.expect(page.locator("#board h2")).to_have_text(RUNS[1].name)
    api.expect(page.locator("#facts")).to_contain_text(RUNS[1].tasks[made.DIVERSITY].signature)
    assert page.locator("svg.strip").count() == page.locator("#board tbody tr").count() > 10
    assert page.locator("#plane .own").count() > 0
    page.go_back()
    page.wait_for_selector("#models")
    assert page.locator("#board b").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_wider_than_the_page(browser, folder, width, scheme):  # noqa: F811
    watched = Watched(browser, (folder / "index.html").as_uri(), width, color_scheme=scheme)
    page = watched.page
    page.wait_for_selector("#models")
    choose(page, 0, 1)
    page.wait_for_selector("#pair table")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="base").click()
    page.wait_for_selector("svg.strip")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.faults == []
    page.close()
