"""Seeds of a recipe as a group: their mean beside the base, what they differ in."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton.comparison import compare, fails
from lm_eval_overton.comparison.seeds import Group, compare_groups
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.reporting.tables import as_brief, as_csv, as_json, as_markdown
from tests.comparison.test_compare import COVERAGE, DIVERSITY, SIGNED, row, run, task

N = 40
IDS = [f"q{i}" for i in range(N)]
PROMPTS = np.random.default_rng(0).uniform(0.4, 0.6, N)


def seeds(*changes, name="semantic_diversity", noise=0.02, **more):
    rng = np.random.default_rng(1)
    return Group(
        "dpo",
        tuple(
            run(
                f"dpo {i}",
                task(ids=IDS, **{name: PROMPTS + by + rng.normal(0, noise, N)}, **more),
            )
            for i, by in enumerate(changes)
        ),
    )


BASE = run("base", task(ids=IDS, semantic_diversity=PROMPTS))


def pair(group, base=BASE, **options):
    return compare_groups(base, [group], **options).pairs[0]


def test_the_mean_of_seeds_stands_beside_the_base():
    base = run("base", task(ids="pqr", m=[1, 1, 1]))
    # The third prompt is undefined for a seed, so that the mean is undefined as well.
    group = Group(
        "g", (run("a", task(ids="pqr", m=[2, 4, 9])), run("b", task(ids="rqp", m=[None, 6, 4])))
    )
    found = row(pair(group, base), "m")
    assert (found.run.estimate, found.run.n) == (4.0, 2)
    assert (found.paired.difference, found.paired.n) == (3.0, 2)
    # Means 3 and 5 on the two prompts of both.
    assert (found.seeds.n_seeds, found.seeds.low, found.seeds.high) == (2, 3, 5)
    assert found.seeds.sd == pytest.approx(np.sqrt(2))


def test_seeds_that_agree_are_as_sure_as_prompts_are():
    found = pair(seeds(-0.1, -0.1, -0.1))
    own = row(found, "semantic_diversity")
    alone = own.seeds.over_prompts
    assert own.paired.is_clear
    assert own.paired.ci_low <= alone.low
    assert own.paired.ci_high >= alone.high
    assert own.paired.ci_high < -0.08
    assert not found.notes


def test_a_difference_within_what_seeds_differ_in_is_not_certain():
    found = pair(seeds(-0.15, 0.02, -0.06))
    own = row(found, "semantic_diversity")
    assert own.seeds.over_prompts.high < -0.05
    assert not own.paired.is_clear
    assert own.p_holm > 0.05
    assert len(found.notes) == 2
    assert found.notes[0].startswith(
        "the 3 seeds differ by more than prompts account for in overton_diversity.semantic"
    )
    assert found.notes[1].startswith("not certain with 3 seeds: overton_diversity.semantic")
    # The same change alike in all seeds is one.
    assert row(pair(seeds(-0.06, -0.07, -0.065)), "semantic_diversity").paired.is_clear


def test_a_gate_asks_for_both():
    bound = ["semantic_diversity<-0.01"]
    assert fails(compare_groups(BASE, [seeds(-0.1, -0.11, -0.09)]), bound)
    assert not fails(compare_groups(BASE, [seeds(-0.15, 0.02, -0.06)]), bound)


def test_a_group_stands_among_runs_in_the_order_given():
    alone = seeds(-0.1).runs[0]
    found = compare_groups(BASE, [seeds(-0.1, -0.2), replace(alone, name="sft")])
    assert [own.run for own in found.pairs] == ["dpo", "sft"]
    assert [own.name for own in found.runs] == ["base", "dpo 0", "dpo 1", "sft"]
    plain = compare(BASE, [replace(alone, name="sft")])
    assert found.pairs[1] == plain.pairs[0]
    assert compare_groups(BASE, [replace(alone, name="sft")]).pairs == plain.pairs


def test_no_base_alone():
    with pytest.raises(SettingsError, match="at least one other run"):
        compare_groups(BASE, [])


@pytest.mark.parametrize("old_new", [("n:5", "n:9"), ("query-answer", "chat")])
def test_seeds_of_other_settings_are_refused_unless_forced(old_new):
    first, second = seeds(-0.1, -0.1).runs
    other = task(ids=IDS, signed=SIGNED.replace(*old_new), semantic_diversity=PROMPTS)
    group = Group("dpo", (first, replace(second, tasks={DIVERSITY: other})))
    with pytest.raises(SettingsError, match="force"):
        pair(group)
    assert "differs" in " ".join(pair(group, force=True).notes)


def test_only_what_all_have_is_compared():
    first, second = seeds(-0.1, -0.1, extra=PROMPTS).runs
    only = {DIVERSITY: task(ids=IDS[:30], semantic_diversity=PROMPTS[:30])}
    found = pair(Group("dpo", (first, replace(second, tasks=only))))
    assert [own.metric for own in found.rows] == ["semantic_diversity"]
    assert row(found, "semantic_diversity").paired.n == 30
    assert any("30 prompts are in both runs" in note for note in found.notes)
    nothing = replace(second, tasks={COVERAGE: task(COVERAGE, ids=IDS, m=PROMPTS)})
    with pytest.raises(DataError, match="all seeds"):
        pair(Group("dpo", (first, nothing)))


def test_alarms_of_every_seed_are_noted():
    first, second = seeds(-0.1, -0.1, alarms=["odd"]).runs
    notes = pair(Group("dpo", (first, second))).notes
    assert f"{DIVERSITY}: alarm in dpo 0: odd" in notes
    assert f"{DIVERSITY}: alarm in dpo 1: odd" in notes


def test_samples_that_are_those_of_another_seed_are_noted():
    def answered(own, key):
        details = tuple({"sha": f"{key}{i}"} for i in range(N))
        return replace(own, tasks={DIVERSITY: replace(own.tasks[DIVERSITY], details=details)})

    one, two, three = seeds(-0.1, -0.11, -0.12).runs
    group = Group("dpo", (answered(one, "a"), answered(two, "b"), answered(three, "a")))
    [note] = [note for note in pair(group).notes if "copy" in note]
    assert note.startswith("all samples of dpo 0 and dpo 2 are the same")


def test_a_copy_is_noted_for_the_tasks_and_prompts_that_it_shares():
    def answered(name, **tasks):
        return run(
            name,
            *(
                replace(task(own, ids=keys, m=[1.0] * 2), details=tuple({"sha": k} for k in hashes))
                for own, (keys, hashes) in tasks.items()
            ),
        )

    base = run("base", task("choice", ids="pqrs", m=[1.0] * 4))
    one = answered("one", choice=("pq", "ab"), said=("pq", "ab"))
    two = answered("two", choice=("rq", "xb"), said=("pq", "xy"))
    three = answered("three", choice=("rq", "ab"), said=("qr", "zz"))
    notes = [note for note in pair(Group("g", (one, two, three)), base).notes if "copy" in note]
    assert [note.partition(":")[0] for note in notes] == [
        "all samples of choice of one and two are the same",
        "all samples of choice of one and three are the same",
    ]


def test_what_not_all_seeds_have_is_said():
    nan = [None] * N
    own = dict.fromkeys(("semantic_diversity", "often", "never"), PROMPTS)
    base = run("base", task(ids=IDS, **own), task(COVERAGE, ids=IDS, m=PROMPTS))
    one, two = seeds(-0.1, -0.1, often=PROMPTS, never=nan).runs
    two.tasks[DIVERSITY].values["often"] = np.full(N, np.nan)
    one = replace(one, tasks={**one.tasks, COVERAGE: base.tasks[COVERAGE]})
    notes = pair(Group("dpo", (one, two)), base).notes
    assert f"{COVERAGE}: left out, since not all seeds have it: no {COVERAGE} in dpo 1" in notes
    assert f"{DIVERSITY}: often without a mean over the seeds: no value in dpo 1" in notes
    assert not any("never" in note for note in notes)


def test_two_seeds_are_said_to_be_few_where_they_differ():
    assert any("a third seed" in note for note in pair(seeds(-0.1, -0.2)).notes)
    assert not pair(seeds(-0.1, -0.1)).notes
    assert not any("a third seed" in note for note in pair(seeds(-0.1, -0.2, -0.3)).notes)


def test_what_seeds_have_no_spread_of_is_of_all_of_them():
    group = seeds(-0.1, -0.1, -0.1, never=[None] * N)
    found = compare_groups(run("base", task(ids=IDS, never=[None] * N)), [group])
    [line] = json.loads(as_json(found))["pairs"][0]["rows"]
    assert (line["metric"], line["n"], line["seeds"], line["seeds_sd"]) == ("never", 0, 3, None)


def test_a_group_has_a_name_of_its_own():
    group = seeds(-0.1, -0.1)
    for others in ([group, group], [replace(group, name="base")]):
        with pytest.raises(SettingsError, match="a name of its own"):
            compare_groups(BASE, others)


def test_a_gate_on_what_not_all_seeds_have_says_so():
    base = run("base", BASE.tasks[DIVERSITY], task(COVERAGE, ids=IDS, m=PROMPTS))
    one, two = seeds(-0.15, 0.02).runs
    one = replace(one, tasks={**one.tasks, COVERAGE: base.tasks[COVERAGE]})
    found = compare_groups(base, [Group("dpo", (one, two))])
    with pytest.raises(SettingsError, match=f"got 'm'; {COVERAGE}: left out, since not all"):
        fails(found, [f"{COVERAGE}.m<0"])
    # What is said of another task's metric of the name is no reason.
    with pytest.raises(SettingsError, match="semantic_diversity'; overton_coverage: left out"):
        fails(found, [f"{COVERAGE}.semantic_diversity<0"])


def test_a_group_of_one_prompt_is_one_too():
    group = Group("g", (run("a", task(ids="p", m=[2])), run("b", task(ids="p", m=[4]))))
    found = compare_groups(run("base", task(ids="p", m=[1])), [group])
    assert found.pairs[0].is_group
    assert "Not computed" not in as_brief(found)


def test_prompts_with_one_right_answer_stay_out_of_the_headline():
    def tagged(own):
        details = tuple({"tags": ["one_answer"] if i < 5 else []} for i in range(N))
        return replace(own, tasks={DIVERSITY: replace(own.tasks[DIVERSITY], details=details)})

    group = Group("dpo", tuple(map(tagged, seeds(-0.1, -0.1).runs)))
    found = pair(group, tagged(BASE))
    assert [own.paired.n for own in found.rows] == [40]
    assert [own.paired.n for own in found.headline] == [35]
    assert "5 of 40 prompts" in found.left_out[0]


def test_every_form_says_what_seeds_differ_in():
    found = compare_groups(BASE, [seeds(-0.15, 0.02, -0.06)])
    own = row(found.pairs[0], "semantic_diversity")
    for text in (as_brief(found), as_markdown(found)):
        line = next(
            line
            for line in text.split("\n")
            if line.startswith("| semantic") and "|     3 |" in line
        )
        assert f"{own.seeds.sd:.3f} | {own.seeds.low:.3f} | {own.seeds.high:.3f}" in line
        assert "Several seeds of one recipe" in text
        assert "Not computed" not in text
    assert f",3,{own.seeds.sd},{own.seeds.low},{own.seeds.high}," in as_csv(found)
    assert f'"seeds_sd": {own.seeds.sd}' in as_json(found)
