"""All boards that runs make: which runs stand together, where, and by tag."""

from dataclasses import replace

import pytest

from lm_eval_overton.comparison.leaderboard import boards_of, by_tag, leaderboard, standings
from lm_eval_overton.runs.finished import Judging
from tests.comparison.test_leaderboard import SIGNATURE, run

LOW, HIGH = [0.1, 0.2, 0.3, 0.2] * 3, [0.7, 0.8, 0.9, 0.8] * 3


def tagged(made, *tags):
    [(task, own)] = made.tasks.items()
    n = len(own.ids)
    details = tuple({"tags": [tags[i % len(tags)]]} if tags else {} for i in range(n))
    return replace(made, tasks={task: replace(own, details=details)})


def test_each_standing_is_that_of_the_leaderboard_of_its_metric():
    a = run("a", lexical_diversity=LOW, compression_ratio=[1.0, 2.0, 3.0, None] * 3)
    b = run("b", lexical_diversity=HIGH, compression_ratio=[1.5, 1.0, 2.5, 2.0] * 3)
    c = run("c", lexical_diversity=[0.2, 0.9, 0.1, 0.4] * 3)
    [board] = boards_of([a, b, c])
    assert board.metrics == {"lexical_diversity": True, "compression_ratio": False}
    found = standings(board)
    for metric in board.metrics:
        rows = leaderboard([a, b, c], metric).rows
        assert list(found[metric]) == [row.run for row in rows]
        for row in rows:
            own = found[metric][row.run]
            assert (own.first, own.last) == (row.rank, row.last_rank)
            assert own.score.n == row.score.n
            shown = (row.score.estimate, row.score.low, row.score.high)
            assert (own.score.estimate, own.score.low, own.score.high) == pytest.approx(shown)


def test_runs_of_other_settings_stand_on_a_board_of_their_own():
    a, b = (run(name, lexical_diversity=LOW) for name in "ab")
    other = SIGNATURE.replace("n:5", "n:10").replace("frame:chat", "frame:plain")
    c = run("c", lexical_diversity=HIGH, signature=other)
    d = run("d", lexical_diversity=HIGH, signature=SIGNATURE.replace("chat", "plain"))
    first, second = boards_of([c, a, b, d])
    assert (list(first.results), list(second.results)) == (["a", "b", "d"], ["c"])
    # The frame, in which a base model is asked otherwise, is not what they have in common.
    assert "frame" not in first.signature
    assert "n:5" in first.signature


def test_what_judges_of_two_names_decide_is_left_out_and_verdict_counts_are_no_metrics():
    def judged(name, judge):
        counts = {"quality": {"parsed": 12, "refused": 0}}
        of = {"helpfulness": HIGH, "quality_parsed": [1.0] * 12, "lexical_diversity": LOW}
        return run(name, judge=Judging(judge, counts), judged=frozenset({"helpfulness"}), **of)

    [board] = boards_of([judged("a", "one"), judged("b", "two")])
    assert list(board.metrics) == ["lexical_diversity"]
    assert board.notes == ("left out, because the runs' judges differ: helpfulness",)


def test_boards_by_tag_hold_the_headline_over_the_prompts_with_the_tag():
    a = tagged(run("a", lexical_diversity=LOW, mean_words=LOW), "advice", "plan", "plan")
    b = tagged(run("b", lexical_diversity=HIGH, mean_words=LOW))
    [board] = boards_of([a, b])
    (tag, keys, plan), (other, _, _) = by_tag(board)
    assert (tag, other) == ("plan", "advice")
    assert keys == {"p1", "p2", "p4", "p5", "p7", "p8", "p10", "p11"}
    assert list(plan.metrics) == ["lexical_diversity"]
    # Both are asked the same prompts, of which one file says the tags: .2, .3, .1, .2, ...
    found = standings(plan)["lexical_diversity"]
    assert (found["b"].score.n, found["b"].first, found["a"].first) == (8, 1, 2)
    assert found["a"].score.estimate == pytest.approx(
        sum(LOW[i] for i in (1, 2, 4, 5, 7, 8, 10, 11)) / 8
    )


def test_without_tags_there_is_no_board_by_tag():
    [board] = boards_of([run("a", lexical_diversity=LOW)])
    assert list(by_tag(board)) == []
