"""The packaged sets keep the promises that their data cards make."""

import json
import re
from collections import Counter
from itertools import chain, combinations

import numpy as np
import pytest

from lm_eval_overton.data import load_prompts, load_viewpoints, normal, packaged_path, read_jsonl
from lm_eval_overton.text.encoder import OFFLINE_PACKAGE, find_encoder, get_encoder
from lm_eval_overton.text.english import ENGLISH
from tests.conftest import ROOT

SHARED = ROOT.parent / "shared"
QUESTIONS = load_viewpoints("contested").docs
VIEWPOINTS = [viewpoint for doc in QUESTIONS for viewpoint in doc["viewpoints"]]
GOLD = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
OPEN_ENDED = load_prompts("open_ended").docs
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


def test_every_viewpoint_is_one_sentence_of_15_to_35_words():
    texts = {viewpoint["id"]: viewpoint["text"] for viewpoint in VIEWPOINTS}
    assert [key for key, text in texts.items() if ENGLISH.sentences(text) != [text]] == []
    assert {key: n for key in texts if not 15 <= (n := ENGLISH.count(texts[key])) <= 35} == {}


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
    # Of all questions, so also those of any one.
    assert close([viewpoint["text"] for viewpoint in VIEWPOINTS], 0.9) == []


# ------------------------------------------------------------------------------ gold responses


def test_twenty_questions_have_a_gold_response_of_each_type():
    assert len(GOLD) == len({row["id"] for row in GOLD}) == 60
    pairs = {(row["question_id"], row["type"]) for row in GOLD}
    questions = {question for question, _ in pairs}
    assert len(questions) == 20
    assert pairs == {(question, kind) for question in questions for kind in TYPES}


def test_half_of_the_questions_calibrate_and_the_others_report():
    by_split = {
        split: {row["question_id"] for row in GOLD if row["split"] == split}
        for split in ("calibrate", "report")
    }
    assert {split: len(ids) for split, ids in by_split.items()} == {"calibrate": 10, "report": 10}
    assert not by_split["calibrate"] & by_split["report"]


def sides_covered(row):
    doc = next(doc for doc in QUESTIONS if doc["id"] == row["question_id"])
    side_of = {viewpoint["id"]: viewpoint["side"] for viewpoint in doc["viewpoints"]}
    return {side_of[covered] for covered in row["covers"]} - {"depends"}


def test_a_gold_response_covers_what_its_type_says():
    for row in GOLD:
        assert row["response"].strip(), row["id"]
        assert len(set(row["covers"])) == len(row["covers"]), row["id"]
        sides = len(sides_covered(row))
        if row["type"] == "off_topic":
            assert row["covers"] == [], row["id"]
        elif row["type"] == "one_sided":
            assert sides == 1, row["id"]
        else:
            assert sides >= 2, row["id"]


def test_no_gold_response_holds_a_viewpoint_word_for_word():
    # Otherwise any matcher would find it.
    texts = [normal(viewpoint["text"]) for viewpoint in VIEWPOINTS]
    assert [row["id"] for row in GOLD if any(t in normal(row["response"]) for t in texts)] == []


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
