"""Answers in the harness's cache of responses: kept as it keeps them, a failure never."""

import logging

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, hash_args
from lm_eval.api.model import CachingLM as Caching

from lm_eval_overton.client.answers import Answer
from lm_eval_overton.harness.kept_answers import Kept

REQUEST = Instance("generate_until", {}, ("Question?", {"until": ["<m.0>"]}), 0, ("task", 0, 1))
OTHER = Instance("generate_until", {}, ("Question?", {"until": ["<m.1>"]}), 1, ("task", 0, 1))


class Model(LM):
    """A model that is not to be asked."""

    def generate_until(self, requests, disable_tqdm=False):
        return [f"{len(requests)} asked" for _ in requests]

    loglikelihood = loglikelihood_rolling = generate_until


def caching(tmp_path):
    return Caching(Model(), str(tmp_path / "kept.db"))


@pytest.fixture(autouse=True)
def no_placeholder(monkeypatch):
    monkeypatch.delenv("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER", raising=False)


@pytest.mark.parametrize("text", ["Yes.", "", "\ud83d", "a\0b"])
@pytest.mark.parametrize("reason", ["length", None])
def test_what_was_put_is_there_in_another_process_with_why_it_ended(tmp_path, text, reason):
    kept = Kept(caching(tmp_path))
    assert kept.get(REQUEST) is None
    with kept.writing():
        kept.put(REQUEST, Answer(text, reason))
    answer = Kept(caching(tmp_path)).get(REQUEST)
    assert (answer, answer.finish_reason) == (text, reason)
    assert Kept(caching(tmp_path)).get(OTHER) is None


def test_the_harness_finds_it_too_and_we_what_it_put(tmp_path):
    model = caching(tmp_path)
    kept = Kept(model)
    with kept.writing():
        kept.put(REQUEST, Answer("Yes.", "stop"))
    assert model.generate_until([REQUEST, OTHER]) == ["Yes.", "1 asked"]
    assert Kept(model).get(OTHER) == "1 asked"
    assert Kept(model).get(OTHER).finish_reason is None


@pytest.mark.parametrize("value", [None, 3, ["Yes."]])
def test_what_is_no_text_is_no_answer(tmp_path, value):
    model = caching(tmp_path)
    model.dbdict[hash_args("generate_until", REQUEST.args)] = value
    assert Kept(model).get(REQUEST) is None


def test_the_placeholder_of_the_harness_is_no_answer(tmp_path, monkeypatch):
    model = caching(tmp_path)
    model.dbdict[hash_args("generate_until", REQUEST.args)] = "[none]"
    assert Kept(model).get(REQUEST) == "[none]"
    monkeypatch.setenv("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER", "[none]")
    assert Kept(model).get(REQUEST) is None


def test_without_a_cache_nothing_is_kept_and_the_remedy_is_one():
    kept = Kept(Model())
    kept.put(REQUEST, Answer("Yes."))
    assert kept.get(REQUEST) is None
    assert "--use_cache FILE" in kept.remedy


class Broken(dict):
    """A cache that cannot be written to."""

    def __setitem__(self, key, value):
        raise OSError("disk full")

    def update(self, items):
        raise OSError("disk full")


class CachingLM:
    """What remembers answers, by its name."""

    dbdict = Broken()


def test_a_cache_that_fails_is_said_once_and_costs_nothing(caplog):
    caplog.set_level(logging.WARNING)
    kept = Kept(CachingLM())
    for _ in range(2):
        with kept.writing():
            kept.put(REQUEST, Answer("Yes."))
    [line] = [record.getMessage() for record in caplog.records]
    assert line == "--use_cache: answers are not kept from here on (disk full)"
    assert kept.get(REQUEST) is None


def test_equal_requests_have_one_key_and_others_have_others():
    key = Kept(Model()).key
    assert key(REQUEST) == key(REQUEST) != key(OTHER)
    twin = Instance("generate_until", {"id": 9}, REQUEST.args, 5, ("other", 9, 1))
    assert key(twin) == key(REQUEST)
