"""Refit the weights of `p_both_words` and its like on our own answers, and say how well they do.

Command: ``python tests/benchmarks/stance_fit.py``. Prints the weights of a multinomial logistic
regression (L2, C = 1) on data/stance_gold.jsonl, rounded as they stand in
metrics/formulas/stance_words.py, and the agreement of ten folds by question with the labels. Exits
with 1 if other weights stand in the package.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score

from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.formulas.stance_words import WEIGHTS, stance_features

FOLDS = 10

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]


def labelled() -> list[Row]:
    """Return the labelled answers, each with its `prompt`, `response` and `stance`."""
    prompts = {doc["id"]: doc["prompt"] for doc in load_viewpoints("contested").docs}
    real = {
        row["id"]: {"prompt": prompts[row["question_id"]], "response": row["response"]}
        for _, row in read_jsonl(packaged_path("contested_gold"))
        if row.get("kind") == "real"
    }
    rows = [row for _, row in read_jsonl(packaged_path("stance_gold"))]
    return [row if "response" in row else {**row, **real[row["id"]]} for row in rows]


def features_of(rows: list[Row]) -> Floats:
    """Return one row of features per answer, the intercept's left out."""
    found = [stance_features(row["prompt"], row["response"]) for row in rows]
    return np.array([[own[name] for name in WEIGHTS if name != "intercept"] for own in found])


def fitted(features: Floats, stances: list[str]) -> LogisticRegression:
    """Return the regression on some answers."""
    return LogisticRegression(C=1.0, max_iter=5000).fit(features, stances)


def weights_of(model: LogisticRegression) -> dict[str, tuple[float, ...]]:
    """Return a regression's weights by feature in the order of the stances, rounded."""
    order = [list(model.classes_).index(stance) for stance in STANCES]
    table = np.column_stack([model.intercept_, model.coef_])[order].T.round(2) + 0.0
    return {name: tuple(map(float, own)) for name, own in zip(WEIGHTS, table, strict=True)}


def cross_validated(rows: list[Row], features: Floats) -> list[str]:
    """Return the stance of each answer by weights that saw no answer to its question."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    fold = {prompt: i % FOLDS for i, prompt in enumerate(prompts)}
    own = np.array([fold[row["prompt"]] for row in rows])
    found = np.empty(len(rows), dtype=object)
    for held in range(FOLDS):
        rest = [row["stance"] for row, i in zip(rows, own, strict=True) if i != held]
        found[own == held] = fitted(features[own != held], rest).predict(features[own == held])
    return list(map(str, found))


def agreement(name: str, stances: list[str], found: list[str]) -> str:
    """Return a line: kappa, share, and how often each says both."""
    kappa = cohen_kappa_score(stances, found, labels=list(STANCES))
    share = sum(a == b for a, b in zip(stances, found, strict=True)) / len(found)
    both = [own.count("both") / len(own) for own in (stances, found)]
    return f"| {name} | {len(found)} | {kappa:.2f} | {share:.2f} | {both[0]:.3f} | {both[1]:.3f} |"


def main() -> int:
    """Print weights and agreement."""
    rows = labelled()
    features, stances = features_of(rows), [row["stance"] for row in rows]
    weights = weights_of(fitted(features, stances))
    for name, own in weights.items():
        print(f'    "{name}": ({", ".join(f"{weight:.2f}" for weight in own)}),')
    print("\n| held out by question | answers | kappa | agree | labelled both | found both |")
    print("|---|---:|---:|---:|---:|---:|")
    found = cross_validated(rows, features)
    print(agreement("all", stances, found))
    for name, chosen in (
        ("answers to packaged questions", [not row["id"].startswith("own-") for row in rows]),
        ("short answers", [row["id"].startswith("own-") for row in rows]),
    ):
        kept = [(a, b) for a, b, keep in zip(stances, found, chosen, strict=True) if keep]
        print(agreement(name, *map(list, zip(*kept, strict=True))))
    same = weights == {name: tuple(own) for name, own in WEIGHTS.items()}
    print("" if same else "\nother weights stand in the package")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
