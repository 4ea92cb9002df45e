"""Classes of the paper's responses, and NoveltyBench's own numbers from its released files."""

import json
import math

import pytest
from scipy.stats import spearmanr

from lm_eval_overton.matchers.equivalence.judged import RecordedEquivalence
from lm_eval_overton.metrics.ratings import RatingSource
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.samples import clean
from tests.conftest import PAPER, SHARED
from tests.released import NoEncoder

LIMA = PAPER / "LIMA-OE" / "outputs"
GOLDEN = SHARED / "golden"
CURATED = sorted((SHARED / "peers" / "noveltybench" / "curated").glob("*.jsonl"))
FENCE = ("\n```",)
MODELS = {
    "llama-2-base": 49,
    "llama-2-icl": 50,
    "llama-2-icl-chat": 50,
    "llama-2-chat": 50,
    "gpt-3.5-turbo": 50,
}
OF = {
    "distinct_k": "distinct_k_rouge1",
    "classes_hill1": "hill_1",
    "classes_hill2": "hill_2",
    "top_class_share": "top_class_share",
    "class_collision": "collision",
}


@pytest.mark.skipif(not (GOLDEN.is_dir() and LIMA.is_dir()), reason="no released outputs")
@pytest.mark.parametrize("model", MODELS)
def test_classes_of_the_released_responses(model):
    golden = json.loads((GOLDEN / "lima_oe_lexical_additions.json").read_text())[model]
    entries = read_responses(LIMA / f"{model}.jsonl").entries
    prompts = [Prompt({}, [clean(raw, FENCE) for raw in entry.responses]) for entry in entries]
    rows = score_prompts(prompts, list(OF), Bench(5, FENCE, NoEncoder(), 1))
    defined = [row for row in rows if row["distinct_k"] is not None]
    assert len(defined) == golden["prompts"] == MODELS[model]
    assert [row["distinct_k"] for row in defined] == golden["per_prompt_distinct_k_rouge1"]
    for ours, theirs in OF.items():
        mean = math.fsum(row[ours] for row in defined) / len(defined)
        assert mean == pytest.approx(golden[theirs], abs=1e-4)


def curated(path):
    """The prompts of a released file, with their classes and ratings."""
    recorded = match_prompts(read_responses(path), None)
    return [
        Prompt(
            doc,
            [clean(raw) for raw in recorded.responses[doc["id"]]],
            ratings=recorded.given[doc["id"]].ratings,
            classes=recorded.given[doc["id"]].partition,
        )
        for doc in recorded.prompts.docs
    ]


def mean(rows, name):
    return math.fsum(row[name] for row in rows) / len(rows)


@pytest.mark.skipif(not CURATED, reason="the benchmark's released files are not here")
def test_the_benchmark_s_own_classes_and_ratings_give_its_own_numbers():
    golden = json.loads((GOLDEN / "noveltybench_curated.json").read_text())
    # Files and golden values write the models' names in different ways.
    known = {name.rpartition("/")[2].replace("@", "-"): own for name, own in golden.items()}
    for path in CURATED:
        bench = Bench(
            10, (), NoEncoder(), 1, equivalence=RecordedEquivalence(), ratings=RatingSource("own")
        )
        rows = score_prompts(curated(path), ["distinct_k", "utility_k", "quality_mean"], bench)
        assert mean(rows, "distinct_k") == pytest.approx(known[path.stem]["distinct"], abs=1e-12)
        assert mean(rows, "utility_k") == pytest.approx(known[path.stem]["utility"], abs=1e-12)
        # What is like one before it was not rated.
        repeats = [row["distinct_k"] < 10 for row in rows]
        assert [row["quality_mean"] is None for row in rows] == repeats


@pytest.mark.skipif(not CURATED, reason="the benchmark's released files are not here")
def test_classes_by_words_rank_models_as_the_benchmark_s_classifier_does():
    theirs, ours = [], []
    for path in CURATED:
        prompts = curated(path)
        rows = score_prompts(prompts, ["distinct_k"], Bench(10, (), NoEncoder(), 1))
        ours.append(mean(rows, "distinct_k"))
        theirs.append(sum(len(set(prompt.classes)) for prompt in prompts) / len(prompts))
    assert spearmanr(ours, theirs).statistic >= 0.85
    assert sum(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / len(ours) <= 0.5
