"""Checkpoints in order: what is compared with what, what holds, what raises an alarm."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison.trends import Pairing, alarms, first_failure, holds, moved
from lm_eval_overton.errors import DataError, SettingsError
from tests.comparison.test_compare import COVERAGE, DIVERSITY, row, run, task

IDS = [f"q{i}" for i in range(12)]
BOUND = "semantic_diversity<-0.05"


def checkpoint(step, **values):
    found = {name: np.broadcast_to(own, 12) for name, own in values.items()}
    return step, run(f"checkpoint-{step}", task(ids=IDS, **found))


def trend(*runs, base=None, **options):
    return Pairing(**options).trend(base or runs[0][1], runs)


SPREAD = np.linspace(-0.02, 0.02, 12)


def test_each_is_compared_with_the_base_and_with_the_one_before():
    found = trend(*(checkpoint(step, m=SPREAD + level) for step, level in ((0, 1), (5, 3), (9, 4))))
    first, second, third = found.points
    assert (first.base, first.before) == (None, None)
    assert row(second.base, "m").paired.difference == pytest.approx(2)
    assert row(third.base, "m").paired.difference == pytest.approx(3)
    assert row(third.before, "m").paired.difference == pytest.approx(1)
    assert (third.before.base, third.before.run) == ("checkpoint-5", "checkpoint-9")


def test_the_base_may_be_another_run_or_one_in_between():
    runs = [checkpoint(step, m=SPREAD + step) for step in (1, 2, 3)]
    outside = trend(*runs, base=checkpoint(0, m=SPREAD)[1])
    assert [row(own.base, "m").paired.difference for own in outside.points] == pytest.approx(
        [1, 2, 3]
    )
    between = trend(*runs, base=runs[1][1])
    assert [own.base is None for own in between.points] == [False, True, False]
    assert row(between.points[0].base, "m").paired.difference == pytest.approx(-1)
    assert row(between.points[1].before, "m").paired.difference == pytest.approx(1)


def test_neighbours_without_anything_in_common_are_compared_with_the_base_alone():
    base = run("base", task(ids=IDS, m=SPREAD), task(COVERAGE, ids=IDS, m=SPREAD))
    runs = [run("a", base.tasks[DIVERSITY]), run("b", base.tasks[COVERAGE])]
    first, second = trend(*enumerate(runs), base=base).points
    assert (row(first.base, "m").task, row(second.base, "m").task) == (DIVERSITY, COVERAGE)
    assert second.before is None
    with pytest.raises(DataError, match="a task in common with a"):
        trend(*enumerate(runs), base=runs[0])


def test_two_runs_are_compared_once(monkeypatch):
    from lm_eval_overton.comparison import trends

    asked = []
    plain = trends.compare
    monkeypatch.setattr(
        trends, "compare", lambda a, b, **k: asked.append((a.name, b[0].name)) or plain(a, b, **k)
    )
    runs = [checkpoint(step, m=SPREAD + step) for step in range(4)]
    pairing = Pairing()
    for n in (1, 2, 3, 4):
        pairing.trend(runs[0][1], runs[:n])
    assert len(asked) == len(set(asked)) == 5


def test_the_first_checkpoint_beyond_a_bound_is_the_one():
    levels = {0: 0.5, 10: 0.49, 20: 0.3, 30: 0.1}
    found = trend(*(checkpoint(s, semantic_diversity=SPREAD + at) for s, at in levels.items()))
    point, [failure] = first_failure(found, [BOUND])
    assert point.step == 20
    assert str(failure).startswith(
        f"checkpoint-20 against checkpoint-0: {DIVERSITY}.semantic_diversity changed by -0.200"
    )
    assert first_failure(found, ["semantic_diversity<-0.45"]) is None
    assert first_failure(found, []) is None
    with pytest.raises(SettingsError, match="semantic_diversty"):
        first_failure(found, ["semantic_diversty<0"])


def test_an_innocent_training_does_not_fail_in_twenty_seeds():
    false = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        prompts = rng.uniform(0.3, 0.7, 12)
        runs = [
            checkpoint(s, semantic_diversity=prompts + rng.normal(0, 0.08, 12)) for s in range(4)
        ]
        if first_failure(trend(*runs), [BOUND]):
            false.append(seed)
    assert len(false) <= 1


def said(**change):
    base = {"degenerate_share": 0.0, "refusal_share": 0.0, "semantic_diversity": SPREAD + 0.6}
    found = trend(checkpoint(0, **base), checkpoint(1, **{**base, **change}))
    return [what for what, _ in alarms(found.points[1])]


def test_alarms_are_of_rises_that_hold():
    assert said() == []
    assert said(refusal_share=0.5 + SPREAD) == ["refusals"]
    assert said(degenerate_share=0.2 + SPREAD) == ["degenerate answers"]
    # More of them, but hardly, and on one prompt.
    assert said(refusal_share=0.01) == []
    assert said(refusal_share=np.eye(12)[0]) == []


def test_a_collapse_is_less_than_half_of_the_diversity_or_the_same_answer_again():
    assert said(semantic_diversity=0.4 + SPREAD) == []
    assert said(semantic_diversity=0.2 + SPREAD) == ["collapse"]
    same = {"semantic_diversity": SPREAD + 0.6, "duplicate_share": 0.0}
    found = trend(checkpoint(0, **same), checkpoint(1, **{**same, "duplicate_share": 0.8 + SPREAD}))
    [(what, numbers)] = alarms(found.points[1])
    assert what == "collapse"
    assert numbers.startswith(f"{DIVERSITY}.duplicate_share 0.000 → 0.800, +0.800 [")


def test_the_base_has_no_changes_but_the_alarms_of_its_run():
    step, own = checkpoint(0, m=SPREAD)
    loud = replace(own, tasks={DIVERSITY: replace(own.tasks[DIVERSITY], alarms=("odd",))})
    [point] = trend((step, loud)).points
    assert list(alarms(point)) == [("alarm of the run", f"{DIVERSITY}: odd")]


def test_a_change_holds_after_the_correction_for_the_metrics_beside_it():
    weak = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, -0.3, -0.1, 0.1])
    alone = trend(checkpoint(0, a=0), checkpoint(1, a=weak)).points[1].base
    assert holds(row(alone, "a"))
    many = {f"m{i}": np.roll(weak, i) * (1 + i) for i in range(9)}
    beside = trend(checkpoint(0, **dict.fromkeys(many, 0)), checkpoint(1, **many)).points[1].base
    assert row(beside, "m0").paired.is_clear
    assert not holds(row(beside, "m0"))


def test_prompts_that_moved_come_largest_first():
    base = task(ids="pqrst", m=[1, 2, 3, 4, np.nan])
    other = task(ids="tsrqx", m=[5, 1, 3, 3, 9])
    found = moved(base, other, "m")
    assert [(own.prompt, own.before, own.after) for own in found] == [("s", 4, 1), ("q", 2, 3)]
    assert [own.prompt for own in moved(base, other, "m", 1)] == ["q"]
    assert [own.prompt for own in moved(base, other, "m", -1)] == ["s"]
    assert moved(base, base, "m") == []


def test_runs_of_other_settings_are_refused_unless_forced():
    own = checkpoint(0, m=SPREAD)
    other = run("checkpoint-1", task(ids=IDS, signed="data:open_ended-1:abc|n:9", m=SPREAD + 1))
    with pytest.raises(SettingsError, match="same settings"):
        trend(own, (1, other))
    assert trend(own, (1, other), force=True).points[1].base
    assert other.place == Path("runs/checkpoint-1")
