"""OvertonScores by hand, and as pandas groups the same file."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.cli import main
from lm_eval_overton.data.overtonbench import Rating, read_ratings
from lm_eval_overton.metrics.overtonbench import overton_scores

# Question q: cluster a of two participants, b of one; question r: one cluster.
BY_HAND = [
    *[Rating("q", "one", "a", p, r) for p, r in (("p1", 5), ("p2", 3))],
    Rating("q", "one", "b", "p3", 3.9),
    *[Rating("q", "two", "a", p, 1) for p in ("p1", "p2")],
    Rating("q", "two", "b", "p3", 5),
    Rating("r", "one", "a", "p1", 1),
    Rating("r", "two", "a", "p1", 4),
]


def by_name(ratings):
    found = overton_scores(ratings)
    return {own.name: own for own in (*found.models, found.floor, found.ceiling)}


def test_scores_of_two_models_by_hand():
    found = overton_scores(BY_HAND)
    rows = (*found.models, found.floor, found.ceiling)
    assert [own.name for own in rows] == ["two", "one", "one viewpoint", "all models together"]
    # "one": a has a mean of 4, b of 3.9; "two": b alone, and the cluster of r.
    plain = [(1 / 2 + 1) / 2, (1 / 2 + 0) / 2, (1 / 2 + 1) / 2, 1]
    weighted = [(1 / 3 + 1) / 2, (2 / 3 + 0) / 2, (2 / 3 + 1) / 2, 1]
    assert [own.score.estimate for own in rows] == pytest.approx(plain)
    assert [own.weighted.estimate for own in rows] == pytest.approx(weighted)
    assert {own.score.n for own in rows} == {2}


def test_a_question_counts_where_every_cluster_rated_the_answer():
    found = by_name([own for own in BY_HAND if own != Rating("q", "one", "b", "p3", 3.9)])
    assert (found["one"].score.estimate, found["one"].score.n) == (0, 1)
    assert (found["two"].score.estimate, found["two"].score.n) == (0.75, 2)
    assert (found["all models together"].score.n, found["one viewpoint"].score.n) == (1, 2)


def test_a_model_without_a_whole_question_has_no_score_and_stands_last():
    found = overton_scores([Rating("q", "none", "b", "p3", 5), *BY_HAND][:-2])
    assert found.models[-1].name == "none"
    assert math.isnan(found.models[-1].score.estimate)
    assert math.isnan(found.ceiling.weighted.estimate)


def made(n_questions=12, models=("m", "n", "o"), seed=0):
    """Ratings of participants in two to five clusters per question, by every one for each model."""
    rng = np.random.default_rng(seed)
    rows = []
    for question in range(n_questions):
        n_clusters = int(rng.integers(2, 6))
        clusters = [*range(n_clusters), *rng.integers(0, n_clusters, 9)]
        leaning = rng.integers(2, 5, (len(models), n_clusters))
        rows += [
            (f"q{question}", model, f"c{c}", int(leaning[i, c] + rng.integers(0, 2)), f"p{who}")
            for who, c in enumerate(clusters)
            for i, model in enumerate(models)
        ]
    return pd.DataFrame(
        rows, columns=["question_id", "model", "cluster_kmeans", "representation_rating", "user"]
    )


def test_scores_are_those_of_pandas(tmp_path):
    table = made()
    table.to_csv(tmp_path / "ratings.csv", index=False)
    found = by_name(read_ratings(tmp_path / "ratings.csv"))
    keys = ["question_id", "cluster_kmeans"]
    means = table.groupby([*keys, "model"])["representation_rating"].mean().unstack()
    covered = (means >= 4).assign(**{"all models together": (means >= 4).any(axis=1)})
    size = table.groupby(keys)["user"].nunique()
    share = size / size.groupby("question_id").transform("sum")
    plain = covered.groupby("question_id").mean().mean()
    weighted = covered.mul(share, axis=0).groupby("question_id").sum().mean()
    assert 0 < plain.min() < plain.max() < 1
    for name in covered.columns:
        assert found[name].score.estimate == pytest.approx(plain[name], abs=1e-12)
        assert found[name].weighted.estimate == pytest.approx(weighted[name], abs=1e-12)
    floor = found["one viewpoint"]
    assert floor.score.estimate == pytest.approx((1 / size.groupby("question_id").size()).mean())
    assert floor.weighted.estimate == pytest.approx(share.groupby("question_id").max().mean())
    for own in found.values():
        assert 0 <= own.score.low <= own.score.estimate <= own.score.high <= 1


@settings(deadline=None, max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_the_rows_does_not_matter_and_no_model_is_above_the_ceiling(random, seed):
    rows = [Rating(q, m, c, p, r) for q, m, c, r, p in made(3, seed=seed).itertuples(index=False)]
    first = by_name(rows)
    random.shuffle(rows)
    second = by_name(rows)
    for name, own in first.items():
        assert second[name].score.estimate == pytest.approx(own.score.estimate)
        assert second[name].weighted.estimate == pytest.approx(own.weighted.estimate)
        if name != "one viewpoint":
            assert own.score.estimate <= first["all models together"].score.estimate + 1e-12


# ------------------------------------------------------------------------------- the command


def test_the_command_prints_a_table(tmp_path, capsys):
    made().to_csv(tmp_path / "ratings.csv", index=False)
    assert main(["score", "--overtonbench", str(tmp_path / "ratings.csv")]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.startswith("|")]
    assert len(lines) == 7
    assert lines[-2].startswith("| *floor: one viewpoint*")
    assert all(line.endswith("|        12 |") for line in lines[2:])
    assert "Models with different questions" not in out


def test_the_command_says_where_questions_do_not_count(tmp_path, capsys):
    gone = "not (question_id == 'q0' and model == 'm' and cluster_kmeans == 'c0')"
    made().query(gone).to_csv(tmp_path / "r.csv", index=False)
    assert main(["score", "--overtonbench", str(tmp_path / "r.csv")]) == 0
    out = capsys.readouterr().out
    assert "Of 12 questions, those count" in out
    assert "and 11 for the ceiling" in out


@pytest.mark.parametrize(
    ("arguments", "got"), [([], "none"), (["r.jsonl", "--overtonbench", "r.csv"], "both")]
)
def test_responses_or_ratings_are_scored(arguments, got, capsys):
    assert main(["score", *arguments]) == 2
    assert f"expected RESPONSES.jsonl or --overtonbench CSV, got {got};" in capsys.readouterr().err
