"""A trend's metrics along its checkpoints: steps, means, where they change."""

from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.courses import courses, headline, in_steps, trend_of
from lm_eval_overton.comparison.trends import Pairing
from tests.comparison.test_compare import COVERAGE, DIVERSITY, run, task

IDS = [f"q{i}" for i in range(12)]
SPREAD = np.linspace(-0.02, 0.02, 12)
LEVELS = (0.5, 0.5, 0.5, 0.3, 0.3)
LINE = (DIVERSITY, "semantic_diversity")


def named(name, **values):
    return run(
        name, task(ids=IDS, **{key: np.broadcast_to(own, 12) for key, own in values.items()})
    )


def training(form="checkpoint-{}", **more):
    return [
        named(form.format(10 * i), semantic_diversity=SPREAD + level, **more)
        for i, level in enumerate(LEVELS, start=1)
    ]


def test_steps_come_from_names_and_order_the_runs():
    runs = training()
    shuffled = [runs[i] for i in (3, 0, 4, 1, 2)]
    ordered, is_named = in_steps(named("base", m=0), shuffled)
    assert is_named
    assert [step for step, _ in ordered] == [10, 20, 30, 40, 50]
    assert [own.name for _, own in ordered] == [own.name for own in runs]


def test_the_base_joins_if_its_name_says_a_step():
    runs = training()
    assert [step for step, _ in in_steps(runs[0], runs[1:])[0]] == [10, 20, 30, 40, 50]
    # Two of one step: which is which is not known.
    assert len(in_steps(named("checkpoint-20", m=0), runs)[0]) == 5


@pytest.mark.parametrize("form", ["model {}, final", "v1.{}"])
def test_without_steps_in_names_they_are_counted(form):
    ordered, is_named = in_steps(named("base", m=0), training(form))
    assert not is_named
    assert [step for step, _ in ordered] == [1, 2, 3, 4, 5]


def test_one_name_without_a_step_is_no_guess():
    runs = [*training(), named("final", m=0)]
    assert [step for step, _ in in_steps(named("base", m=0), runs)[0]] == [1, 2, 3, 4, 5, 6]
    twice = [*training(), training()[0]]
    assert not in_steps(named("base", m=0), twice)[1]


def test_the_step_may_stand_in_the_path_of_the_model():
    own = named("mine", m=0)
    tasks = {key: replace(one, model="out/run_3/checkpoint-500/") for key, one in own.tasks.items()}
    assert in_steps(named("base", m=0), [replace(own, tasks=tasks)])[0][0][0] == 500


def test_a_change_lies_between_two_steps():
    base = named("base", semantic_diversity=SPREAD + 0.5)
    trend, is_named = trend_of(compare(base, training()))
    assert is_named
    assert headline(trend) == [LINE]
    own = courses(trend, [LINE], 1)[LINE]
    assert own.steps == (10, 20, 30, 40, 50)
    assert own.means == pytest.approx(LEVELS)
    assert (own.change.split, own.change.low, own.change.high) == (3, 3, 3)
    assert own.row.paired.difference == pytest.approx(-0.2)
    # Means .5, .5, .5, .3, .3: squares .048; slope -.06 per checkpoint explains .036.
    assert own.said() == (
        "−0.200 between steps 30 and 40 [30 to 40], p (Holm) < 0.001: the step explains 100% of "
        "how the means vary, a straight line 75%"
    )


def test_a_drift_is_called_one():
    base = named("base", m=0)
    runs = [named(f"step{i}", m=SPREAD + 0.1 * i) for i in range(1, 6)]
    trend, _ = trend_of(compare(base, runs))
    own = courses(trend, [(DIVERSITY, "m")], 1)[DIVERSITY, "m"]
    assert own.said().startswith("a drift, p (Holm) < 0.001: the best step, between steps ")


def test_checkpoints_without_a_metric_are_left_out():
    runs = training()
    runs[1] = named("checkpoint-20", semantic_diversity=np.nan, m=0)
    runs[2] = run("checkpoint-30", task(ids=IDS, m=SPREAD), task(COVERAGE, ids=IDS, m=SPREAD))
    base = named("base", semantic_diversity=SPREAD + 0.5, m=SPREAD)
    trend, _ = trend_of(compare(base, runs))
    own = courses(trend, [LINE], 1)[LINE]
    assert own.steps == (10, 40, 50)
    assert "between steps 10 and 40 [10 to 40]" in own.said()


def test_a_task_of_choices_is_shown_by_what_is_read_first():
    shown = ["first_label_bias", "answer_mass", "opinion_entropy"]
    base, *runs = (named(f"step_{i}", mean_words=9, **dict.fromkeys(shown, i)) for i in range(3))
    found = headline(Pairing().trend(base, list(enumerate(runs, start=1))))
    assert found == [(DIVERSITY, metric) for metric in (*shown, "mean_words")]


def test_prompts_are_joined_by_id():
    runs = training()
    for i in (0, 3):
        [own] = runs[i].tasks.values()
        runs[i] = replace(runs[i], tasks={DIVERSITY: own.of_prompts(IDS[: 12 - i])})
    base = named("base", semantic_diversity=SPREAD + 0.5)
    own = courses(trend_of(compare(base, runs))[0], [LINE], 1)[LINE]
    assert (own.change.split, own.change.n) == (3, 12)
    assert own.change.difference == pytest.approx(-0.2)


def test_the_base_among_the_checkpoints_is_one_of_them():
    runs = training()
    late = Pairing().trend(runs[2], in_steps(runs[2], [*runs[:2], *runs[3:]])[0])
    assert [point.base is None for point in late.points] == [False, False, True, False, False]
    own = courses(late, [LINE], 1)[LINE]
    assert own.steps == (10, 20, 30, 40, 50)
    assert own.change.split == 3


def test_what_does_not_change_has_nothing_to_say():
    base = named("base", m=SPREAD)
    runs = [named(f"step{i}", m=SPREAD) for i in range(6)]
    own = courses(trend_of(compare(base, runs))[0], [(DIVERSITY, "m")], 1)[DIVERSITY, "m"]
    assert own.said() == ""


def test_one_place_under_two_names_is_two_checkpoints():
    base, first = named("base", m=SPREAD), named("step1", m=SPREAD + 1)
    found, _ = trend_of(compare(base, [first, replace(first, name="step2")]))
    assert [(own.step, own.base.run) for own in found.points] == [(1, "step1"), (2, "step2")]


def test_few_prompts_and_one_checkpoint_cannot_tell_of_a_change():
    base = named("base", m=0, other=0)
    runs = [named(f"step{i}", m=SPREAD + i, other=SPREAD if i == 2 else np.nan) for i in range(6)]
    line = (DIVERSITY, "other")
    alone = courses(trend_of(compare(base, runs))[0], [line], 1)[line]
    assert alone.untested == "one checkpoint alone"

    def five(own):
        return replace(own, tasks={key: t.of_prompts(IDS[:5]) for key, t in own.tasks.items()})

    trend, _ = trend_of(compare(five(base), [five(own) for own in runs]))
    own = courses(trend, [(DIVERSITY, "m")], 1)[DIVERSITY, "m"]
    assert (own.said(), own.untested[:14]) == ("", "5 prompts vary")
    # Few of twelve that vary are no change; none that varies is none, however few there are.
    still = trend_of(compare(five(base), [five(named(f"step{i}", m=1)) for i in range(6)]))[0]
    assert not courses(still, [(DIVERSITY, "m")], 1)[DIVERSITY, "m"].untested
    rare = [named(f"step{i}", m=np.eye(12)[0] * i) for i in range(6)]
    assert not courses(trend_of(compare(base, rare))[0], [(DIVERSITY, "m")], 1)[
        DIVERSITY, "m"
    ].untested
