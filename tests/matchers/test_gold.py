"""The gold responses as they are read: each viewpoint with its label."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.matchers.gold import (
    EXPRESSED,
    MANNERS,
    annotators_kappa,
    gold_responses,
    voiced,
)

EVERY = gold_responses()
LABELLED = [row for row in EVERY if row.kind != "probe"]


def test_the_labels_follow_the_order_of_the_viewpoints():
    docs = {doc["id"]: doc for doc in load_viewpoints("contested").docs}
    for row in EVERY:
        viewpoints = docs[row.question_id]["viewpoints"]
        assert row.viewpoints == tuple(viewpoint["text"] for viewpoint in viewpoints)
        assert row.sides == tuple(viewpoint["side"] for viewpoint in viewpoints)
        assert row.question == ([row.response], row.viewpoints, row.prompt)
        assert [label == "E" for label in row.labels] == row.covered


@pytest.mark.parametrize("labels", ["EPRA", EXPRESSED])
def test_the_annotators_kappa_equals_scikit_learn(labels):
    pairs = [
        [label if label in labels else "" for label in pair]
        for row in LABELLED
        for pair in zip(*row.annotators, strict=True)
    ]
    first, second = zip(*pairs, strict=True)
    interval = annotators_kappa(LABELLED, labels)
    assert interval.estimate == pytest.approx(cohen_kappa_score(first, second))
    assert interval.low < interval.estimate < interval.high
    assert interval.n == 48


def test_the_table_of_viewpoints_says_in_how_many_manners_each_is_voiced():
    real = [row for row in EVERY if row.kind == "real"]
    table = list(voiced(real))
    assert len(table) == sum(len(row.viewpoints) for row in real) / len(MANNERS)
    shares = np.array([share for *_, share in table])
    assert shares.mean() == pytest.approx(
        np.mean([sum(row.covered) for row in real]) / np.mean([len(r.viewpoints) for r in real])
    )
    # Whatever nobody voices tells no two models apart.
    assert (shares == 0).mean() < 0.05
    assert (shares == 1).mean() < 0.1
    question, text, side, share = table[0]
    first = [row for row in real if row.question_id == question]
    assert (text, side) == (first[0].viewpoints[0], first[0].sides[0])
    assert share == np.mean([row.covered[0] for row in first])
