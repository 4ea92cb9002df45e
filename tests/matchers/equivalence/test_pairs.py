"""Equivalences that need no model: words, embeddings that are given, classes of a file."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.matchers.equivalence.equivalence import Answers, greedy_labels
from lm_eval_overton.matchers.equivalence.judged import RecordedEquivalence
from lm_eval_overton.matchers.equivalence.lexical import (
    ExactEquivalence,
    Rouge1Equivalence,
    rouge1,
)
from lm_eval_overton.matchers.equivalence.semantic import BothEquivalence, EmbeddingEquivalence
from lm_eval_overton.text.word_tokens import word_tokens
from tests.conftest import SHARED

PAIRS = SHARED / "peers" / "noveltybench" / "human_pairs_train.jsonl"
GOLDEN = SHARED / "golden" / "lima_oe_lexical_additions.json"


def f_measure(a, b):
    """ROUGE-1 by counting on the fingers."""
    left, right = word_tokens(a), word_tokens(b)
    rest = list(right)
    shared = 0
    for token in left:
        if token in rest:
            rest.remove(token)
            shared += 1
    total = len(left) + len(right)
    return 2 * shared / total if total else 0.0


def labels(equivalence, *texts, given=None):
    return equivalence.labels(Answers(tuple(texts), given=given))


def test_a_sample_joins_the_first_class_whose_head_it_equals():
    near = {(0, 1), (1, 2), (0, 3), (2, 3)}
    found = greedy_labels(4, lambda i, heads: [(h, i) in near for h in heads])
    # 2 equals 1, but 1 is no head: connected parts would be one class.
    assert found == [0, 0, 1, 0]
    assert greedy_labels(0, None) == []


TEXTS = st.lists(st.sampled_from(["sun", "moon", "Sun", "the", "a", "è"]), max_size=12)


@given(st.lists(TEXTS.map(" ".join), min_size=2, max_size=5))
def test_rouge_1_is_what_counting_gives(texts):
    alike = rouge1(texts)
    for i in range(1, len(texts)):
        scores = alike(i, range(i))
        for j in range(i):
            both = [word_tokens(text) for text in (texts[i], texts[j])]
            short, same = max(map(len, both)) <= 5, both[0] == both[1]
            assert scores[j] == pytest.approx(
                float(same) if short else f_measure(texts[j], texts[i])
            )


def test_names_of_one_word_in_common_are_two_answers():
    names = ["New York", "new york ", "York", "New Delhi", "New York City", "York New"]
    assert labels(Rouge1Equivalence(), *names) == [0, 0, 1, 2, 3, 4]


def test_how_a_short_answer_is_punctuated_says_nothing():
    assert labels(Rouge1Equivalence(), "Yes.", "yes!", "**YES**", "Yes, it is.", "No.") == [
        0, 0, 0, 1, 2,
    ]  # fmt: skip


def test_what_has_no_word_is_no_reason_to_fail():
    long = "one two three four five six"
    assert labels(Rouge1Equivalence(), "?!", "", "?!", long) == [0, 1, 0, 2]


def test_signs_stand_for_words_where_these_are_not_written_apart():
    assert word_tokens("Über 猫が好き_1 OK") == ["über", "猫", "が", "好", "き", "_1", "ok"]
    cats = ["猫が大好きです。毎日。", "猫が大好きです。毎日!", "犬は嫌いだった。昨日。"]
    assert labels(Rouge1Equivalence(), *cats) == [0, 0, 1]


def test_letters_of_thai_are_no_words():
    tea, market = "ฉันชอบดื่มชาเพราะมันทำให้ฉันผ่อนคลาย", "เขาไปตลาดเพื่อซื้อปลาและผักสดทุกวัน"
    assert all(len(token) > 1 for token in word_tokens(tea))
    assert labels(Rouge1Equivalence(), tea, market, f"{tea} ") == [0, 1, 0]


def test_exact_looks_past_case_and_white_space_alone():
    assert labels(ExactEquivalence(), "Yes.", " yes.\n", "yes", "Yes.") == [0, 0, 1, 0]


class Compass:
    """A text is the direction that its number names, in degrees."""

    signature = "compass"

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(list(texts))
        angles = np.radians([float(text.split()[0]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_embeddings_are_compared_by_their_cosine():
    encoder = Compass()
    # The cosines of 30 and 40 degrees: .866 and .766.
    assert labels(EmbeddingEquivalence(encoder), "0", "30", "40", "70") == [0, 0, 1, 1]
    assert labels(EmbeddingEquivalence(encoder, 0.9), "0", "30", "40") == [0, 1, 1]
    assert EmbeddingEquivalence(encoder, 0.9).signature == "embedding>0.9"
    EmbeddingEquivalence(encoder).prepare([Answers(("0", "1")), Answers(("2",))])
    assert encoder.calls[-1] == ["0", "1", "2"]


def test_both_together_weigh_each_against_its_own_threshold():
    texts = ["0 a b c d e f g", "60 a b c d e f g", "60 a b c x y z w"]
    scores = BothEquivalence(Compass()).likeness(texts)(2, [0, 1])
    # Words in common 3 of 8, then 4 of 8; cosines .5 and 1.
    assert scores == pytest.approx([(3 / 8 / 0.458 + 0.5 / 0.82) / 2, (0.5 / 0.458 + 1 / 0.82) / 2])


def test_classes_of_a_file_are_numbered_by_first_appearance():
    found = labels(RecordedEquivalence(), "a", "b", "c", "d", given=(7, 2, 7, -1))
    assert found == [0, 1, 0, 2]
    assert labels(RecordedEquivalence(), "a", "b") is None


# ------------------------------------------------------------------------------- against others


def auc(scores, same):
    """The probability that a pair that people call the same scores higher, by brute force."""
    above, below = scores[same], scores[~same]
    return float(np.mean((above[:, None] > below) + 0.5 * (above[:, None] == below)))


@pytest.mark.skipif(not PAIRS.is_file(), reason="the labelled pairs are not here")
def test_people_s_labels_of_pairs_are_met_as_measured():
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    pairs = [(row["generation_0"], row["generation_1"]) for row in rows]
    same = np.array([row["similar"] == 1 for row in rows])
    scores = np.array(Rouge1Equivalence().pair_scores(pairs))
    assert auc(scores, same) == pytest.approx(0.776, abs=0.002)
