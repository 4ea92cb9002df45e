"""Which metrics are read first."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.headline import FEW, HEADLINE, MOST, headline_of, in_reading_order
from lm_eval_overton.metrics.measures import REGISTRY, reported_by
from lm_eval_overton.metrics.metric import Task

NAMES = list(REGISTRY)


@pytest.mark.parametrize("kind", get_args(Task))
def test_each_kind_of_tasks_has_a_headline_of_few(kind):
    names = headline_of(metric.name for metric in reported_by(kind))
    assert FEW <= len(names) <= MOST
    assert names[: len(names)] == [m.name for m in HEADLINE if m.name in names]


def test_a_task_without_them_shows_its_first_findings():
    assert headline_of(["mean_words", "ead_1", "survey_match_uniform", "vendi"]) == [
        "vendi",
        "ead_1",
    ]
    assert headline_of(["of_another_version", "mean_words"]) == []


@given(st.lists(st.sampled_from([*NAMES, "unknown"]), unique=True))
def test_all_metrics_stay_and_read_from_findings_to_samples(names):
    ordered = in_reading_order(names)
    assert sorted(ordered) == sorted(names)
    first = headline_of(names)
    assert ordered[: len(first)] == first
    rest = [REGISTRY[name] for name in ordered[len(first) :] if name in REGISTRY]
    parts = [(metric.is_about_samples, metric.is_baseline) for metric in rest]
    assert parts == sorted(parts)
