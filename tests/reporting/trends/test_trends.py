"""The page of a trend: every part is there, nothing breaks out, equal runs give equal bytes."""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lm_eval_overton.comparison.trends import Pairing, first_failure
from lm_eval_overton.errors import DataError
from lm_eval_overton.reporting.trends import State, write
from lm_eval_overton.reporting.trends.page import on_prompts
from tests.reporting import made

NAMES = ("checkpoint-0", "checkpoint-50 <b>&amp;", "checkpoint-100")


METRICS = ("semantic_diversity", "lexical_diversity", "refusal_share")


def checkpoint(i, name):
    """A made run of which there are few figures."""
    own = made.finished(i, name).tasks[made.DIVERSITY]
    values = {metric: own.values[metric] for metric in METRICS}
    run = made.finished(i, name)
    return replace(run, tasks={made.DIVERSITY: replace(own, values=values)})


def answers(run, task):
    found = made.answers(run, task)
    prompts = {key: f"{text} {made.SCRIPT}" for key, text in found.prompts.items()}
    return replace(found, prompts=prompts)


@pytest.fixture(scope="module")
def trend():
    runs = [checkpoint(i, name) for i, name in enumerate(NAMES)]
    return Pairing().trend(runs[0], [(50 * i, run) for i, run in enumerate(runs)])


@pytest.fixture(scope="module")
def page(trend, tmp_path_factory):
    path = tmp_path_factory.mktemp("trend") / "trends.html"
    states = [State("checkpoint-150", "not finished: no weights <i>")]
    failed = first_failure(trend, ["semantic_diversity<-0.05"])
    return write(trend, path, states=states, failed=failed, samples=answers)


def test_it_holds_every_part(page):
    text = page.read_text()
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", text)
    assert titles == ["Beyond its bound", "Alarms", "Trends", "Where it changes", "In numbers",
                      "Answers that changed most", "Checkpoints"]  # fmt: skip
    assert text.count("<figure>") == text.count('role="img" aria-labelledby=')
    assert "Change of semantic_diversity from checkpoint-0 by step" in text
    assert "not finished: no weights &lt;i&gt;" in text
    # An alarm of the run, and what is said of it.
    assert "all samples of a prompt are identical" in text
    assert "▼ −0." in text


def test_a_table_has_a_row_for_each_checkpoint_in_order(trend, page):
    text = page.read_text()
    rows = re.findall(r'<th scope="row">(\d+)</th><td>(.*?)</td><td>(.*?)</td>', text)[:3]
    assert [step for step, *_ in rows] == ["0", "50", "100"]
    assert rows[0][2] == "base"
    row = next(r for r in trend.points[2].base.rows if r.metric == "semantic_diversity")
    assert f"{row.paired.mean_a:.3f}" in text


def test_a_checkpoint_without_the_task_has_no_numbers_of_the_base(trend, tmp_path):
    base, other = trend.base, trend.points[2].run
    away = replace(other.tasks[made.DIVERSITY], task="overton_coverage")
    both = replace(base, tasks={**base.tasks, away.task: away})
    elsewhere = replace(other, place=Path("elsewhere"), tasks={away.task: away})
    runs = [(1, elsewhere), (2, other)]
    text = write(Pairing().trend(both, runs), tmp_path / "page.html").read_text()
    rows = re.findall(r'<th scope="row">(\d)</th><td>(.*?)</td><td>(.*?)</td>', text)
    # Each has no cell in the task that the other has.
    assert [(step, bool(mean), bool(change)) for step, mean, change in rows] == [
        *[("1", False, False), ("2", True, True)] * len(METRICS),
        *[("1", True, True), ("2", False, False)] * len(METRICS),
    ]


def test_the_answers_shown_are_of_a_task_that_has_some_and_of_what_changed(trend, tmp_path):
    def chosen(run):
        own = run.tasks[made.DIVERSITY]
        given = replace(own, task="a_choice", signature="a_choice@1|answers:loglikelihood")
        same = {
            **own.values,
            "semantic_diversity": trend.base.tasks[own.task].values["semantic_diversity"],
        }
        said = replace(own, task="b_said", values=same)
        return replace(run, tasks={given.task: given, said.task: said})

    base, other = chosen(trend.base), chosen(trend.points[2].run)
    page = write(Pairing().trend(base, [(1, other)]), tmp_path / "page.html", samples=answers)
    found = re.findall(r"(\w+): the \d+ prompts of \d+ that changed in (\w+)", page.read_text())
    assert found == [("b_said", "lexical_diversity")]


def test_nothing_breaks_out_and_nothing_is_loaded(page):
    found = []

    class Read(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append(tag)
            assert not any(name.startswith("on") for name, _ in attributes)
            assert not any(name in ("src", "style") for name, _ in attributes)

    Read().feed(page.read_text())
    assert not {"script", "img", "i", "iframe"} & set(found)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.read_text()


def test_equal_runs_give_equal_bytes(trend, tmp_path):
    first = write(trend, tmp_path / "a.html", samples=answers).read_bytes()
    assert write(trend, tmp_path / "b.html", samples=answers).read_bytes() == first
    assert b"Beyond its bound" not in first


def test_it_says_on_which_prompts_a_checkpoint_failed(trend):
    point, [failure, *_] = first_failure(trend, ["overton_diversity.semantic_diversity<-0.05"])
    lines = on_prompts(trend, point, failure, answers)
    assert len(lines) == 5
    values = [re.match(r"(\S+): (\S+) → (\S+)  Question", line).groups() for line in lines]
    falls = [float(after) - float(before) for _, before, after in values]
    assert falls == sorted(falls)
    assert falls[-1] < 0


def test_one_checkpoint_has_nothing_to_compare_yet(trend, tmp_path):
    alone = Pairing().trend(trend.base, [(0, trend.base)])
    text = write(alone, tmp_path / "a.html", samples=answers).read_text()
    assert "One checkpoint has nothing to be compared with" in text
    assert "<figure>" not in text


def test_answers_that_are_gone_are_said_to_be(trend, tmp_path):
    def gone(run, task):
        raise DataError(f"{run.name}: expected the responses, got no file")

    text = write(trend, tmp_path / "a.html", samples=gone).read_text()
    assert "checkpoint-0: expected the responses, got no file" in text


def test_a_task_of_unknown_metrics_is_shown_by_those_with_a_direction(tmp_path):
    runs = []
    for i, name in enumerate(NAMES):
        own = checkpoint(i, name).tasks[made.DIVERSITY]
        plain = own.values["lexical_diversity"]
        values = {"odd": plain + i, "even": plain}
        better = {"odd": True, "even": None}
        task = replace(own, task="overton_new", values=values, higher_is_better=better)
        runs.append(replace(checkpoint(i, name), tasks={"overton_new": task}))
    trend = Pairing().trend(runs[0], [(i, run) for i, run in enumerate(runs)])
    text = write(trend, tmp_path / "a.html", samples=answers).read_text()
    assert "Change of odd from" in text
    assert "Change of even from" not in text


CHROMIUM = Path(os.environ.get("OVERTON_TEST_CHROMIUM", "/usr/bin/chromium"))


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs a browser: name it in the environment")
def test_it_can_be_read_in_a_browser_at_both_widths(page):
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with api.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        shown = browser.new_page()
        said = []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("request", lambda request: said.append(request.url))
        shown.goto(page.as_uri())
        for at, width in enumerate((1280, 390), start=1):
            shown.set_viewport_size({"width": width, "height": 900})
            assert shown.evaluate("document.documentElement.scrollWidth") == width
            assert shown.locator("svg.figure").first.bounding_box()["width"] > 250
            prompt = shown.locator("details.prompt").nth(at)
            prompt.locator("summary").click()
            assert prompt.locator(".sample").first.is_visible()
        assert said == [page.as_uri()]
        browser.close()
