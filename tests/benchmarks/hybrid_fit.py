"""Fit the constants of the hybrid matcher anew, and compare them with those that it has.

Command: ``python tests/benchmarks/hybrid_fit.py``, with the default encoder at hand. A logistic
regression on the three features of the calibration half of the packaged gold responses, real and
planted answers; then the threshold with the highest mean of the F1 of real and of planted answers
there. Exits with 1 if a constant differs from the matcher's by more than rounding.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from lm_eval_overton.matchers import hybrid
from lm_eval_overton.matchers.agreement import f1_curve
from lm_eval_overton.matchers.gold import GoldResponse, gold_responses
from lm_eval_overton.stats import Array
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import find_encoder

ROUNDING = 0.006
THRESHOLDS = np.arange(20, 80) / 100


def fitted(rows: Sequence[GoldResponse]) -> tuple[Array, float]:
    """Return the weights with the intercept last, and the threshold."""
    matcher = hybrid.HybridMatcher(get_encoder(find_encoder()))
    features = [own[0] for own in matcher.features([row.question for row in rows])]
    # Where all sentences reject, nothing can be said of what is covered.
    used = [(row, own) for row, own in zip(rows, features, strict=True) if np.isfinite(own).all()]
    table = np.concatenate([own for _, own in used])
    covered = np.concatenate([row.covered for row, _ in used])
    model = LogisticRegression(C=100.0, max_iter=1_000).fit(table, covered)
    chance = model.predict_proba(table)[:, 1]
    planted = np.concatenate([[row.kind == "planted"] * len(own) for row, own in used])
    scores = sum(f1_curve(chance[kind], covered[kind], THRESHOLDS) for kind in (planted, ~planted))
    threshold = float(THRESHOLDS[int(np.argmax(scores))])
    return np.append(model.coef_[0], model.intercept_), threshold


def main() -> int:
    """Print both, and return 1 if they differ."""
    rows = [row for row in gold_responses() if row.kind != "probe" and row.split == "calibrate"]
    constants, threshold = fitted(rows)
    theirs = np.array([*hybrid.WEIGHTS, hybrid.INTERCEPT])
    print("fitted", np.round(constants, 2).tolist(), "threshold", threshold)
    print("there ", theirs.tolist(), "threshold", hybrid.HYBRID_THRESHOLD)
    same = np.abs(constants - theirs).max() <= ROUNDING and threshold == hybrid.HYBRID_THRESHOLD
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
