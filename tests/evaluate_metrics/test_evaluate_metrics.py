"""The metrics as `evaluate.Metric` classes: one implementation, whatever `evaluate` does."""

import json
import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lm_eval_overton import evaluate_metrics as module
from lm_eval_overton.errors import DataError, EncoderError, SettingsError
from lm_eval_overton.evaluate_metrics import CLASSES
from lm_eval_overton.matchers.table import make_matcher
from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.languages import detect
from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.tokenizers import in_use, tokenizer_for
from tests.conftest import PAPER
from tests.test_imports import loaded_after

PROMPTS = [
    # What comes before the last answer is reasoning.
    ["Ants walk.", "Ants run.", "<think>Do they?</think>Ants run."],
    ["Bees fly.", None, "Bees fly."],
    [None],
]
VIEWS = [["Ants walk a lot.", "Taxes are too high."], ["Bees fly."], ["Nothing is known."]]
# What is measured on runs of words needs longer samples.
LONGER = ["The old ants walk to their nest.", "The old ants run to their nest."]


@pytest.fixture
def made(tmp_path):
    """Make a metric, by the name of its class, that keeps its files in a folder of the test."""
    # A class is asked for here and not when the tests are collected: it imports `evaluate`.
    return lambda name, **options: getattr(module, name)(cache_dir=str(tmp_path), **options)


# -------------------------------------------------------------------------------- the numbers


def test_the_mean_is_over_the_prompts_where_the_metric_is_defined(made):
    result = made("LexicalDiversity").compute(predictions=PROMPTS)
    # {Ants, walk} to {Ants, run} twice 1/3, {Ants, run} to itself 1: 1 - (5/3)/3 = 4/9; the two
    # samples that came are equal: 0; no sample: undefined.
    assert result["lexical_diversity_values"][:2] == pytest.approx([4 / 9, 0.0])
    assert math.isnan(result["lexical_diversity_values"][2])
    assert result["lexical_diversity"] == pytest.approx(2 / 9)
    assert result["n"] == 2
    assert list(result) == ["lexical_diversity", "lexical_diversity_values", "n"]


def test_metrics_that_grow_with_n_are_computed_at_n(made):
    result = made("UnitsAtNWords").compute(predictions=PROMPTS, n=2)
    # Of {Ants, walk}, {Ants, run}, {Ants, run}: pairs hold 3, 3 and 2 words; both bees hold 2.
    assert result["units_at_n_words_values"][:2] == pytest.approx([8 / 3, 2.0])
    assert made("UnitsAtNWords").compute(predictions=PROMPTS, n=3)["n"] == 1
    # Bigrams "ants walk", "ants run", "ants run": all pairs 1, 1 and 1/2.
    assert made("Distinct2").compute(predictions=PROMPTS[:1], n=2)["distinct_2"] == pytest.approx(
        2.5 / 3
    )


def test_samples_are_cut_at_the_stop(made):
    texts = [["Ants walk.``` Bees", "Ants walk.```"]]
    assert made("DuplicateShare").compute(predictions=texts)["duplicate_share"] == 0.0
    for stop in ("```", ["```"]):
        result = made("DuplicateShare").compute(predictions=texts, stop=stop)
        # One of two repeats the other.
        assert result["duplicate_share"] == 0.5


def test_viewpoints_are_given_as_references(made):
    predictions = [["Ants walk a lot.", "Taxes are too high.", "Ants walk a lot."]]
    given = {"predictions": predictions, "references": VIEWS[:1], "n": 3}
    # Each sample covers one of two; together they cover both.
    assert made("CoverageAt1").compute(**given)["coverage_at_1"] == pytest.approx(0.5)
    assert made("CoverageAtN").compute(**given)["coverage_at_n"] == pytest.approx(1.0)
    assert made("OvertonIndex").compute(**given)["overton_index"] == pytest.approx(0.5)


def test_a_higher_threshold_covers_less(made):
    given = {"predictions": [["Ants walk."]], "references": [["Ants walk a lot."]]}
    assert made("CoverageAt1").compute(**given, threshold=0.1)["coverage_at_1"] == 1.0
    assert made("CoverageAt1").compute(**given, threshold=0.999)["coverage_at_1"] == 0.0


def test_a_question_that_is_said_again_covers_nothing_where_it_is_known(made):
    asked = "Should cities charge drivers for entering the centre?"
    views = ["Cities should charge drivers, for the roads are full.", "Drivers need the centre."]
    given = {"predictions": [[asked]], "references": [views]}
    assert made("CoverageAt1").compute(**given, prompts=[asked])["coverage_at_1"] == 0.0
    with pytest.raises(DataError, match="one text per prompt, got 2 for 1"):
        made("CoverageAt1").compute(**given, prompts=[asked] * 2)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_class_gives_the_values_of_the_scoring(name, made):
    entry = CLASSES[name]
    given = {"references": [*VIEWS, ["Ants walk."]]} if entry.viewpoints else {}
    # Three of the samples are drawn for this one.
    n = 3 if name == "DistinctAtM" else 2
    result = made(name).compute(predictions=[*PROMPTS, LONGER], n=n, **given)
    encoder = get_encoder(find_encoder())
    bench = Bench(n, [], encoder, 1234, make_matcher("hybrid", encoder))
    prompts = [
        Prompt({"viewpoints": [{"text": view} for view in views]}, [clean(raw) for raw in own])
        for own, views in zip([*PROMPTS, LONGER], [*VIEWS, ["Ants walk."]], strict=True)
    ]
    expected = [row[entry.metric] for row in score_prompts(prompts, [entry.metric], bench)]
    values = [None if math.isnan(v) else v for v in result[f"{entry.metric}_values"]]
    assert values == expected
    defined = [value for value in expected if value is not None]
    assert defined
    assert result["n"] == len(defined)
    assert result[entry.metric] == pytest.approx(np.mean(defined))


@pytest.mark.paper_data
def test_the_papers_diversity_of_llama_2_chat(made):
    path = PAPER / "LIMA-OE" / "outputs" / "llama-2-chat.jsonl"
    predictions = [json.loads(line)["responses"] for line in path.read_text().splitlines()]
    result = made("LexicalDiversity").compute(predictions=predictions)
    # The table's mean pairwise Jaccard.
    assert result["lexical_diversity"] == pytest.approx(1 - 0.2791760, abs=1e-6)
    assert result["n"] == 50


# ------------------------------------------------------------------- what evaluate does to texts


@pytest.mark.parametrize("options", [{}, {"keep_in_memory": True}])
@pytest.mark.parametrize(
    ("predictions", "expected", "n"),
    [
        ([], [], 0),
        ([[]], [math.nan], 0),
        # The base class alone refuses a batch whose first prompt has no text.
        ([[None, None], ["Ants walk.", "Bees fly."]], [math.nan, 1.0], 1),
        ([["Äpfel 😀\r\n", "Äpfel 😀\0"]], None, 1),
        ((("Ants walk.", "Bees fly."),), [1.0], 1),
        (np.array([["Ants walk.", "Bees fly."]]), [1.0], 1),
    ],
)
def test_odd_predictions(options, predictions, expected, n, made):
    result = made("LexicalDiversity", **options).compute(predictions=predictions)
    if expected is None:
        expected = [
            jaccard_diversity([ENGLISH.content_words(t) for t in own]) for own in predictions
        ]
    assert result["lexical_diversity_values"] == pytest.approx(expected, nan_ok=True)
    assert result["n"] == n
    assert math.isnan(result["lexical_diversity"]) == (n == 0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), max_size=4),
        max_size=4,
    )
)
@example([["s", "A:s:A0Á"]])
def test_texts_come_back_from_evaluate_as_they_were_given(tmp_path_factory, predictions):
    metric = module.LexicalDiversity(
        cache_dir=str(tmp_path_factory.getbasetemp()), keep_in_memory=True
    )
    values = metric.compute(predictions=predictions)["lexical_diversity_values"]
    kept = [[text for t in own if (text := clean(t).text)] for own in predictions]
    # Which words a text has depends on the language that all of them are taken to be in.
    tokenizer = tokenizer_for(in_use(detect([t for own in kept for t in own], [""] * len(kept))))
    expected = [jaccard_diversity([tokenizer.content_words(t) for t in own]) for own in kept]
    assert values == pytest.approx(expected, nan_ok=True)


def test_prompts_may_be_added_one_by_one_and_the_metric_used_again(made):
    metric = made("LexicalDiversity")
    for _ in range(2):
        metric.add(prediction=[None])
        metric.add(predictions=["Ants walk.", "Bees fly."])
        metric.add_batch(predictions=[["Ants walk.", "Ants walk."]])
        assert len(metric) == 3
        result = metric.compute()
        assert result["lexical_diversity_values"][1:] == [1.0, 0.0]
        assert result["n"] == 2


def test_viewpoints_may_be_added_one_by_one(made):
    metric = made("CoverageAt1")
    metric.add(prediction=["Ants walk a lot."], reference=VIEWS[0])
    assert metric.compute()["coverage_at_1"] == pytest.approx(0.5)


def test_several_metrics_combine(made):
    import evaluate

    both = evaluate.combine([made("LexicalDiversity"), made("UnitsAt1Words"), made("Distinct2")])
    result = both.compute(predictions=[["Ants walk.", "Ants run."]], n=2)
    assert result["lexical_diversity"] == pytest.approx(2 / 3)
    assert (result["units_at_1_words"], result["distinct_2"]) == (2.0, 1.0)
    assert result["lexical_diversity_n"] == 1
    both.add(prediction=["Ants walk.", "Ants walk."])
    assert both.compute(n=2)["lexical_diversity"] == 0.0


def test_two_metrics_at_once_do_not_mix(made):
    first, second = made("LexicalDiversity"), made("LexicalDiversity")
    first.add(prediction=["Ants walk.", "Bees fly."])
    second.add(prediction=["Ants walk.", "Ants walk."])
    assert first.compute()["lexical_diversity"] == 1.0
    assert second.compute()["lexical_diversity"] == 0.0


def test_the_first_of_several_processes_has_all_prompts(warm, tmp_path):
    ranks = [{"RANK": str(i), "FOLDER": str(tmp_path)} for i in range(2)]
    both = warm.run("tests.evaluate_metrics.one_of_two", [], *ranks)
    assert both.returncode == 0, both.stderr
    assert sorted(both.stdout.splitlines()) == ["0: [1.0, 0.0, 2]", "1: None"]


# ------------------------------------------------------------------------------------- classes


def test_the_import_loads_neither_torch_nor_the_harness_nor_evaluate():
    code = "import lm_eval_overton.evaluate_metrics"
    assert loaded_after(code, "lm_eval", "torch", "transformers", "evaluate", "datasets") == []


def test_a_class_loads_no_harness():
    code = "from lm_eval_overton.evaluate_metrics import LexicalDiversity"
    assert loaded_after(code, "lm_eval", "sentence_transformers", "evaluate") == ["evaluate"]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_classes_say_what_they_are(name, made):
    import evaluate

    metric = made(name)
    assert isinstance(metric, evaluate.Metric)
    assert type(metric).__doc__ == metric.description == CLASSES[name].about
    assert re.search("arXiv:|doi:", metric.citation)
    # `add` and `compute` repeat what is to be given.
    assert "predictions: per prompt a list of its samples" in metric.compute.__doc__
    assert ("references" in metric.features) == CLASSES[name].viewpoints
    assert type(pickle.loads(pickle.dumps(metric))) is type(metric) is getattr(module, name)


def test_a_name_that_is_no_class():
    with pytest.raises(AttributeError, match="has no attribute 'Nope'"):
        module.Nope  # noqa: B018


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        ("abc", r"predictions: expected one list of samples per prompt, got str"),
        (None, "expected predictions, got none; pass or add some"),
        (["abc"], r"predictions\[0\]: expected a list of texts, got str"),
        ([["a"], None], r"predictions\[1\]: expected a list of texts, got NoneType"),
        ([{"a": 1}], r"predictions\[0\]: expected a list of texts, got dict"),
        # The base class alone would score the texts '"a"' and '3'.
        (
            [["a", 3]],
            r"predictions\[0\]\[1\]: expected text, or None for a failed request, got int",
        ),
        (
            [["a", "b\ud800"]],
            r"predictions\[0\]\[1\]: .* got half of a surrogate pair at position 1",
        ),
    ],
)
@pytest.mark.parametrize("options", [{}, {"keep_in_memory": True}])
def test_what_is_no_list_of_texts_is_refused(predictions, said, options, made):
    metric = made("LexicalDiversity", **options)
    with pytest.raises(DataError, match=said):
        metric.compute(predictions=predictions)
    # Nothing of it is kept.
    again = metric.compute(predictions=[["Ants walk.", "Ants walk."]])
    assert again["lexical_diversity_values"] == [0.0]


@pytest.mark.parametrize(
    ("references", "said"),
    [
        (None, r"references: expected one list of viewpoints per prompt, got NoneType"),
        ([], r"references: expected one list of viewpoints per prompt, got 0 for 1"),
        (["a view"], r"references\[0\]: expected a list of texts, got str"),
        ([[]], r"references\[0\]: expected a viewpoint, got none; add one"),
        ([[None]], r"references\[0\]\[0\]: expected text, got NoneType"),
    ],
)
def test_viewpoints_that_cannot_be_used(references, said, made):
    with pytest.raises(DataError, match=f"coverage_at_1: {said}"):
        made("CoverageAt1").compute(predictions=[["Ants walk."]], references=references)


@pytest.mark.parametrize("n", [None, 0, True, 2.0, "2"])
def test_a_metric_that_depends_on_n_needs_it(n, made):
    metric = made("Vendi")
    with pytest.raises(SettingsError, match="vendi: expected the number of samples per prompt"):
        metric.compute(predictions=[["a", "b"]], n=n)


def test_a_number_of_samples_that_is_none_is_refused_by_all(made):
    with pytest.raises(SettingsError, match="got n=0; pass n=5"):
        made("LexicalDiversity").compute(predictions=[["a", "b"]], n=0)


def test_an_encoder_is_looked_for_only_where_it_is_needed(made):
    texts = [["Ants walk.", "Bees fly."]]
    result = made("LexicalDiversity").compute(predictions=texts, encoder="no/such-encoder")
    assert result["lexical_diversity"] == 1.0
    with pytest.raises(EncoderError, match="no/such-encoder"):
        made("SemanticDiversity").compute(predictions=texts, encoder="no/such-encoder")
    named = made("SemanticDiversity").compute(predictions=texts, encoder=DEFAULT_ENCODER)
    assert 0 < named["semantic_diversity"] <= 2
