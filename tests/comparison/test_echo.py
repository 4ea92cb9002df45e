"""Coverage is told beside what it is worth."""

import pytest

from lm_eval_overton.comparison.pairs import compare
from tests.comparison.test_compare import COVERAGE, noted, row, run, task

ABOVE, ECHO = [0.3, 0.4, 0.3, 0.4, 0.3, 0.5], [0.1, 0.2, 0.1, 0.2, 0.1, 0.2]


def compared(matcher, base, other):
    signed = f"data:contested-2:abc|frame:chat|n:5|stop:none|match:{matcher}|lm_eval:0.4.13|v:0.1.0"
    return compare(
        run("base", task(COVERAGE, signed=signed, coverage_at_1=base, coverage_echo=ECHO)),
        [run("chat", task(COVERAGE, signed=signed, coverage_at_1=other, coverage_echo=ECHO))],
    ).pairs[0]


def test_a_run_that_is_not_above_its_echo_is_named():
    found = compared("hybrid>=0.54", ECHO, ABOVE)
    [line] = noted(found, "only repeats its question")
    assert line == (
        "overton_coverage: coverage of base (0.150) is not above that of an answer that only "
        "repeats its question (0.150, n = 6)"
    )
    assert not noted(compared("hybrid>=0.54", ABOVE, ABOVE), "only repeats its question")


@pytest.mark.parametrize(
    ("matcher", "offline"),
    [
        ("hybrid>=0.54", True),
        ("nli>=0.5:m@1", True),
        ("judge>=4.0:judge@1", False),
        ("staged:0.2..0.8:hybrid>=0.54:judge>=4.0:judge@1", False),
        ("staged:0.2..0.8:hybrid>=0.54:nli>=0.5:m@1", True),
    ],
)
def test_coverage_without_a_judge_is_compared_with_a_caution(matcher, offline):
    assert bool(noted(compared(matcher, ABOVE, ABOVE), "matched without a judge")) == offline


def test_the_echo_stands_beside_the_coverage_though_it_is_the_same_in_both_runs():
    found = compared("hybrid>=0.54", ABOVE, ABOVE)
    assert row(found, "coverage_echo").base.estimate == pytest.approx(0.15)
    assert row(found, "coverage_echo").paired.difference == 0
