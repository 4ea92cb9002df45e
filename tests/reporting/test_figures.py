import math
import re
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared, Pair, Shift
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.reporting import planes, plots, svg
from lm_eval_overton.reporting.bars import recovered
from lm_eval_overton.reporting.estimates import Estimates, common_metric, task_names, task_of
from lm_eval_overton.reporting.figures import pictures
from lm_eval_overton.reporting.picture import short
from lm_eval_overton.reporting.spread import _density
from lm_eval_overton.stats import Interval
from tests.reporting import made

RATED = ["frontier", "frontier-semantic", "utility"]
KEYS = ["plane", "quality", *RATED, "stance", "recovered", "anchors"]
# As of files from before anything was kept beside the values.
NOTHING_KEPT = tuple({} for _ in range(made.PROMPTS))


@pytest.fixture(scope="module")
def compared() -> Compared:
    return made.compared()


@pytest.fixture(scope="module")
def drawn(compared: Compared) -> dict[str, str]:
    """Every figure of the page by its key."""
    return {
        picture.key: svg.inline(picture.draw(), picture.key, picture.label)
        for picture in pictures(Estimates(compared), made.answers)
        if picture.draw
    }


def test_every_figure_is_drawn_where_its_data_are_there(drawn):
    assert list(drawn)[:9] == [*KEYS, "spread-semantic_diversity"]
    assert "spread-helpfulness" in drawn


def test_ids_differ_between_figures_and_every_reference_leads_somewhere(drawn):
    found = [re.findall(r' id="([^"]+)"', text) for text in drawn.values()]
    everything = [name for names in found for name in names]
    assert len(everything) == len(set(everything)) > 100
    for text, names in zip(drawn.values(), found, strict=True):
        used = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
        assert used
        assert used <= set(names)


def test_a_figure_has_no_style_of_its_own_and_no_script(drawn):
    for text in drawn.values():
        assert " style=" not in text
        assert "<style" not in text
        assert "<script" not in text
        assert "<metadata" not in text


def test_a_figure_takes_the_colour_of_the_pages_text(drawn):
    for text in drawn.values():
        assert 'fill="currentColor"' in text
        assert svg.INK not in text


def test_a_figure_is_an_image_with_a_name(drawn):
    root = ET.fromstring(drawn["plane"])
    assert root.get("role") == "img"
    assert root[0].tag == "title"
    assert root[0].get("id") == root.get("aria-labelledby")
    assert "coverage_at_1" in (root[0].text or "")
    assert root.get("width") is None


def test_names_of_runs_are_text_in_figures_never_markup_or_mathematics(drawn):
    assert "<b>" not in drawn["plane"]
    assert "2 sft &lt;b&gt;&amp;amp;" in drawn["plane"]
    assert "3 dpo $x_1$ 模型" in drawn["plane"]


def test_the_same_runs_give_the_same_bytes(compared, drawn):
    again = pictures(Estimates(compared), made.answers)[0]
    assert svg.inline(again.draw(), again.key, again.label) == drawn["plane"]


def test_a_control_character_in_a_name_is_replaced_and_a_long_name_is_cut_in_the_middle():
    assert short("a\x00b\ud800") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    # 9 characters: 4 of the beginning, the sign, 4 of the end.
    assert short("checkpoint-500", 9) == "chec…-500"
    assert short("checkpoint-500", 10) == "chec…t-500"
    assert short("checkpoint-500", 14) == "checkpoint-500"


def test_figures_of_odd_names_are_well_formed():
    odd = made.compared(("a\x00\x1b", "\ud800 " + "n" * 300))
    for picture in pictures(Estimates(odd), made.answers):
        ET.fromstring(svg.inline(picture.draw(), picture.key, short(picture.label, 10**6)))


def test_a_missing_figure_says_what_would_provide_it():
    run = made.finished(1, "one")
    bare = {
        name: replace(result, values={"vendi": np.ones(made.PROMPTS)}, details=NOTHING_KEPT)
        for name, result in run.tasks.items()
    }
    found = pictures(Estimates(Compared((replace(run, tasks=bare),), ())), None)
    assert [picture.key for picture in found] == [*KEYS, "spread"]
    assert all(picture.draw is None for picture in found)
    missing = {picture.key: picture.missing for picture in found}
    assert "overton judge" in missing["quality"]
    for key in RATED:
        assert missing[key].endswith(
            "they come from ratings of samples: of a judge, `overton judge RUN --judge "
            "JUDGE.yaml`, of a file of scores, or of a reward_model."
        )
    assert "overton_icl_" in missing["recovered"]
    assert missing["anchors"] == "Left out with the samples, as asked."


def unreadable(run, task):
    raise DataError(f"{run.name}: expected a file, got none")


def test_samples_that_cannot_be_read_leave_out_a_line_and_without_any_the_figure():
    def of_the_first(run, task):
        return made.answers(run, task) if run.name == "a" else unreadable(run, task)

    estimates = Estimates(made.compared(("a", "b")))
    some, none = (
        next(p for p in pictures(estimates, read) if p.key == "anchors")
        for read in (of_the_first, unreadable)
    )
    assert "1 a: " in some.label
    assert "2 b" not in some.label
    assert none.draw is None
    assert "at least 20 words: they come from the task overton_diversity" in none.missing


def test_the_figure_of_anchors_says_in_words_and_in_a_table_what_it_shows(compared):
    (picture,) = [p for p in pictures(Estimates(compared), made.answers) if p.key == "anchors"]
    # All samples of a prompt begin alike but for their number.
    assert picture.label.count(" of 43 prompts") == 3
    rows = re.findall(r"<tr>(.*?)</tr>", picture.numbers)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert [row[0] for row in cells] == [
        "tenth of the answer", *map(str, range(1, 11)), "prompts",
    ]  # fmt: skip
    assert [len(row) for row in cells] == [4] * 12
    assert "2 sft &lt;b&gt;&amp;amp;" in cells[0][2]


def of_values(*columns):
    """The figures of runs with these values of semantic_diversity alone."""
    runs = []
    for i, column in enumerate(columns):
        run = made.finished(1, f"run{i}")
        own = run.tasks[made.DIVERSITY]
        own = replace(own, values={"semantic_diversity": column}, details=NOTHING_KEPT)
        runs.append(replace(run, tasks={made.DIVERSITY: own}))
    found = pictures(Estimates(Compared(tuple(runs), ())), None)
    return next(p for p in found if p.key == "spread-semantic_diversity")


def test_values_that_are_all_one_are_a_sentence_not_a_figure():
    flat = np.full(made.PROMPTS, 0.5)
    flat[3] = np.nan
    spread = of_values(flat, flat)
    assert spread.draw is None
    assert spread.missing == "Not drawn: semantic_diversity is 0.500 on every prompt of every run."


def test_a_run_of_equal_values_has_no_curve_beside_one_that_has():
    spread = of_values(np.full(made.PROMPTS, 0.5), np.linspace(0.2, 0.9, made.PROMPTS))
    axes = spread.draw().axes[0]
    assert len(axes.collections) == 1
    assert "0.500 on all 45 prompts" in [text.get_text() for text in axes.texts]


def test_a_curve_is_not_cut_off_and_does_not_go_where_no_value_can_be():
    values = np.concatenate([np.linspace(0, 0.1, 40), np.linspace(0.5, 0.6, 5)])
    axes = of_values(values).draw().axes[0]
    curve = max((line.get_xydata() for line in axes.lines), key=len)
    # Nothing is below 0; above, the curve goes on until it is at its base again.
    assert curve[:, 0].min() == 0.0
    assert curve[:, 0].max() > 0.6
    base = curve[0, 1]
    assert curve[-1, 1] == base
    assert base - curve[-2, 1] < 0.02 * (base - curve[:, 1].min())


def test_what_lies_beyond_a_limit_is_folded_back():
    values = np.abs(np.random.default_rng(0).normal(0, 1, 400))
    grid = np.linspace(0, 5, 501)
    density = _density(values, grid, (0.0, math.inf))
    # Half a normal curve is highest at 0; without the limit its estimate would fall off there.
    assert grid[density.argmax()] < 0.4
    assert density[0] > 0.85 > _density(values, grid)[0]


def test_an_axis_on_which_nothing_differs_is_a_sentence_not_a_figure(compared):
    def flat(run):
        own = run.tasks[made.COVERAGE]
        values = {**own.values, "coverage_at_1": np.zeros(made.PROMPTS)}
        return replace(run, tasks={**run.tasks, made.COVERAGE: replace(own, values=values)})

    picture = picture_of(replace(compared, runs=tuple(map(flat, compared.runs))), "plane")
    assert picture.draw is None
    assert picture.missing == ("Not drawn: coverage_at_1 is 0.000 on every prompt of every run.")


def test_a_density_peaks_at_one_where_most_values_are():
    grid = np.linspace(0, 10, 101)
    density = _density(np.array([1.9, 2.0, 2.1, 8.0]), grid)
    assert density.max() == 1.0
    assert abs(grid[density.argmax()] - 2.0) < 0.5


def shift(part: str, gap: float, group: str = "recovered") -> Shift:
    return Shift(group, part, "jaccard", Interval(gap, gap - 0.1, gap + 0.1, 9))


def with_shifts(*shifts: Shift) -> Compared:
    pairs = tuple(Pair("a", name, (), shifts) for name in ("b", "c"))
    return Compared(made.compared(("a", "b", "c")).runs, pairs)


def test_a_gap_that_stands_with_several_pairs_is_shown_once_and_an_undefined_one_not():
    several = with_shifts(shift("fixed", 0.4), shift("knn", math.nan), shift("x", 1.0, "missing"))
    assert [s.part for s in recovered(several)] == ["fixed"]


def test_another_model_without_examples_is_a_line_beside_the_strategies():
    several = with_shifts(shift("fixed (a)", 0.4), shift("zeroshot (peer)", 0.6))
    (picture,) = [p for p in pictures(Estimates(several), None) if p.key == "recovered"]
    text = svg.inline(picture.draw(), picture.key, picture.label)
    assert "fixed (a)</text>" in text
    assert "zeroshot (peer)</text>" not in text
    assert "dashed: peer" in text
    assert "zeroshot (peer), jaccard: 60.0%" in picture.label


def test_plots_are_written_as_png_and_svg(tmp_path, compared):
    written = plots(compared, tmp_path / "figures")
    assert {path.suffix for path in written} == {".png", ".svg"}
    assert sorted(tmp_path.glob("figures/*")) == sorted(written)
    png, vector = (tmp_path / "figures" / f"plane.{kind}" for kind in ("png", "svg"))
    assert png.read_bytes().startswith(b"\x89PNG")
    # Text is outlines: a paper looks the same wherever it is set.
    assert b"<text" not in vector.read_bytes()
    before = {path: path.read_bytes() for path in written}
    plots(compared, tmp_path / "figures")
    assert {path: path.read_bytes() for path in written} == before


def test_a_folder_that_is_a_file_is_an_error_of_one_line(tmp_path, compared):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="expected a folder that can be written to, got "):
        plots(compared, tmp_path / "file")


def test_without_matplotlib_the_error_says_how_to_install_it(monkeypatch, tmp_path, compared):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match="pip install matplotlib"):
        plots(compared, tmp_path)


# ------------------------------------------------------------------------------------ estimates


def test_an_interval_is_the_comparisons_where_it_has_one(compared):
    row = compared.pairs[1].rows[0]
    estimates = Estimates(compared)
    assert estimates.interval(2, row.task, row.metric) is row.run
    assert estimates.interval(0, row.task, row.metric) is row.base
    assert estimates.row(2, row.task, row.metric) is row
    assert estimates.row(0, row.task, row.metric) is None


def test_an_interval_that_the_comparison_lacks_is_computed():
    alone = Compared((made.finished(1, "one"),), ())
    values = alone.runs[0].tasks[made.DIVERSITY].values["semantic_diversity"]
    interval = Estimates(alone).interval(0, made.DIVERSITY, "semantic_diversity")
    # One of the 45 prompts is undefined.
    assert interval.n == 44
    assert interval.estimate == pytest.approx(np.nanmean(values))
    assert interval.low < interval.estimate < interval.high


def test_an_interval_of_what_no_run_has_is_undefined():
    interval = Estimates(Compared((made.finished(1, "one"),), ())).interval(0, "other", "vendi")
    assert math.isnan(interval.estimate)
    assert interval.n == 0


def test_a_metric_is_taken_from_the_diversity_task_first(compared):
    base = compared.runs[0]
    assert task_names(compared.runs)[:2] == [made.DIVERSITY, made.COVERAGE]
    assert task_of(base, "semantic_diversity") == made.DIVERSITY
    assert task_of(base, "coverage_at_1") == made.COVERAGE
    assert task_of(base, "no_such_metric") is None


def test_the_metric_that_most_runs_define_is_common_and_the_earlier_of_equals(compared):
    assert common_metric(compared.runs, ("vendi", "coverage_at_1")) == "vendi"
    # Only the base has in-context tasks.
    assert common_metric(compared.runs, ("cosine", "coverage_at_1")) == "coverage_at_1"
    assert common_metric(compared.runs, ("no_such_metric",)) is None


# ----------------------------------------------------------------------- quality and diversity


def picture_of(compared, key):
    return next(p for p in pictures(Estimates(compared), None) if p.key == key)


def numbers_of(picture):
    rows = re.findall(r"<tr>(.*?)</tr>", picture.numbers)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in cells]


def test_the_frontier_has_a_dot_for_each_prompt_that_has_both_values(compared):
    axes = picture_of(compared, "frontier").draw().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("quality_mean  →", "distinct_k  →")
    dots = [line.get_xydata() for line in axes.lines if line.get_marker() == "."]
    assert len(dots) == len(compared.runs)
    for run, own in zip(compared.runs, dots, strict=True):
        values = run.tasks[made.DIVERSITY].values
        both = np.column_stack((values["quality_mean"], values["distinct_k"]))
        # One prompt lacks a rating.
        assert len(own) == made.PROMPTS - 1
        assert sorted(own.tolist()) == sorted(both[~np.isnan(both).any(axis=1)].tolist())
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(compared.runs) - 1


def test_of_very_many_prompts_some_are_dots(compared, monkeypatch):
    monkeypatch.setattr(planes, "MOST_DOTS", 30)
    axes = picture_of(compared, "frontier-semantic").draw().axes[0]
    dots = [line.get_xydata() for line in axes.lines if line.get_marker() == "."]
    assert [len(own) for own in dots] == [10, 10, 10]


def test_the_frontier_is_of_first_samples_where_few_prompts_have_a_mean_of_all(compared):
    def only_heads(run):
        own = run.tasks[made.DIVERSITY]
        mean = np.where(np.arange(made.PROMPTS) < 20, own.values["quality_mean"], np.nan)
        values = {**own.values, "quality_heads": own.values["quality_mean"], "quality_mean": mean}
        return replace(run, tasks={made.DIVERSITY: replace(own, values=values)})

    found = replace(compared, runs=tuple(map(only_heads, compared.runs)))
    assert picture_of(found, "frontier").label.startswith("distinct_k against quality_heads.")


def test_beside_the_frontier_stands_what_the_change_of_classes_is_made_of(compared):
    rows = numbers_of(picture_of(compared, "frontier"))
    names = [row[0] for row in rows if len(row) > 3]
    assert names.count("change below the quality bar") == len(compared.pairs)
    alone = Compared(compared.runs[:1], ())
    assert picture_of(alone, "frontier").numbers is None


def test_utility_of_the_first_samples_ends_at_the_metric(compared):
    picture = picture_of(compared, "utility")
    head, *rows, prompts = numbers_of(picture)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert prompts[1:] == ["44", "44", "44"]
    run = compared.runs[1].tasks[made.DIVERSITY]
    assert head[2].startswith("2 ")
    first = [own["ratings"][0] for own in run.details if own["ratings"][0] is not None]
    # One sample is worth its rating; all of them what the metric says.
    assert rows[0][2].split()[0] == f"{np.mean(first):.3f}"
    assert rows[2][2].split()[0] == f"{np.nanmean(run.values['utility_k']):.3f}"
    assert picture.draw().axes[0].get_ylabel() == "utility_k  →"


def test_utility_on_two_scales_is_in_units_of_the_best_rating(compared):
    def of_five(run):
        own = run.tasks[made.DIVERSITY]
        details = [{**one, "scale": {"most": 5, "bar": 4.0}} for one in own.details]
        return replace(run, tasks={made.DIVERSITY: replace(own, details=tuple(details))})

    ten, five = compared.runs[0], of_five(compared.runs[1])
    picture = picture_of(Compared((ten, five), ()), "utility")
    assert picture.label.startswith("utility_share of the first 1, 2, ... samples")
    values = ten.tasks[made.DIVERSITY].values["utility_share"]
    assert numbers_of(picture)[3][1].split()[0] == f"{np.nanmean(values):.3f}"


def test_utility_needs_no_metric_of_it(compared):
    def bare(run):
        own = run.tasks[made.DIVERSITY]
        return replace(run, tasks={made.DIVERSITY: replace(own, values={})})

    found = replace(compared, runs=tuple(map(bare, compared.runs)))
    assert numbers_of(picture_of(found, "utility")) == numbers_of(picture_of(compared, "utility"))


def test_of_many_runs_numbers_stand_at_the_points_and_names_above(compared):
    def words(figure):
        return [text.get_text() for text in figure.axes[0].texts if text.get_text()]

    few = picture_of(compared, "frontier").draw()
    assert words(few) == ["1 base", "2 sft <b>&amp;", "3 dpo $x_1$ 模型"]
    assert few.legends == []
    seven = made.compared(tuple(f"run {letter}" for letter in "abcdefg"))
    many = picture_of(seven, "frontier").draw()
    assert words(many) == ["1", "2", "3", "4", "5", "6", "7"]
    [legend] = many.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == [f"{i} run {letter}" for i, letter in enumerate("abcdefg", start=1)]
