"""What the harness's table shows of our tasks."""

from lm_eval.utils import make_table

from lm_eval_overton.harness.readable import few, readable
from lm_eval_overton.metrics.headline import FEW


def metric(name, value, n, error=0.5):
    """A metric as the harness has it in its results."""
    return {
        f"{name},none": value,
        f"{name}_stderr,none": error,
        f"{name}_stderr_stderr,none": "N/A",
        f"{name}_n,none": n,
        f"{name}_n_stderr,none": "N/A",
    }


OWN = {
    "name": "overton_diversity",
    "alias": "overton_diversity",
    "sample_len": 4,
    "prompts,none": 4,
    "prompts_stderr,none": "N/A",
    **metric("mean_words", 7.0, 4),
    **metric("ead_1", 0.25, 4),
    **metric("helpfulness", 3.0, 3),
    "helpfulness_worst,none": 2.0,
    "helpfulness_worst_stderr,none": "N/A",
    "helpfulness_best,none": 4.0,
    "helpfulness_best_stderr,none": "N/A",
    **metric("lexical_diversity", 0.5, 4),
    **metric("semantic_diversity", None, 0, "N/A"),
    "quality_parsed,none": 12,
    "quality_parsed_stderr,none": "N/A",
    "quality_failed,none": 0,
    "quality_failed_stderr,none": "N/A",
}
OTHER = {"alias": "arc", "b,none": 1.0, "a,none": 2.0, "a_n,none": 3, "a_stderr_stderr,none": "N/A"}
RESULTS = {
    "results": {"overton_diversity": OWN, "arc": OTHER},
    "configs": {"overton_diversity": {"metadata": {"overton": {}}}, "arc": {"metadata": {}}},
    "versions": {"overton_diversity": 1},
    "n-shot": {},
    "higher_is_better": {"overton_diversity": {"helpfulness": True, "ead_1": True}},
}


def rows(results):
    """The rows of a table as the harness prints it: metric, arrow, value and error."""
    lines = make_table(results).splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    return {own[4]: (own[5], own[6], own[8]) for own in cells}


def test_the_headline_is_first_the_samples_last_and_the_counts_are_one_row():
    shown = rows(readable(RESULTS))
    assert list(shown) == [
        # Of the harness's own tasks nothing is ours to change.
        "a",
        "a_n",
        "b",
        "semantic_diversity (n=0)",
        "lexical_diversity",
        "ead_1",
        "helpfulness (n=3)",
        "helpfulness_worst",
        "helpfulness_best",
        "mean_words",
        "prompts",
        "quality_parsed",
    ]
    assert shown["helpfulness (n=3)"] == ("↑", "3.00", "0.5")
    assert shown["prompts"] == ("", "4.00", "")
    assert shown["semantic_diversity (n=0)"] == ("", "", "N/A")


def test_no_value_changes_and_the_results_stay_as_they_are():
    before = repr(RESULTS)
    shown, plain = rows(readable(RESULTS)), rows(RESULTS)
    assert repr(RESULTS) == before
    for label, cells in shown.items():
        assert cells[1] == plain[label.partition(" ")[0]][1]


def test_results_of_no_task_of_ours_are_shown_as_before():
    other = {**RESULTS, "results": {"arc": OTHER}}
    assert make_table(readable(other)) == make_table(other)


def test_few_numbers_are_followed_over_runs():
    found = few(RESULTS)
    assert found["arc"] is OTHER
    assert found["overton_diversity"] == {
        "lexical_diversity,none": 0.5,
        "lexical_diversity_stderr,none": 0.5,
        "ead_1,none": 0.25,
        "ead_1_stderr,none": 0.5,
        "helpfulness,none": 3.0,
        "helpfulness_stderr,none": 0.5,
        "prompts,none": 4,
    }
    assert len(found["overton_diversity"]) <= 2 * FEW + 1 <= 12
