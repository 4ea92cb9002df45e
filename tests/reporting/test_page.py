import html
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared, Pair, Shift, by_tag, compare
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.reporting import page, write
from lm_eval_overton.reporting.html import sha256_source, tag
from lm_eval_overton.reporting.sections import families
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.stats import Interval
from lm_eval_overton.version import __version__
from tests.reporting import made
from tests.test_imports import loaded_after


class Parsed(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        self._open.append(name)

    def handle_endtag(self, name):
        while self._open and self._open.pop() != name:
            pass

    def handle_data(self, text):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(text)

    def all(self, name: str) -> list[dict]:
        return [attributes for found, attributes in self.elements if found == name]


@pytest.fixture(scope="module")
def compared() -> Compared:
    return made.compared()


@pytest.fixture(scope="module")
def text(compared: Compared, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert write(compared, path, samples=made.answers, alike=made.alike(compared)) == path
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(text: str) -> Parsed:
    return Parsed(text)


def words(text: str) -> str:
    """The words of a page as a reader sees them, without its scripts and styles."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", bare)).split())


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are without figures, which take most of the time, where a test reads the rest."""
    monkeypatch.setattr(page, "_figure", lambda picture: tag("figure", picture.title))


@pytest.fixture
def shown_of(undrawn: None, tmp_path: Path) -> Callable[[Compared], str]:
    """Gives the words of a page of runs without their samples."""

    def shown(compared: Compared) -> str:
        path = write(compared, tmp_path / "r.html", samples=None)
        return words(path.read_text(encoding="utf-8"))

    return shown


# -------------------------------------------------------------------------------- self-contained


def test_a_page_names_nothing_outside_itself(parsed):
    for name, attributes in parsed.elements:
        for key in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(key, "#")
            assert value.startswith("#") or value == "data:,", (name, attributes)
        assert not any(key.startswith("on") or key == "style" for key in attributes), attributes
    assert "@import" not in "".join(parsed.texts["style"])
    assert "url(" not in "".join(parsed.texts["style"])


def test_the_security_policy_permits_the_pages_own_script_and_style_alone(parsed):
    (policy,) = [m["content"] for m in parsed.all("meta") if m.get("http-equiv")]
    (style,), (_, script) = parsed.texts["style"], parsed.texts["script"]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src {sha256_source(style)};" in policy
    assert f"script-src {sha256_source(script)};" in policy
    assert "unsafe" not in policy


def test_the_page_holds_only_the_scripts_and_images_that_are_ours(parsed):
    assert parsed.all("script") == [{"type": "application/json", "id": "prompt-data"}, {}]
    assert parsed.all("img") == []


def test_text_of_models_is_in_the_data_as_it_was(text, parsed):
    assert made.SCRIPT not in text
    data = json.loads(parsed.texts["script"][0])
    first = next(p for p in data["tasks"][0]["prompts"] if p["id"] == made.ids(made.DIVERSITY)[0])
    assert first["q"] == f"What does {made.SCRIPT} do?"
    assert [s["t"] for s in first["r"][0]["s"]] == [made.SCRIPT, made.BREAK_OUT, ""]


def test_the_same_runs_give_the_same_page(compared, tmp_path, text):
    write(compared, tmp_path / "again.html", samples=made.answers, alike=made.alike(compared))
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_ids_are_used_once_and_links_lead_to_them(parsed):
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for a in parsed.all("a")]
    assert "#content" in links
    assert len(links) > 8
    assert {link.removeprefix("#") for link in links} <= set(ids)


# ------------------------------------------------------------------------------------- contents


def test_the_page_holds_every_part(parsed, text):
    sections = [s["id"] for s in parsed.all("section")]
    assert sections == [
        "change", "figures", "summary", "pairs", "tags", "homogeneity", "browser", "hygiene",
        "judges", "settings", "definitions",
    ]  # fmt: skip
    assert text.count('class="missing"') == text.count("scripts, which are off here") == 1


def test_the_page_shows_what_changed_by_tag(compared, text):
    found = by_tag(compared)[1]
    own = next(one for one in found.rows if one.tag == made.SCRIPT)
    paired = own.row.paired
    shown = words(text)
    line = f"{made.SCRIPT} {paired.mean_b:.3f} {paired.mean_a:.3f} {paired.difference:+.3f}"
    assert line.replace("-", "−") in shown
    assert "11 of 45 prompts in both runs have no tag" in shown
    assert made.SCRIPT not in text


def test_one_run_shows_its_means_by_tag_and_prompts_without_tags_say_how_to_get_them(shown_of):
    shown = shown_of(made.compared(("alone",)))
    assert "overton_diversity by tag: mean over the prompts that define it" in shown
    bare = made.finished(1, "alone")
    tasks = {task: replace(own, details=({},) * len(own.ids)) for task, own in bare.tasks.items()}
    shown = shown_of(Compared((replace(bare, tasks=tasks),), ()))
    assert 'no prompt has a tag: give prompts "tags": [...] in their file' in shown


def test_the_summary_shows_mean_and_interval_of_every_run(compared, text):
    row = next(r for r in compared.pairs[1].rows if r.metric == "units_at_1_words")
    shown = words(text)
    for interval in (row.base, row.run):
        estimate = f"{interval.estimate:.1f} [{interval.low:.1f}, {interval.high:.1f}]"
        assert estimate in shown


def test_a_shift_and_a_paired_difference_stand_in_the_page(compared, text):
    pair = compared.pairs[1]
    shift = next(s for s in pair.shifts if s.part == "remaining")
    row = next(r for r in pair.rows if r.metric == "overton_index")
    assert f"{shift.value.estimate:+.3f}".replace("-", "−") in text
    shown = words(text)
    paired = row.paired
    assert f"{paired.mean_b:.3f} {paired.mean_a:.3f} +{paired.difference:.3f}" in shown


def test_shifts_that_lack_the_same_thing_share_a_row_and_equal_remarks_stand_once(shown_of):
    undefined = Interval(math.nan, math.nan, math.nan, 0)
    shifts = (
        Shift("quality", "raw change", "x", undefined, "no judge: `overton judge a`"),
        Shift("quality", "remaining", "y", undefined, "no judge: `overton judge a`"),
        Shift("recovered", "fixed", "jaccard", Interval(0.4, 0.3, 0.5, 9), "floor: b"),
        Shift("recovered", "fixed", "cosine", Interval(0.5, 0.4, 0.6, 9), "floor: b"),
    )
    runs = (made.finished(0, "b"), made.finished(1, "a"))
    compared = Compared(runs, (Pair("b", "a", (), shifts, ("a note",)),))
    shown = shown_of(compared)
    assert "not computed x, y no judge: overton judge a" in shown
    assert "fixed jaccard 40.0% [30.0%, 50.0%] 9 floor: b fixed cosine 50.0%" in shown
    assert shown.count("floor: b") == 1
    assert "a note" in shown
    assert "The two runs share no task and prompt that can be compared." in shown


def test_what_is_missing_is_missing_from_the_reference_and_a_level_has_no_sign(shown_of):
    value = Interval(0.5, 0.4, 0.6, 9)
    shifts = (
        Shift("missing", "split", "words", value, "reference as the run names it: runs/sft"),
        Shift("missing", "chance - split", "words", value),
    )
    runs = (made.finished(0, "b"), made.finished(1, "a"))
    compared = Compared(runs, (Pair("b", "a", (), shifts),))
    shown = shown_of(compared)
    assert "What is missing from the reference run's units split words 0.500 [0.400," in shown
    assert "9 reference as the run names it: runs/sft chance - split words +0.500" in shown


def test_of_many_runs_the_tiles_show_the_last(shown_of):
    compared = made.compared(tuple("abcdef"))
    shown = shown_of(compared)
    assert (
        "At a glance The last run; the 4 before it are folded below, and in figures and tables. "
        "f against a The samples of f differ less" in shown
    )
    assert shown.count("differ less from each other than those of a") == 5
    assert shown.index("b against a The samples of b") > shown.index("f against a")
    assert shown.count("One sample against all of them") == 1


def test_hygiene_shows_rates_and_alarms(text):
    shown = words(text)
    assert "all samples of a prompt are identical" in shown
    # What no run holds has no column; a number of words is no share.
    head = "failed_ rate empty_ rate duplicate_ share refusal_ share mean_ words overton_diversity"
    assert f"What the samples are like: mean over prompts run {head} base" in shown
    assert re.search(r"base( \d\.\d%){4} \d\d\d\.\d ", shown)


def test_each_task_has_a_table_of_paired_differences_and_the_samples_of_all_have_the_last(parsed):
    captions = [text for text in parsed.texts["caption"] if "dpo $x_1$ 模型 minus base" in text]
    assert [caption.partition(":")[0] for caption in captions] == [
        made.DIVERSITY, made.COVERAGE, "What the samples are like",
        f"{made.DIVERSITY} by tag", f"{made.COVERAGE} by tag",
    ]  # fmt: skip


def test_what_no_shared_prompt_defines_is_one_line(shown_of):
    ones, undefined = np.ones(made.PROMPTS), np.full(made.PROMPTS, math.nan)
    runs = [only(made.finished(i, name), vendi=ones, distinct_2=undefined)
            for i, name in enumerate(("a", "b"))]  # fmt: skip
    shown = shown_of(compare(runs[0], runs[1:], force=True))
    assert "overton_diversity: undefined on every shared prompt: distinct_2." in shown
    assert "vendi 1.000 1.000 0.000" in shown


def test_judges_count_verdicts_that_came_to_nothing(text):
    # 130 of 135 verdicts were parsed: 5 / 135 = 3.7 %.
    assert "base quality 130 3 2 0 3.7% judge@1" in words(text)


def test_judged_metrics_stand_with_the_worst_and_the_best_that_they_could_be(compared, text):
    # The base has none.
    sft, dpo = (
        next(row.run.estimate for row in pair.rows if row.metric == "helpfulness")
        for pair in compared.pairs
    )
    shown = words(text)
    bounds = "[2.875, 4.125]"
    assert f"overton_diversity helpfulness {sft:.3f} {bounds} {dpo:.3f} {bounds}" in shown


def test_an_undefined_judged_metric_still_has_bounds(shown_of):
    run = only(made.finished(1, "one"), helpfulness=np.full(made.PROMPTS, math.nan))
    own = run.tasks[made.DIVERSITY]
    bounds = {"helpfulness": (1.0, 5.0), "depth": (math.nan, math.nan)}
    judged = replace(own, judge=made.finished(1, "x").tasks[made.DIVERSITY].judge, bounds=bounds)
    shown = shown_of(Compared((replace(run, tasks={made.DIVERSITY: judged}),), ()))
    assert "overton_diversity helpfulness [1.000, 5.000] depth Settings" in shown


def test_settings_that_differ_are_marked(text):
    shown = words(text)
    assert "stop differs fence none none" in shown
    # What all runs and tasks share stands once.
    assert "The same everywhere setting value n 3 emb mini" in shown
    assert shown.count(" emb mini ") == 1
    assert "data made:abc frame differs made0 made1 made2" in shown


def test_settings_that_mean_the_same_are_not_marked(shown_of):
    def signed(name, words):
        run = only(made.finished(1, name), vendi=np.ones(made.PROMPTS))
        own = run.tasks[made.DIVERSITY]
        signature = f"{made.DIVERSITY}@1|{words}"
        return replace(run, tasks={made.DIVERSITY: replace(own, signature=signature)})

    # Prompts of one hash under two names, and a setting that is switched off.
    runs = signed("a", "data:x:ab|n:5|top_k:0"), signed("b", "data:y:ab|n:9")
    shown = shown_of(Compared(runs, ()))
    assert "data x:ab y:ab n differs 5 9 top_k 0 Signatures of overton_diversity" in shown


def only(run: FinishedRun, **values: np.ndarray) -> FinishedRun:
    """The run with these values of the diversity task and nothing else."""
    result = replace(run.tasks[made.DIVERSITY], values=values, judge=None)
    return replace(run, tasks={made.DIVERSITY: result})


def test_an_undefined_value_is_empty_never_zero(shown_of):
    undefined, ones = np.full(made.PROMPTS, math.nan), np.ones(made.PROMPTS)
    run = only(made.finished(1, "one"), vendi=undefined, distinct_2=ones)
    shown = shown_of(Compared((run,), ()))
    # 1 on all 45 prompts: .025 ** (1 / 45) is the least that it may be.
    assert "vendi distinct_ 2 1.000 [0.921, 1.000]" in shown


def test_missing_parts_say_what_would_provide_them(shown_of):
    run = only(made.finished(1, "one"), vendi=np.ones(made.PROMPTS))
    shown = shown_of(Compared((run,), ()))
    assert "Diversity and quality: No run has both values" in shown
    assert "Stance on contested questions: No run has stances" in shown
    assert "What comes back in context: No gap recovered" in shown
    assert "No run was judged: complete one, overton judge" in shown
    assert "No run holds these rates" in shown
    assert "One run has nothing to be compared with" in shown
    assert "Left out, as asked." in shown
    assert "No run raised an alarm." in shown


@pytest.mark.usefixtures("undrawn")
def test_missing_samples_are_one_line_of_the_browser(compared, tmp_path):
    # The made runs name no samples or generations file.
    write(compared, tmp_path / "r.html")
    shown = words((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert shown.count("base: expected the responses of overton_diversity, got no file") == 1
    assert 'id="prompt-data"' not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_metric_belongs_to_the_family_that_its_name_begins_with():
    found = families(["vendi", "reference_coverage_at_1", "coverage_at_1", "p_yes", "what"])
    assert found == {
        "Diversity between samples": ["vendi"],
        "Coverage within a sample": ["coverage_at_1"],
        "Stance": ["p_yes"],
        "Against a reference run": ["reference_coverage_at_1"],
        "Other": ["what"],
    }


# --------------------------------------------------------------------------------------- budget


@pytest.mark.usefixtures("undrawn")
def test_a_budget_keeps_the_prompts_that_differ_most_and_says_so(compared, tmp_path):
    write(compared, tmp_path / "r.html", samples=made.answers, text_bytes=60_000)
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    data = json.loads(Parsed(content).texts["script"][0])
    kept = [p["id"] for p in data["tasks"][0]["prompts"]]
    columns = [run.tasks[made.DIVERSITY].values["semantic_diversity"] for run in compared.runs]
    base, sft, dpo = (np.nan_to_num(column, nan=0.0) for column in columns)
    # The larger of both differences to the base; of the prompt without a value it is 0.
    size = np.maximum(abs(sft - base), abs(dpo - base))
    order = [made.ids(made.DIVERSITY)[i] for i in np.argsort(-size)]
    assert 0 < len(kept) < made.PROMPTS
    assert kept == order[: len(kept)]
    assert (
        f"overton_diversity: this page holds {len(kept)} of 45 prompts, those with the largest "
        "difference in semantic_diversity. All of them are in 0/generations.jsonl"
    ) in words(content)


@pytest.mark.usefixtures("undrawn")
def test_no_budget_leaves_the_prompts_out(compared, tmp_path):
    write(compared, tmp_path / "r.html", samples=made.answers, text_bytes=0)
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'id="prompt-data"' not in content
    assert "this page holds 0 of 45 prompts" in words(content)


# --------------------------------------------------------------------------------------- errors


def test_a_negative_budget_is_an_error(compared, tmp_path):
    with pytest.raises(SettingsError, match="expected at least 0 bytes of text, got -1"):
        write(compared, tmp_path / "r.html", text_bytes=-1)


def test_no_run_is_an_error(tmp_path):
    nothing = Compared((FinishedRun("empty", Path("empty"), {}),), ())
    with pytest.raises(DataError, match="expected at least one run with an overton task, got none"):
        write(nothing, tmp_path / "r.html")


@pytest.mark.usefixtures("undrawn")
def test_a_place_that_is_a_folder_is_an_error_and_leaves_nothing_behind(compared, tmp_path):
    (tmp_path / "r.html").mkdir()
    with pytest.raises(DataError, match=r"r\.html: expected a file that can be written, got "):
        write(compared, tmp_path / "r.html", samples=None)
    assert list(tmp_path.iterdir()) == [tmp_path / "r.html"]


@pytest.mark.usefixtures("undrawn")
def test_a_failure_leaves_the_old_report_as_it_was(compared, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(page.Path, "replace", full)
    with pytest.raises(DataError, match="No space left"):
        write(compared, path, samples=None)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("undrawn")
def test_a_report_replaces_the_one_before_it_in_a_folder_that_is_made(compared, tmp_path):
    path = tmp_path / "new" / "r.html"
    for _ in range(2):
        write(compared, path, samples=None)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]


def test_importing_the_report_loads_no_model_library_and_no_plotting():
    loaded = loaded_after(
        "import lm_eval_overton.reporting",
        *("lm_eval", "torch", "matplotlib", "lm_eval_overton.harness", "sys"),
    )
    assert loaded == ["sys"]


# ------------------------------------------------------------------------------------ at a glance


def test_the_page_says_first_what_changed_and_beside_it_stands_a_figure(compared, text, parsed):
    shown = words(text)
    first_figure = shown.index("Diversity between samples, coverage within one")
    assert shown.index("The samples of dpo $x_1$ 模型 differ less") < first_figure
    ids = [figure.get("aria-labelledby") for figure in parsed.all("svg")]
    assert ids[:2] == ["made-of-1-title", "made-of-2-title"]
    assert "Not computed: what one answer covers of the words of base" in shown


def test_a_tile_says_whether_a_difference_can_be_seen_and_of_how_many_prompts(text, shown_of):
    shown = words(text)
    assert re.search(r"▼ fell semantic_ diversity 0\.\d+ → 0\.\d+ 95 % \S+ \S+, on 44 of 45", shown)
    runs = [only(made.finished(i, name), semantic_diversity=(np.arange(made.PROMPTS) + i) % 2.0)
            for i, name in enumerate("ab")]  # fmt: skip
    shown = shown_of(compare(runs[0], runs[1:], force=True))
    assert re.search(r" [+−]?0\.\d+ no difference can be seen semantic_ diversity", shown)


def test_every_metric_leads_to_its_definition_with_range_and_direction(parsed, text):
    described = {a["href"]: a["aria-describedby"] for a in parsed.all("a") if "term" in str(a)}
    assert len(described) > 20
    assert all(link == f"#{key}" for link, key in described.items())
    assert (
        "semantic_ diversity One minus the mean pairwise cosine of the samples' embeddings. "
        "Range: 0 to 2; higher is better."
    ) in words(text)


def test_a_tag_that_is_called_like_a_metric_is_no_link(shown_of, tmp_path):
    run = made.finished(1, "one")
    named = tuple({"tags": ["vendi"]} for _ in range(made.PROMPTS))
    tasks = {task: replace(own, details=named) for task, own in run.tasks.items()}
    shown_of(Compared((replace(run, tasks=tasks),), ()))
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<th scope="row">vendi</th>' in content


# ------------------------------------------------------------------------------ how it was made


def test_dates_versions_and_command_stand_once(shown_of):
    runs = []
    for i, date in enumerate((1_700_000_000.5, 1_700_100_000)):
        run = only(made.finished(i, f"run {i}"), vendi=np.ones(made.PROMPTS))
        own = run.tasks[made.DIVERSITY]
        kept = {"date": date, "transformers_version": "5.1"}
        runs.append(replace(run, tasks={made.DIVERSITY: replace(own, made=kept)}))
    shown = shown_of(Compared(tuple(runs), ()))
    # 1,700,000,000 s is 14 November 2023, 22:13 UTC, and 100,000 s later it is the 16th.
    assert (
        f"Runs of 2023-11-14 to 2023-11-16 · made by lm-eval-overton {__version__} · "
        "transformers 5.1 · overton report 'run 0=0' 'run 1=1'"
    ) in shown
    assert shown.count("2023-11-14") == shown.count("overton report 'run") == 1


@pytest.mark.parametrize("date", [None, "yesterday", math.nan, math.inf, -1, 1e300, True])
def test_a_date_that_is_none_is_left_out(shown_of, date):
    run = only(made.finished(0, "one"), vendi=np.ones(made.PROMPTS))
    own = replace(run.tasks[made.DIVERSITY], made={"date": date, "transformers_version": None})
    shown = shown_of(Compared((replace(run, tasks={made.DIVERSITY: own}),), ()))
    assert "Runs of" not in shown
    assert "made by lm-eval-overton" in shown
