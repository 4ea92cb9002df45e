"""The page in a real browser: nothing is loaded, nothing runs that is not ours, all can be used."""

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_overton.comparison import Compared
from lm_eval_overton.reporting import write
from tests.reporting import made

api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

CHROMIUM = Path(os.environ.get("OVERTON_TEST_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
]  # fmt: skip
WIDTHS = (1280, 390)

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="needs a browser: name it with OVERTON_TEST_CHROMIUM"
)


class Watched:
    """A page of the report with everything that went wrong in it."""

    def __init__(self, browser, url: str, width: int = 1280, **options) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.goto(url)

    def _dialog(self, dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def questions(self) -> list[str]:
        """The prompts that the browser lists, in its order."""
        return self.page.locator(".prompt .question").all_inner_texts()

    def differences(self) -> list[float]:
        texts = self.page.locator(".prompt .difference").all_text_contents()
        return [float(text.split()[0].replace("−", "-")) for text in texts]

    def status(self) -> str:
        return self.page.locator("[role=status]").inner_text()

    def find(self, words: str, count: str) -> None:
        self.page.get_by_label("Search prompts and samples").fill(words)
        api.expect(self.page.locator("[role=status]")).to_have_text(count)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    write(made.compared(), path, samples=made.answers)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def watched(browser, url) -> Iterator[Watched]:
    opened = Watched(browser, url)
    yield opened
    # Whatever a test did: nothing was asked of the network, and nothing complained.
    assert opened.requests == [url]
    assert opened.faults == []
    opened.page.close()


def test_the_page_lists_the_prompts_that_differ_most_first(watched):
    assert watched.status() == "45 of 45 prompts"
    sizes = [abs(d) for d in watched.differences()]
    assert len(sizes) == 20
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_orders_and_metrics_can_be_chosen(watched):
    watched.page.get_by_label("Metric").select_option("units_at_1_words")
    watched.page.get_by_label("Order").select_option(label="right above left first")
    down = watched.differences()
    assert down == sorted(down, reverse=True)
    watched.page.get_by_label("Order").select_option(label="right below left first")
    up = watched.differences()
    assert up == sorted(up)
    assert up[0] < down[0]
    watched.page.get_by_label("Order").select_option(label="as in the prompts")
    assert watched.questions()[1:3] == ["Question 1 about gardens?", "Question 2 about gardens?"]


@pytest.mark.parametrize("order", ["largest difference", "right above left", "right below left"])
def test_an_undefined_difference_comes_last(watched, order):
    # The values of prompt 12 are undefined; in the other metric it comes first.
    watched.page.get_by_label("Metric").select_option("units_at_1_words")
    watched.page.get_by_label("Order").select_option(label=f"{order} first")
    watched.page.get_by_role("button", name="Next page").click()
    watched.page.get_by_role("button", name="Next page").click()
    assert watched.questions()[-1] == "Question 12 about gardens?"
    last = watched.page.locator(".prompt .difference").last.text_content()
    assert last.startswith("undefined")


def test_runs_can_be_chosen_and_their_samples_stand_side_by_side(watched):
    sides = watched.page.locator(".prompt[open] .side h4")
    assert sides.all_inner_texts() == ["1 base", "3 dpo $x_1$ 模型"]
    watched.page.get_by_label("Left run").select_option(label="2 sft <b>&amp;")
    assert sides.all_inner_texts() == ["2 sft <b>&amp;", "3 dpo $x_1$ 模型"]
    boxes = [side.bounding_box() for side in watched.page.locator(".prompt[open] .side").all()]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert watched.page.locator(".prompt[open] .sample").count() == 2 * made.SAMPLES


def test_a_search_finds_words_of_prompts_and_of_samples_and_marks_them(watched):
    watched.find("zebra", "1 of 45 prompts")
    assert watched.questions() == ["Question 1 about gardens?"]
    assert set(watched.page.locator("mark").all_inner_texts()) == {"zebra"}
    watched.find("question 44", "1 of 45 prompts")
    watched.find("nowhere to be found", "0 of 45 prompts")
    assert watched.questions() == []
    watched.find("", "45 of 45 prompts")


def test_a_response_that_is_a_script_is_text_and_does_nothing(watched):
    watched.find("alert(1)", "1 of 45 prompts")
    texts = watched.page.locator(".prompt[open] .sample .text").all_text_contents()
    assert texts[0] == made.SCRIPT
    assert texts[1].startswith('</script><img src=x onerror="alert(2)">')
    assert watched.page.locator("main img").count() == 0
    assert watched.page.get_by_text("failed", exact=True).first.is_visible()


SHARED = "😀 Sure, here <b>is what</b> I think: <script>alert(3)</script> zebra"
OWN = ("so be it.", "no. It depends on <i>stripes</i> of others.", "not now.")


@pytest.fixture
def anchored(browser, tmp_path) -> Iterator[Watched]:
    """A page of one run; the samples of one prompt begin alike, with markup in what they share."""

    def answers(run, task):
        found = made.answers(run, task)
        samples = [f"{SHARED} {own}" for own in OWN]
        return replace(found, responses={**found.responses, made.ids(task)[20]: samples})

    bare = made.finished(0, "one")
    # What the results say of these responses is another run's.
    tasks = {
        name: replace(task, details=tuple({} for _ in task.details))
        for name, task in bare.tasks.items()
    }
    path = tmp_path / "report.html"
    write(Compared((replace(bare, tasks=tasks),), ()), path, samples=answers)
    opened = Watched(browser, path.as_uri())
    yield opened
    assert opened.requests == [path.as_uri()]
    assert opened.faults == []
    opened.page.close()


def test_anchors_are_underlined_and_stay_text_whatever_is_in_them(anchored):
    anchored.find("question 20 ", "1 of 45 prompts")
    sample = anchored.page.locator(".prompt[open] .sample").first
    assert sample.locator(".text").inner_text() == f"{SHARED} {OWN[0]}"
    # The emoji, which a browser counts as two characters, and what is this sample's own are not.
    assert sample.locator("u.anchor").all_inner_texts() == [SHARED.removeprefix("😀 ")]
    assert anchored.page.locator("main .text b, main .text script").count() == 0


def test_anchors_are_told_without_the_line_below_them(anchored):
    anchored.find("question 20 ", "1 of 45 prompts")
    side = anchored.page.locator(".prompt[open] .side")
    assert (
        side.locator("> p.detail").inner_text().startswith("Underlined: anchors, words in runs of")
    )
    assert side.locator(".chip.anchored").all_inner_texts() == ["1 anchor"] * 3
    title = side.locator(".sample u.anchor").first.get_attribute("title")
    assert title == "words in runs of five that at least half of the other samples hold too"


def test_a_word_that_is_searched_for_is_marked_within_an_anchor(anchored):
    anchored.find("zebra so", "1 of 45 prompts")
    sample = anchored.page.locator(".prompt[open] .sample").first
    # What is found goes on where the anchor ends.
    assert sample.locator("mark").all_inner_texts() == ["zebra", " so"]
    assert sample.locator("u.anchor mark").all_inner_texts() == ["zebra"]
    assert sample.locator(".text").inner_text() == f"{SHARED} {OWN[0]}"


def test_samples_without_anchors_have_no_legend(watched):
    watched.find("zebra", "1 of 45 prompts")
    assert watched.page.locator(".prompt[open] u.anchor").count() == 0


def test_the_numbers_of_a_figure_can_be_unfolded(watched):
    figure = watched.page.locator("figure", has_text="Anchor share by tenth of the answer")
    part = figure.locator("details")
    assert not part.locator("table").is_visible()
    part.locator("summary").click()
    assert part.locator("tbody tr").count() == 11


def test_viewpoints_are_marked_where_they_are_covered_and_verdicts_are_shown(watched):
    watched.page.get_by_label("Task").select_option(label=made.COVERAGE)
    watched.find("question 9 ", "1 of 45 prompts")
    views = watched.page.locator(".views li").all_inner_texts()
    assert len(views) == 3
    assert made.SCRIPT in views[1]
    # Viewpoint k is covered by sample j of prompt i in run r where (i + j + r) % (k + 2) is 0.
    # Prompt 9, base, samples 0 to 2: 9, 10, 11: A (even): 10; B (threes): 9; C (fours): none.
    chips = watched.page.locator(".side").first.locator(".covers").all_inner_texts()
    assert chips == ["covers B", "covers A", "covers none"]
    assert "covered by base: 1 of 3, dpo $x_1$ 模型: 1 of 3 samples" in views[0]
    stances = (
        watched.page.locator(".side")
        .first.locator(".chip:not(.covers, .anchored)")
        .all_inner_texts()
    )
    assert stances == ["stance: no", "stance: both", "stance: other"]


def test_pages_can_be_turned(watched):
    first = watched.questions()
    back, onward = (
        watched.page.get_by_role("button", name=name) for name in ("Previous page", "Next page")
    )
    assert back.is_disabled()
    onward.click()
    second = watched.questions()
    assert not set(first) & set(second)
    onward.click()
    assert len(watched.questions()) == 5
    assert onward.is_disabled()
    back.click()
    assert watched.questions() == second
    assert "page 2" in watched.status()


def test_a_long_sample_is_folded_until_it_is_asked_for(watched):
    # The first listed prompt may be one of the short ones.
    watched.find("question 20 ", "1 of 45 prompts")
    button = watched.page.get_by_role("button", name="Show all of sample").first
    assert button.get_attribute("aria-expanded") == "false"
    text = watched.page.locator(".text.short").first
    folded = text.bounding_box()["height"]
    button.focus()
    watched.page.keyboard.press("Enter")
    opened = watched.page.get_by_role("button", name="Show less of sample").first
    assert opened.get_attribute("aria-expanded") == "true"
    tallest = max(t.bounding_box()["height"] for t in watched.page.locator(".sample .text").all())
    assert tallest > folded


def test_what_a_model_thought_is_folded_away(watched):
    watched.find("zebra", "1 of 45 prompts")
    part = watched.page.locator(".thought").first
    thought = part.get_by_text("Are stripes meant?")
    assert not thought.is_visible()
    said = watched.page.locator(".sample").filter(has=part).locator("> .text")
    assert set(said.all_inner_texts()) == {"Yes."}
    part.locator("summary").click()
    assert thought.is_visible()


def test_the_keyboard_reaches_every_control_and_sees_where_it_is(watched):
    page = watched.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
        if reached[-1] == "browser-text":
            break
    controls = [name for name in reached if name.startswith("browser-")]
    assert controls == [
        f"browser-{name}"
        for name in ("task", "left", "right", "metric", "order", "samples", "tag", "text")
    ]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "browser-csv"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.prompt').open") is True
    page.keyboard.press("Enter")
    assert page.locator(".prompt[open]").count() == 0


def test_every_control_has_a_label_and_every_table_a_caption(watched):
    page = watched.page
    unlabelled = "[...document.querySelectorAll('select, input')].filter((c) => !c.labels.length)"
    assert page.evaluate(f"{unlabelled}.length") == 0
    assert page.locator("table").count() == page.locator("table > caption").count() > 5
    assert page.locator("svg[role=img]").count() == page.locator("svg").count() > 5


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(browser, url, width, scheme, tmp_path):
    watched = Watched(browser, url, width, color_scheme=scheme)
    page = watched.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    sizes = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert max(sizes) <= width
    # An element beyond the edge is within one that scrolls, or is there for screen readers alone.
    beyond = """[...document.querySelectorAll('main *')].filter((e) =>
        e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('.scroll, svg')).map((e) => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(beyond) == []
    shot = page.screenshot(path=tmp_path / f"{width}-{scheme}.png")
    assert shot.startswith(b"\x89PNG")
    assert (watched.requests, watched.faults) == ([url], [])
    page.close()


def test_text_can_be_told_from_paper_in_both_schemes(browser, url):
    for scheme in ("light", "dark"):
        page = Watched(browser, url, color_scheme=scheme).page
        for selector in ("body", ".detail", "nav a", ".missing, .note", ".flag", ".chip"):
            colors = page.locator(selector).first.evaluate(
                """(element) => {
                  let paper = element;
                  const background = (e) => getComputedStyle(e).backgroundColor;
                  while (background(paper) === "rgba(0, 0, 0, 0)") paper = paper.parentElement;
                  return [getComputedStyle(element).color, background(paper)];
                }"""
            )
            assert contrast(*colors) >= 4.5, (scheme, selector, colors)
        page.close()


def contrast(first: str, second: str) -> float:
    """The contrast of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_samples_are_filtered_by_what_became_of_them_by_tag_and_by_viewpoint(watched):
    page = watched.page
    page.get_by_label("Only where").select_option(label="a sample failed or is empty")
    # Only the first two prompts have samples without a text.
    assert watched.status() == "2 of 45 prompts"
    page.get_by_label("Only where").select_option(label="a sample loops")
    assert int(watched.status().split()[0]) > 0
    assert page.locator(".prompt[open] .flag", has_text="loops").count() > 0
    page.get_by_label("Only where").select_option(label="anything")
    page.get_by_label("With the tag").select_option(label=made.SCRIPT)
    # Every fourth prompt from the second has it.
    assert watched.status() == "11 of 45 prompts"
    page.get_by_label("Task").select_option(label=made.COVERAGE)
    page.locator("#browser-view").select_option(label="one is covered left, not right")
    lost = int(watched.status().split()[0])
    page.locator("#browser-view").select_option(label="all")
    assert 0 < lost < 45


def test_the_sentence_that_a_viewpoint_is_in_is_marked_with_its_letter(browser, tmp_path):
    def answers(run, task):
        found = made.answers(run, task)
        samples = ["Many differ. 😀 It saves lives <b>of those</b>. And so on."] * made.SAMPLES
        return replace(found, responses=dict.fromkeys(found.responses, samples))

    def bare(run):
        own = run.tasks[made.COVERAGE]
        details = tuple({"covered": [[0], [], [0, 1]]} for _ in own.details)
        return replace(run, tasks={made.COVERAGE: replace(own, details=details)})

    path = tmp_path / "report.html"
    write(Compared((bare(made.finished(0, "one")),), ()), path, samples=answers)
    watched = Watched(browser, path.as_uri())
    sample = watched.page.locator(".prompt[open] .sample").first
    assert sample.locator(".match").inner_text().split("A", 1)[1] == (
        "😀 It saves lives <b>of those</b>."
    )
    assert sample.locator(".match .key").get_attribute("aria-label") == "viewpoint A: "
    assert watched.page.locator(".prompt[open] .sample").nth(1).locator(".match").count() == 0
    assert (watched.requests, watched.faults) == ([path.as_uri()], [])
    watched.page.close()


def test_keys_go_from_prompt_to_prompt_over_pages_and_an_address_leads_back(browser, url):
    watched = Watched(browser, url)
    page = watched.page
    page.locator(".prompt summary").first.focus()
    for _ in range(21):
        page.keyboard.press("j")
    assert "Page 2" in page.locator(".pager").inner_text()
    question = page.locator(".prompt[open] .question").inner_text()
    address = page.url
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.url == address
    # In a field they are letters.
    page.get_by_label("Search prompts and samples").focus()
    page.keyboard.press("j")
    assert page.url == address
    again = Watched(browser, address)
    assert again.page.locator(".prompt[open] .question").all_inner_texts() == [question]
    assert again.faults == watched.faults == []
    assert watched.requests == [url]
    page.close()
    again.page.close()


def test_an_address_of_another_page_says_that_the_prompt_is_not_here(browser, url):
    watched = Watched(browser, f"{url}#prompt={made.DIVERSITY}/no%20such")
    assert watched.status() == f"This page does not hold the prompt no such of {made.DIVERSITY}."
    for odd in ("#prompt=%E0%A4%A", "#prompt=other/x", "#prompt="):
        watched.page.evaluate(f"location.hash = {odd!r}")
    assert watched.faults == []
    watched.page.close()


def test_a_table_is_sorted_within_its_groups_and_back(watched):
    table = watched.page.locator("#summary table").first
    cells = table.locator("tbody").first.locator("tr td:nth-of-type(1)")
    before = cells.all_inner_texts()
    button = table.get_by_role("button", name="Sort by 1 base")
    button.click()
    values = [float(text.split()[0]) for text in cells.all_inner_texts()]
    assert values == sorted(values, reverse=True)
    assert table.locator("th[aria-sort=descending]").count() == 1
    button.click()
    assert [float(text.split()[0]) for text in cells.all_inner_texts()] == sorted(values)
    button.click()
    assert cells.all_inner_texts() == before
    assert table.locator("th[aria-sort]").count() == 0


def saved(watched, button) -> list[list[str]]:
    with watched.page.expect_download() as download:
        button.click()
    # What is made in the page is asked of nobody.
    watched.requests = [url for url in watched.requests if not url.startswith("blob:")]
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_tables_and_samples_are_saved_as_csv_without_a_request(watched):
    table = watched.page.locator("#hygiene table").first
    head, *rows = saved(watched, table.get_by_role("button", name="CSV of"))
    assert head[:3] == ["group", "run", "failed_rate"]
    assert len(rows) == 3
    assert {row[1] for row in rows} == {"base", "sft <b>&amp;", "dpo $x_1$ 模型"}
    watched.find("zebra", "1 of 45 prompts")
    head, *rows = saved(watched, watched.page.locator("#browser-csv"))
    assert len(rows) == 2 * made.SAMPLES
    texts = [row[head.index("text")] for row in rows]
    assert texts[:3] == ["", "A zebra crossing.", "Yes."]
    assert [row[head.index("status")] for row in rows][:3] == ["empty", "valid", "valid"]


def test_a_definition_is_shown_on_hover_and_focus_and_goes_with_escape(watched):
    page = watched.page
    term = page.locator("#summary a.term").first
    box = page.locator(".definition")
    assert not box.is_visible()
    term.hover()
    assert "One minus the mean pairwise Jaccard" in box.inner_text()
    assert "Range: 0 to 1; higher is better." in box.inner_text()
    page.keyboard.press("Escape")
    assert not box.is_visible()
    term.focus()
    assert box.is_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != term.inner_text()
    assert "One minus" not in box.locator("dt").inner_text()
    # The names of a table are one stop of the tab key.
    assert page.locator("#summary table").first.locator("a.term[tabindex='0']").count() == 1


def test_on_a_phone_the_first_sample_is_on_the_first_screen_of_the_samples(browser, url):
    watched = Watched(browser, url, 390, reduced_motion="reduce")
    watched.page.set_viewport_size({"width": 390, "height": 844})
    watched.page.evaluate("document.getElementById('browser').scrollIntoView()")
    text = watched.page.locator(".prompt[open] .sample .text").first
    assert text.bounding_box()["y"] < 844 - 40
    watched.page.close()


def test_folded_tables_are_printed(watched):
    page = watched.page
    assert page.locator("section > details[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    folded = page.locator("section > details").count()
    assert page.locator("section > details[open]").count() == folded >= 2
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("section > details[open]").count() == 0
