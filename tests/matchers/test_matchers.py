import json
import math
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.errors import SettingsError, either
from lm_eval_overton.matchers.embedding import EMBEDDING_THRESHOLD, EmbeddingMatcher
from lm_eval_overton.matchers.nli import NLI_THRESHOLD, NliMatcher, entailment_index
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.matchers.table import MATCHERS, make_matcher
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import OFFLINE_PACKAGE, find_encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean

LABELS = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}
QUESTIONS = load_viewpoints("contested").docs
GIVEN = ["coverage_at_1", "coverage_at_n", "overton_index", "stance_balance"]


class FakeEncoder:
    """A unit vector per text from how often it holds a, b and c; remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(list(texts))
        rows = [[1 + text.count(letter) for letter in "abc"] for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 3)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cosine(a, b):
    left, right = ([1 + text.count(letter) for letter in "abc"] for text in (a, b))
    dot = sum(x * y for x, y in zip(left, right, strict=True))
    return dot / math.sqrt(sum(x * x for x in left) * sum(x * x for x in right))


def by_hand(response, viewpoint, score):
    """The best score of a response's sentences; these are made without list markers."""
    own = [piece for line in response.splitlines() for piece in [line.strip()] if piece]
    own = [piece for piece in own if any(c.isalpha() for c in piece)]
    return max((score(piece, viewpoint) for piece in own), default=-math.inf)


# ---------------------------------------------------------------------------------- embeddings


responses_ = st.lists(st.lists(st.text("abc 1", max_size=6), max_size=4).map("\n".join), max_size=4)
viewpoints_ = st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=4)


# The first text loads the tokenizers.
@settings(deadline=None)
@given(st.lists(st.builds(ViewpointQuestion, responses_, viewpoints_), max_size=3))
def test_a_response_scores_what_its_best_sentence_scores(questions):
    found = EmbeddingMatcher(FakeEncoder()).scores(questions)
    for own, (responses, viewpoints, _) in zip(found, questions, strict=True):
        assert own.shape == (len(responses), len(viewpoints))
        expected = [[by_hand(r, v, cosine) for v in viewpoints] for r in responses]
        assert own.tolist() == [pytest.approx(row, abs=1e-6) for row in expected]


def test_list_markers_and_lines_without_a_letter_are_no_part_of_a_sentence():
    response = "1. aab\n- c\n...\n42"
    [own] = EmbeddingMatcher(FakeEncoder()).scores([ViewpointQuestion([response], ["aab", "c"])])
    assert own.tolist() == [pytest.approx([1.0, 1.0])]


@pytest.mark.parametrize("response", ["", " \n\t", "...", "42"])
def test_a_response_without_a_sentence_covers_nothing(response):
    [own] = EmbeddingMatcher(FakeEncoder(), threshold=-1).scores(
        [ViewpointQuestion([response, "a"], ["a", "b"])]
    )
    assert own.shape == (2, 2)
    assert own[0].tolist() == [-math.inf, -math.inf]
    assert (own >= -1).tolist() == [[False, False], [True, True]]


def test_no_response_has_no_row():
    found = EmbeddingMatcher(FakeEncoder()).scores(
        [ViewpointQuestion([], ["a", "b"]), ViewpointQuestion(["a"], ["a"])]
    )
    assert [own.shape for own in found] == [(0, 2), (1, 1)]
    assert EmbeddingMatcher(FakeEncoder()).scores([]) == []


def test_the_texts_of_all_questions_are_encoded_together_first():
    encoder = FakeEncoder()
    EmbeddingMatcher(encoder).scores(
        [ViewpointQuestion(["a\nb", "c"], ["ab"]), ViewpointQuestion(["ac"], ["bc", "cc"])]
    )
    assert encoder.calls[0] == ["a", "b", "c", "ac", "ab", "bc", "cc"]


class Given(Matcher):
    """A matcher with scores of our choice."""

    signature = "given"
    asks = True

    def __init__(self, threshold, rows):
        self.threshold = threshold
        self.rows = np.array(rows, dtype=float)

    def scores(self, questions):
        return [self.rows for _ in questions]


def coverage(matcher, texts=("x",), views=("v",)):
    doc = {"viewpoints": [{"side": "yes", "text": view} for view in views]}
    prompt = Prompt(doc, [clean(text) for text in texts])
    bench = Bench(len(texts), (), FakeEncoder(), 1234, matcher)
    [row] = score_prompts([prompt], GIVEN, bench)
    return row


@pytest.mark.parametrize(
    ("score", "covered"),
    [(0.6, 1.0), (np.nextafter(0.6, 0), 0.0), (np.nextafter(0.6, 1), 1.0), (-np.inf, 0.0)],
)
def test_a_score_equal_to_the_threshold_is_a_match(score, covered):
    assert coverage(Given(0.6, [[score]]))["coverage_at_1"] == covered


def test_the_threshold_decides_between_everything_and_nothing():
    texts, views = ["a\nb", "c"], ["aab", "bbc", "cca"]
    scores = EmbeddingMatcher(FakeEncoder()).scores([ViewpointQuestion(texts, views)])[0]
    [lowest, highest] = [float(scores.min()), float(scores.max())]

    def at(threshold):
        return coverage(EmbeddingMatcher(FakeEncoder(), threshold), texts, views)

    assert at(lowest)["coverage_at_1"] == 1.0
    # Equal scores share the highest.
    share = float((scores == highest).mean())
    assert 0 < at(highest)["coverage_at_1"] == share < 1
    assert at(np.nextafter(highest, 2))["coverage_at_1"] == 0.0
    assert at(np.nextafter(highest, 2))["overton_index"] is None


@pytest.fixture(scope="module")
def encoder():
    pytest.importorskip(OFFLINE_PACKAGE)
    return get_encoder(find_encoder())


@pytest.mark.parametrize("join", [" ".join, "\n- ".join], ids=["in a paragraph", "as a list"])
def test_a_response_that_strings_together_all_viewpoints_covers_all(encoder, join):
    docs = QUESTIONS[::24]
    prompts = [
        Prompt(doc, [clean(join([view["text"] for view in doc["viewpoints"]])), clean("No.")])
        for doc in docs
    ]
    rows = score_prompts(prompts, GIVEN, Bench(2, (), encoder, 1234, EmbeddingMatcher(encoder)))
    # One answer says all, the other nothing; all sides are covered alike.
    one = {"coverage_at_1": 0.5, "coverage_at_n": 1.0, "overton_index": 0.5, "stance_balance": 1.0}
    assert rows == [one] * len(docs)


def test_the_best_sentence_counts_with_the_real_encoder(encoder):
    doc = QUESTIONS[0]
    views = [view["text"] for view in doc["viewpoints"]]
    response = "It depends.\n1. Donors could be paid. Few are.\n2. Poor people would sell first."
    [own] = EmbeddingMatcher(encoder).scores([ViewpointQuestion([response], views)])
    pieces = ENGLISH.sentences(response)
    assert len(pieces) == 4
    best = [
        max(float(encoder.encode([p])[0] @ encoder.encode([v])[0]) for p in pieces) for v in views
    ]
    assert own[0].tolist() == pytest.approx(best, abs=1e-6)


# ------------------------------------------------------------------------------------------ NLI


def write_nli_model(folder, labels=LABELS, seed=0):
    """Write a tiny BERT with random weights that classifies pairs, and return its path.

    Its vocabulary is the letters, so that every text has tokens.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = list(string.ascii_lowercase + string.digits + string.punctuation)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=512)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        # Far from zero, so that probabilities differ from pair to pair.
        initializer_range=0.3,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def nli_model(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("nli") / "tiny-nli")


def probabilities(model, premise, hypothesis):
    """What the model says of one pair, without a batch and without padding."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    features = AutoTokenizer.from_pretrained(model)(premise, hypothesis, return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForSequenceClassification.from_pretrained(model)(**features).logits[0]
    return logits.softmax(dim=-1).tolist()


PAIRS = [
    ViewpointQuestion(
        ["A cat.\nDogs bark loudly at night.", "It rains"], ["cats purr", "dogs bark", "it is wet"]
    ),
    ViewpointQuestion(["Yes!", "", "42"], ["Taxes pay for roads and schools that all of us use."]),
]


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_batched_scores_are_those_of_one_pair_at_a_time(nli_model, batch_size):
    found = NliMatcher(nli_model, batch_size=batch_size).scores(PAIRS)
    for own, (responses, viewpoints, _) in zip(found, PAIRS, strict=True):
        expected = [
            [
                by_hand(response, view, lambda p, h: probabilities(nli_model, p, h)[1])
                for view in viewpoints
            ]
            for response in responses
        ]
        assert own.tolist() == [pytest.approx(row, abs=1e-5) for row in expected]
    # The numbers tell pairs apart, and premise from hypothesis.
    assert np.ptp(found[0]) > 0.01
    [[turned]] = (
        NliMatcher(nli_model).scores([ViewpointQuestion(["cats purr"], ["A cat."])])[0].tolist()
    )
    assert turned != pytest.approx(found[0][0, 0], abs=1e-3)


def test_the_viewpoint_is_the_premise_of_what_it_implies(nli_model):
    matcher = NliMatcher(nli_model, batch_size=2)
    # What is known of the one direction is not taken for the other.
    ours, theirs = matcher.scores(PAIRS), matcher.implied(PAIRS)
    for own, (responses, viewpoints, _) in zip(theirs, PAIRS, strict=True):
        expected = [
            [
                by_hand(response, view, lambda s, v: probabilities(nli_model, v, s)[1])
                for view in viewpoints
            ]
            for response in responses
        ]
        assert own.tolist() == [pytest.approx(row, abs=1e-5) for row in expected]
    assert np.abs(ours[0] - theirs[0]).max() > 0.001


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_entailment_label_is_read_from_the_configuration(tmp_path, index):
    names = ["Contradiction", "neutral"]
    names.insert(index, "Entailment")
    model = write_nli_model(tmp_path / "nli", dict(enumerate(names)))
    [[found]] = (
        NliMatcher(model).scores([ViewpointQuestion(["It rains."], ["It is wet."])])[0].tolist()
    )
    each = probabilities(model, "It rains.", "It is wet.")
    assert found == pytest.approx(each[index], abs=1e-5)
    # The three differ, so the others would not have passed.
    assert min(abs(a - b) for a in each for b in each if a != b) > 1e-3


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        ({0: "entailment", 1: "not_entailment"}, 0),
        ({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}, 2),
        ({"0": "contradiction", "1": "entail"}, 1),
    ],
)
def test_the_index_of_the_entailment_label(labels, index):
    assert entailment_index(labels) == index


def test_a_model_without_an_entailment_label_is_refused_with_its_labels(tmp_path):
    model = write_nli_model(tmp_path / "sentiment", {0: "negative", 1: "not_entailment"})
    with pytest.raises(SettingsError, match="label named entailment, got negative, not_entail"):
        NliMatcher(model).scores([ViewpointQuestion(["It rains."], ["It is wet."])])


def test_what_is_no_classification_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "none"}))
    with pytest.raises(SettingsError, match="expected a sequence-classification model, got "):
        NliMatcher(str(tmp_path)).scores([ViewpointQuestion(["It rains."], ["It is wet."])])


@pytest.fixture
def pairs_scored(monkeypatch):
    """How many pairs each pass through a model held."""
    from transformers import BertForSequenceClassification

    batches = []
    forward = BertForSequenceClassification.forward

    def counting(self, input_ids=None, **others):
        batches.append(len(input_ids))
        return forward(self, input_ids=input_ids, **others)

    monkeypatch.setattr(BertForSequenceClassification, "forward", counting)
    return batches


def test_every_pair_is_scored_once_however_often_it_is_asked_for(nli_model, pairs_scored):
    matcher = NliMatcher(nli_model, batch_size=4)
    # Distinct sentences {a b, c, d}: 3 x 2 pairs, and {d} x {w}: 1. The longer two are apart.
    asked = [
        ViewpointQuestion(["a b\nc", "c\nd", "c"], ["v", "w"]),
        ViewpointQuestion(["d"], ["w"]),
        ViewpointQuestion(["d"], ["u"]),
    ]
    first = matcher.scores(asked)
    assert pairs_scored == [2, 4, 1]
    again = matcher.scores(asked[::-1])[::-1]
    assert pairs_scored == [2, 4, 1]
    assert [own.tolist() for own in again] == [own.tolist() for own in first]
    matcher.scores([ViewpointQuestion(["c\ne"], ["v"])])
    assert pairs_scored == [2, 4, 1, 1]


def test_the_model_is_not_loaded_where_there_is_no_pair(nli_model):
    matcher = NliMatcher(nli_model)
    found = matcher.scores(
        [ViewpointQuestion([], ["a", "b"]), ViewpointQuestion(["42", ""], ["a"])]
    )
    assert "_loaded" not in vars(matcher.model)
    assert [own.shape for own in found] == [(0, 2), (2, 1)]
    assert np.all(found[1] == -math.inf)


def test_the_premise_is_cut_to_the_models_window_and_the_viewpoint_kept(nli_model):
    [[long]] = NliMatcher(nli_model).scores([ViewpointQuestion(["word " * 400], ["v"])])[0].tolist()
    # 512 tokens less [CLS], [SEP], [SEP] and "v" are 508: 127 words of four letters.
    assert long == pytest.approx(probabilities(nli_model, "word " * 127, "v")[1], abs=1e-5)


# --------------------------------------------------------------------- choosing a matcher by name


def test_a_name_makes_a_matcher_with_its_default_threshold(nli_model):
    encoder = FakeEncoder()
    made = make_matcher("embedding", encoder)
    assert isinstance(made, EmbeddingMatcher)
    assert (made.encoder, made.threshold) == (encoder, EMBEDDING_THRESHOLD)
    made = make_matcher("nli", encoder, nli_model, device="cpu")
    assert isinstance(made, NliMatcher)
    assert (made.model.name, made.threshold, made.model.devices) == (
        nli_model,
        NLI_THRESHOLD,
        ("cpu",),
    )


@pytest.mark.parametrize("name", ["embedding", "nli"])
def test_a_threshold_of_zero_is_not_the_default(name, nli_model):
    assert make_matcher(name, FakeEncoder(), nli_model, threshold=0.0).threshold == 0.0


def test_an_unknown_matcher_is_refused(nli_model):
    asking_nobody = [kind.name for kind in MATCHERS.values() if not kind.asks_judge]
    assert {"embedding", "nli"} <= set(asking_nobody)
    with pytest.raises(SettingsError, match=f"expected {either(asking_nobody)}, got 'judge'"):
        make_matcher("judge", FakeEncoder(), nli_model)


def test_a_tokenizer_without_a_limit_is_cut_at_the_models_positions(nli_model):
    matcher = NliMatcher(nli_model)
    matcher.model._loaded[0].model_max_length = int(1e30)
    [scores] = matcher.scores([ViewpointQuestion(["word " * 600], ["view " * 600])])
    assert 0 <= scores[0, 0] <= 1


@pytest.mark.parametrize("model", [None, ""])
def test_nli_without_a_model_is_refused(model):
    with pytest.raises(SettingsError, match="nli: expected an nli_model, got none; name one"):
        make_matcher("nli", FakeEncoder(), model)


def test_every_setting_of_a_matcher_changes_its_signature(tmp_path, nli_model):
    named = write_nli_model(tmp_path / "other-name")
    weights = write_nli_model(tmp_path / "weights" / "tiny-nli", seed=1)
    made = [
        make_matcher("embedding", FakeEncoder()),
        make_matcher("embedding", FakeEncoder(), threshold=0.5),
        make_matcher("nli", FakeEncoder(), nli_model),
        make_matcher("nli", FakeEncoder(), nli_model, threshold=0.6),
        make_matcher("nli", FakeEncoder(), named),
        make_matcher("nli", FakeEncoder(), weights),
    ]
    signatures = [matcher.signature for matcher in made]
    assert len(set(signatures)) == len(made)
    assert signatures[:2] == ["embedding>=0.6:sentences-2", "embedding>=0.5:sentences-2"]
    assert signatures[2].startswith("nli>=0.5:tiny-nli@")
    # Neither where a folder lies nor how fast it runs.
    assert NliMatcher(nli_model + "/", batch_size=1).signature == signatures[2]
