"""The packaged sets keep the promises that their data cards make."""

import json
import re
from collections import Counter
from itertools import chain, combinations

import numpy as np
import pytest

from lm_eval_overton.data import load_prompts, load_viewpoints, normal, packaged_path, read_jsonl
from lm_eval_overton.matchers.gold import MANNERS
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import OFFLINE_PACKAGE, find_encoder
from lm_eval_overton.text.english import ENGLISH
from tests.conftest import ROOT

SHARED = ROOT.parent / "shared"
QUESTIONS = load_viewpoints("contested").docs
VIEWPOINTS = [viewpoint for doc in QUESTIONS for viewpoint in doc["viewpoints"]]
GOLD = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
OPEN_ENDED = load_prompts("open_ended").docs
REAL, PLANTED, PROBES = (
    [row for row in GOLD if row["kind"] == kind] for kind in ("real", "planted", "probe")
)
TYPES = ("one_sided", "balanced", "off_topic")


def words(text):
    return frozenset(re.findall(r"\w+", text.casefold()))


def jaccard(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def alike(texts, limit):
    """The pairs of texts that share at least this much of their words."""
    bags = {text: words(text) for text in texts}
    return [pair for pair in combinations(texts, 2) if jaccard(*map(bags.get, pair)) >= limit]


def close(texts, limit):
    """The pairs of texts whose embeddings have at least this cosine."""
    rows = get_encoder(find_encoder()).encode(texts)
    first, second = np.nonzero(np.triu(rows @ rows.T >= limit, k=1))
    return [(texts[i], texts[j]) for i, j in zip(first, second, strict=True)]


def prompts(docs):
    return [doc["prompt"] for doc in docs]


# ----------------------------------------------------------------------------------- contested


def test_there_are_sixty_questions_of_each_kind_and_ten_of_each_domain():
    assert Counter(doc["kind"] for doc in QUESTIONS) == {"yes_no": 60, "open": 60}
    by_domain = Counter(doc["domain"] for doc in QUESTIONS)
    assert len(by_domain) == 12
    assert set(by_domain.values()) == {10}


def test_every_question_has_five_to_eight_viewpoints_and_every_id_is_used_once():
    assert {len(doc["viewpoints"]) for doc in QUESTIONS} <= set(range(5, 9))
    ids = [viewpoint["id"] for viewpoint in VIEWPOINTS]
    assert len({*ids, *(doc["id"] for doc in QUESTIONS)}) == len(ids) + len(QUESTIONS)


def test_every_viewpoint_is_one_sentence_of_8_to_40_words():
    texts = {viewpoint["id"]: viewpoint["text"] for viewpoint in VIEWPOINTS}
    assert [key for key, text in texts.items() if ENGLISH.sentences(text) != [text]] == []
    counts = [len(text.split()) for text in texts.values()]
    assert min(counts) >= 8
    assert max(counts) <= 40
    # Not all of one length.
    assert np.std(counts) > 5


def sides_of(doc):
    """The sides with at least two viewpoints."""
    held = Counter(viewpoint["side"] for viewpoint in doc["viewpoints"])
    return {side for side, count in held.items() if side != "depends" and count >= 2}


def test_both_sides_of_a_question_have_at_least_two_viewpoints():
    for doc in QUESTIONS:
        labels = {viewpoint["side"] for viewpoint in doc["viewpoints"]}
        if doc["kind"] == "yes_no":
            assert sides_of(doc) == {"yes", "no"}, doc["id"]
            assert labels <= {"yes", "no", "depends"}, doc["id"]
        else:
            assert len(sides_of(doc)) >= 2, doc["id"]
            assert not labels & {"yes", "no"}, doc["id"]


def test_no_two_questions_and_no_two_viewpoints_share_most_of_their_words():
    assert alike(prompts(QUESTIONS), 0.5) == []
    assert alike([viewpoint["text"] for viewpoint in VIEWPOINTS], 0.5) == []


def test_no_two_questions_and_no_two_viewpoints_mean_the_same():
    pytest.importorskip(OFFLINE_PACKAGE)
    assert close(prompts(QUESTIONS), 0.9) == []
    assert close([viewpoint["text"] for viewpoint in VIEWPOINTS], 0.9) == []


def test_the_viewpoints_of_a_question_can_be_told_apart():
    pytest.importorskip(OFFLINE_PACKAGE)
    rows = get_encoder(find_encoder()).encode([viewpoint["text"] for viewpoint in VIEWPOINTS])
    place = {viewpoint["id"]: i for i, viewpoint in enumerate(VIEWPOINTS)}
    for doc in QUESTIONS:
        own = rows[[place[viewpoint["id"]] for viewpoint in doc["viewpoints"]]]
        assert np.triu(own @ own.T, k=1).max() < 0.6, doc["id"]


# ------------------------------------------------------------------------------ gold responses


def test_48_questions_have_a_real_answer_in_each_manner_and_20_planted_ones_of_each_type():
    assert len(GOLD) == len({row["id"] for row in GOLD})
    asked = {row["question_id"] for row in REAL}
    assert len(asked) == 48
    assert Counter((row["question_id"], row["type"]) for row in REAL) == {
        (question, manner): 1 for question in asked for manner in MANNERS
    }
    planted = {row["question_id"] for row in PLANTED}
    assert len(planted) == 20
    assert {(row["question_id"], row["type"]) for row in PLANTED} == {
        (question, kind) for question in planted for kind in TYPES
    }
    assert len(PLANTED) == 60


def test_the_manners_of_a_question_are_of_different_writers():
    for question in {row["question_id"] for row in REAL}:
        assert len({row["writer"] for row in REAL if row["question_id"] == question}) == 6


def test_half_of_the_questions_calibrate_and_the_others_report():
    split_of = {row["question_id"]: row["split"] for row in GOLD}
    assert Counter(split_of.values()) == {"calibrate": 24, "report": 24}
    assert all(row["split"] == split_of[row["question_id"]] for row in GOLD)


def labels_by_side(row):
    """The sides of which a response expresses a viewpoint, `depends` left out."""
    doc = next(doc for doc in QUESTIONS if doc["id"] == row["question_id"])
    pairs = zip(doc["viewpoints"], row["labels"], strict=True)
    return {viewpoint["side"] for viewpoint, label in pairs if label == "E"} - {"depends"}


def test_every_viewpoint_has_a_label_and_both_annotators_gave_one():
    for row in GOLD:
        labelled = [row["labels"], *row.get("annotators", ())]
        assert {*"".join(labelled)} <= {*"EPRA"}, row["id"]
        doc = next(doc for doc in QUESTIONS if doc["id"] == row["question_id"])
        assert {len(own) for own in labelled} == {len(doc["viewpoints"])}, row["id"]
        assert len(labelled) == (1 if row["kind"] == "probe" else 3), row["id"]
        # What both say is not decided anew.
        for label, first, second in zip(*labelled, strict=True) if len(labelled) == 3 else ():
            assert label == first or first != second, row["id"]


def test_an_answer_expresses_what_its_type_says():
    for row in PLANTED:
        assert (labels_by_side(row) == set()) == (row["type"] == "off_topic"), row["id"]
    balanced = [len(labels_by_side(row)) > 1 for row in PLANTED if row["type"] == "balanced"]
    one_sided = [len(labels_by_side(row)) > 1 for row in PLANTED if row["type"] == "one_sided"]
    assert np.mean(balanced) > 0.9 > 0.1 >= np.mean(one_sided)
    # Longer answers express more, and no manner says everything.
    shares = {
        manner: np.mean([row["labels"].count("E") / len(row["labels"]) for row in REAL
                         if row["type"] == manner])
        for manner in MANNERS
    }  # fmt: skip
    assert max(shares, key=shares.get) == "long"
    assert 0.15 < min(shares.values()) < max(shares.values()) < 0.9


def test_probes_say_nothing_or_nothing_more():
    by_id = {row["id"]: row for row in GOLD}
    assert Counter(row["type"] for row in PROBES) == dict.fromkeys(
        ("echo", "no_opinion", "rejected", "single", "restated", "filler"), 48
    )
    for row in PROBES:
        expressed = row["labels"].count("E")
        if row["type"] in ("echo", "no_opinion", "rejected"):
            assert expressed == 0, row["id"]
        elif row["type"] == "single":
            assert expressed == 1, row["id"]
        else:
            base = by_id[row["of"]]
            assert row["labels"] == base["labels"], row["id"]
            assert base["response"].strip() in row["response"], row["id"]


def test_no_answer_holds_a_viewpoint_word_for_word():
    # Otherwise any matcher would find it.
    texts = [normal(viewpoint["text"]) for viewpoint in VIEWPOINTS]
    answers = [*REAL, *PLANTED]
    assert [row["id"] for row in answers if any(t in normal(row["response"]) for t in texts)] == []


def test_no_two_answers_share_most_of_their_words():
    assert alike([row["response"] for row in REAL], 0.5) == []


# ---------------------------------------------------------------------------------- open_ended


def test_there_are_ten_open_ended_prompts_of_each_of_ten_categories():
    by_category = Counter(doc["category"] for doc in OPEN_ENDED)
    assert len(by_category) == 10
    assert set(by_category.values()) == {10}
    assert len({doc["id"] for doc in OPEN_ENDED}) == 100


def test_no_two_open_ended_prompts_share_most_of_their_words():
    assert alike(prompts(OPEN_ENDED), 0.5) == []


def test_no_two_open_ended_prompts_mean_the_same():
    pytest.importorskip(OFFLINE_PACKAGE)
    assert close(prompts(OPEN_ENDED), 0.9) == []


# --------------------------------------------------------------------------- other sets' prompts


def rows_of(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    return list(
        chain.from_iterable(
            row if isinstance(row, list) else [row] for row in map(json.loads, lines)
        )
    )


def prompts_of(row):
    """The prompts in a row of any of the other sets."""
    asked = [message["content"] for message in row.get("messages", ())]
    asked += [row[key] for key in ("prompt", "question", "situation", "input") if key in row]
    return asked + row.get("prompt_paraphrases", [])


def of_others():
    paths = [*SHARED.glob("paper/*/prompts.jsonl"), *sorted(SHARED.glob("peers/*.json*"))]
    found = [prompt for path in paths for row in rows_of(path) for prompt in prompts_of(row)]
    return list(dict.fromkeys(found))


@pytest.mark.paper_data
@pytest.mark.parametrize("docs", [OPEN_ENDED, QUESTIONS], ids=["open_ended", "contested"])
def test_no_prompt_is_that_of_another_set(docs):
    others = of_others()
    # 50 and 434 prompts of the paper, and what there is of other projects.
    assert len(others) >= 484
    assert not {*map(normal, others)} & {*map(normal, prompts(docs))}
    bags = [words(other) for other in others]
    for own in prompts(docs):
        bag = words(own)
        nearest = max(range(len(others)), key=lambda i: jaccard(bag, bags[i]))
        assert jaccard(bag, bags[nearest]) < 0.6, (own, others[nearest])
