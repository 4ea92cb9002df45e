"""Which metrics a task reports: those of its kind, or those that a configuration names."""

import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.metric_list import as_metric_list, that_can_be, wanted
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.metrics.measures import REGISTRY, reported_by
from lm_eval_overton.metrics.metric import COVERAGE, DIVERSITY, ICL, SURVEY, Need


def named(*names):
    return {"task": "overton_mine", "metric_list": [{"metric": name} for name in names]}


@pytest.mark.parametrize("kind", [DIVERSITY, COVERAGE, ICL, SURVEY])
def test_a_configuration_without_a_list_has_all_of_its_kind(kind):
    assert wanted({"task": "t"}, kind) == reported_by(kind)


def test_a_configuration_may_name_its_own_in_its_own_order():
    found = wanted(named("vendi", "lexical_diversity"), DIVERSITY)
    assert [metric.name for metric in found] == ["vendi", "lexical_diversity"]


def test_an_unknown_metric_is_told_with_the_remedy():
    with pytest.raises(SettingsError, match=r"overton_mine: .*`overton metrics`.*got lexical_div;"):
        wanted(named("vendi", "lexical_div"), DIVERSITY)


def test_a_metric_of_viewpoints_is_refused_where_prompts_have_none():
    with pytest.raises(SettingsError, match="got coverage_at_1;"):
        wanted(named("coverage_at_1"), DIVERSITY)
    assert wanted(named("coverage_at_1"), COVERAGE) == [REGISTRY["coverage_at_1"]]
    # Against a reference, units are words where there are no viewpoints.
    assert wanted(named("reference_coverage_at_n"), DIVERSITY)


def test_a_metric_of_log_probabilities_is_refused_where_samples_are_asked_for_and_vice_versa():
    for name, kind, other in (
        ("survey_match", DIVERSITY, SURVEY),
        ("mean_words", SURVEY, DIVERSITY),
    ):
        with pytest.raises(SettingsError, match=f"got {name};"):
            wanted(named(name), kind)
        assert wanted(named(name), other) == [REGISTRY[name]]


def test_a_direction_of_the_user_s_own_holds():
    own = [{"metric": "mean_words", "higher_is_better": True, "aggregation": "mean"}]
    [entry] = as_metric_list([REGISTRY["mean_words"]], own)
    assert entry == {
        "metric": "mean_words",
        "higher_is_better": True,
        "aggregation": "overton_mean",
    }


def test_what_needs_something_that_is_absent_is_left_out():
    metrics = [REGISTRY[n] for n in ("vendi", "reference_coverage_at_n", "helpfulness")]
    assert that_can_be(metrics, {Need.REFERENCE}, {"helpfulness"}) == [REGISTRY["vendi"]]


def test_the_harness_gets_name_aggregation_and_direction():
    [entry] = as_metric_list([REGISTRY["compression_ratio"]])
    assert entry == {
        "metric": "compression_ratio",
        "aggregation": "overton_mean",
        "higher_is_better": False,
    }


def test_a_task_reports_what_a_configuration_names():
    cls, config = task_class("overton_diversity")
    task = cls(config={**config, **named("distinct_2", "mean_words"), "task": "overton_diversity"})
    assert task.metric_names == ["distinct_2", "mean_words"]
    assert set(task.aggregation()) >= {"distinct_2", "distinct_2_n", "mean_words"}
