"""Recorded answers scored by a model: whose they are, what each costs, what is not scored."""

import json
import math

import pytest
import torch

from lm_eval_overton.cli import main
from lm_eval_overton.comparison.leaderboard import check as joins
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.replay import build
from lm_eval_overton.metrics.measures import RANGES
from lm_eval_overton.runs.finished import load_run
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.signature import fields
from tests.harness.evaluating import evaluate, maker
from tests.harness.test_likelihoods import Sampling, leave
from tests.harness.test_survey import echo
from tests.tiny_models import KINDS, harness_model

TASK = "overton_likelihood"
ROWS = [
    {"id": "one", "prompt": "Which one is it?", "responses": ["A yes", "no\n\nAnswer: B", "A yes"]},
    {"id": "two", "prompt": "And now?", "responses": [" (C", None, "", "No."]},
    {"id": "none", "prompt": "Why?", "responses": [None, " \n", None]},
]


@pytest.fixture
def made(tmp_path):
    return maker(TASK, "responses", tmp_path / "said.jsonl", ROWS)


def rows_of(results):
    return {row["doc"]["id"]: row for row in results["samples"][TASK]}


def brute_force(model, context, text):
    """The nats of a text behind a context and its number of tokens, token by token."""
    whole = model.tok_encode(context + text)
    start = len(model.tok_encode(context))
    total = 0.0
    for i in range(start, len(whole)):
        with torch.no_grad():
            logits = model.model(torch.tensor([whole[:i]])).logits[0, -1].double()
        total -= float(logits.log_softmax(-1)[whole[i]])
    return total, len(whole) - start


def test_likelihoods_are_those_of_a_brute_force_sum(made):
    task, model = made(), harness_model("gpt-2")
    row = rows_of(evaluate(task, model))["one"]
    context = task.doc_to_text(ROWS[0])
    texts = ROWS[0]["responses"]
    found = [brute_force(model, context, text) for text in texts]
    nats, tokens = zip(*found, strict=True)
    assert row["nats_per_answer"] == pytest.approx(sum(nats) / 3, rel=1e-5)
    each = [own / n for own, n in found]
    assert row["nats_per_token"] == pytest.approx(sum(each) / 3, rel=1e-5)
    assert row["tokens_per_answer"] == sum(tokens) / 3
    bits = [own / math.log(2) / len(text) for own, text in zip(nats, texts, strict=True)]
    assert row["bits_per_byte"] == pytest.approx(sum(bits) / 3, rel=1e-5)
    middle = sum(bits) / 3
    spread = math.sqrt(sum((own - middle) ** 2 for own in bits) / 2)
    assert row["likelihood_spread"] == pytest.approx(spread, rel=1e-4)
    assert row["windowed_share"] == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("template", [False, True])
def test_no_answer_is_empty_whatever_the_tokenizer_joins(made, kind, template):
    model = harness_model(kind)
    results = evaluate(made(), model, apply_chat_template=template)
    for row in rows_of(results).values():
        for pair in row["arguments"]:
            assert model._encode_pair(*pair)[1]
        assert row["nats_per_token"] > 0
    sent = "".join(rows_of(results)["one"]["arguments"][1])
    assert sent.endswith("no\n\nAnswer: B")
    assert ("<|assistant|>" in sent) == template


def test_what_holds_no_text_is_counted_and_scored_by_nobody(made):
    results = evaluate(made(), harness_model("gpt-2"))
    rows = rows_of(results)
    # A prompt without any answer has no likelihood at all.
    assert set(rows) == {"one", "two"}
    assert rows["two"]["failed_rate"] == rows["two"]["empty_rate"] == 0.25
    assert len(rows["two"]["arguments"]) == 2
    alarms = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert alarms == [
        "of 10 samples 3 are failed, 2 are empty: these have no likelihood and do not count",
        "1 of 3 prompts have no answer with a text and are left out",
    ]


def test_an_answer_that_was_given_twice_is_asked_once_and_counts_twice(made):
    once = [{"id": "q", "prompt": "Which?", "responses": ["A", "B yes no"]}]
    twice = [{"id": "q", "prompt": "Which?", "responses": ["B yes no", "A", "A", "B yes no"]}]
    model = harness_model("gpt-2")
    found = [rows_of(evaluate(made(rows), model))["q"] for rows in (once, twice)]
    assert [len(row["arguments"]) for row in found] == [2, 2]
    for name in ("nats_per_answer", "nats_per_token", "bits_per_byte"):
        assert found[0][name] == pytest.approx(found[1][name])


class Bigrams(Sampling):
    """A model that finds it likely that a word is said once more, and shows its words."""

    max_length = 1000

    def tok_encode(self, text, **_):
        return text.split()

    def loglikelihood(self, requests, disable_tqdm=False):
        return [(self._log(*request.args), False) for request in requests]

    def _log(self, context, text):
        before, after = context.split(), text.split()
        pairs = zip([*before[-1:], *after], after, strict=False)
        return sum(math.log(0.9 if word == last else 0.1) for last, word in pairs)


def test_a_loop_is_more_predictable_than_an_answer_and_thereby_no_better(made):
    rows = [
        {"id": "loop", "prompt": "Why?", "responses": ["so " * 40, "so " * 40]},
        {"id": "text", "prompt": "Why?", "responses": ["It keeps warm.", "Since it is so."]},
        {"id": "word", "prompt": "Why?", "responses": ["So", "So"]},
    ]
    found = rows_of(evaluate(made(rows), Bigrams()))
    # Once .1, then 39 times .9.
    nats = -(math.log(0.1) + 39 * math.log(0.9))
    assert found["loop"]["nats_per_answer"] == pytest.approx(nats)
    assert found["loop"]["nats_per_token"] == pytest.approx(nats / 40)
    # Each word of the others is new.
    assert found["text"]["nats_per_token"] == pytest.approx(-math.log(0.1))
    assert found["loop"]["bits_per_byte"] < found["text"]["bits_per_byte"] / 5
    # A word is little as a whole, and much for each of its bytes.
    assert found["word"]["nats_per_answer"] < found["text"]["nats_per_answer"]
    assert found["word"]["bits_per_byte"] > found["text"]["bits_per_byte"]
    assert found["word"]["likelihood_spread"] == found["loop"]["likelihood_spread"] == 0


class Untold(Bigrams):
    """The same model, which shows no tokens."""

    tok_encode = None


def test_without_tokens_bits_per_byte_are_left(made):
    results = evaluate(made(), Untold())
    row = results["results"][TASK]
    assert row["nats_per_token,none"] is row["tokens_per_answer,none"] is None
    assert row["bits_per_byte,none"] > 0
    alarms = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert alarms[-1].startswith("the model shows no tokens: nats per token are undefined")


class Impossible(Bigrams):
    """A model for which one answer cannot be."""

    def _log(self, context, text):
        return -math.inf if "No." in text else -1.0


def test_an_impossible_answer_leaves_its_prompt_undefined(made):
    results = evaluate(made(), Impossible())
    assert rows_of(results)["two"]["nats_per_answer"] is None
    assert results["results"][TASK]["bits_per_byte_n,none"] == 1
    alarms = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert alarms[-1].startswith("1 prompts have an answer whose log-probability is infinite")


def test_an_answer_over_the_context_is_asked_in_windows_and_counted(made):
    rows = [{"id": "q", "prompt": "Which?", "responses": ["yes B no " * 200, "A"]}]
    model = harness_model("llama-3")
    results = evaluate(made(rows), model)
    row = rows_of(results)["q"]
    assert row["windowed_share"] == 0.5
    assert len(row["arguments"]) > 3
    assert all(sum(map(len, model._encode_pair(*own))) <= 256 for own in row["arguments"])
    [alarm] = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert alarm.startswith("50.00% of the answers do not fit into the model's context")
    assert 0 < row["nats_per_token"] < 2 * math.log(600)


def test_an_answer_behind_a_prompt_over_the_context_counts_as_one_that_is_not_held(made):
    rows = [{"id": "q", "prompt": "Which one is it? " * 200, "responses": ["A yes"]}]
    results = evaluate(made(rows), harness_model("gpt-2"))
    row = rows_of(results)["q"]
    # What is left of the prompt and the answer are asked about at once.
    assert len(row["arguments"]) == 1
    assert row["windowed_share"] == 1
    [alarm] = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert "behind as much of the prompt as there is room for" in alarm


def test_thoughts_are_cut_off_unless_they_are_to_be_kept(made):
    rows = [{"prompt": "Which?", "responses": ["<think>A or B</think>\n\nB, yes", " B"]}]
    task = made(rows)
    assert list(task.texts.values()) == [["B, yes", " B"]]
    assert "|reasoning:strip|" in task.signature
    kept = made(rows, reasoning="keep")
    assert list(kept.texts.values()) == [["<think>A or B</think>\n\nB, yes", " B"]]
    assert "|reasoning:keep|" in kept.signature


def test_characters_are_scored_as_they_came(made):
    rows = [{"prompt": "Which?", "responses": ["cafe\u0301\n", "half \ud800"]}]
    task = made(rows)
    assert list(task.texts.values()) == [["cafe\u0301\n", "half \ufffd"]]
    assert evaluate(task, harness_model("gpt-2"))["results"][TASK]["bits_per_byte_n,none"] == 1


def test_all_ranks_together_ask_what_one_would(made):
    asked = []
    for rank in range(2):
        task = made()
        task.build_all_requests(rank=rank, world_size=2)
        asked += [own.args[1] for own in task.instances]
    assert sorted(asked) == sorted(["A yes", "no\n\nAnswer: B", " (C", "No."])


class Spent(Bigrams):
    """The same model once it is not to be asked anything."""

    def _log(self, context, text):
        raise AssertionError("asked")


def test_a_limited_run_and_a_second_one_from_the_cache(made, tmp_path):
    options = {"limit": 1, "use_cache": str(tmp_path / "db")}
    first = evaluate(made(), Bigrams(), **options)
    second = evaluate(made(), Spent(), **options)
    assert set(rows_of(first)) == {"one"}
    assert first["results"] == second["results"]


def test_what_is_left_is_read_as_that_of_other_tasks(made, tmp_path):
    file = leave(evaluate(made(), harness_model("gpt-2")), tmp_path / "out")
    # Beside it lie its samples, which are likelihoods and no responses.
    assert joins(file).faults == ()
    found = load_run(tmp_path / "out", RANGES).tasks[TASK]
    assert found.ids == ("one", "two")
    [tokenizer] = {detail["tokenizer"] for detail in found.details}
    assert len(tokenizer) == 8


def test_whose_answers_they_are_is_signed_and_not_who_scores_them(made, tmp_path):
    signed = fields(made().signature)
    assert signed["whose"] == "said"
    # Nothing is known of how they were drawn.
    assert not [key for key in signed if key.startswith("source_")]
    other = fields(made([{**row, "responses": ["A"]} for row in ROWS]).signature)
    assert {key for key in signed if signed[key] != other[key]} == {"responses"}
    named = made(responses=f"aligned={tmp_path / 'said.jsonl'}")
    assert fields(named.signature)["whose"] == "aligned"
    assert made(pretrained="m").signature == made().signature


def test_what_cannot_be_scored_is_refused_in_one_line(made, tmp_path):
    for metadata, error, said in (
        ({"responses": str(tmp_path / "absent")}, DataError, "got nothing there"),
        ({"responses": ""}, SettingsError, "expected responses to be a non-empty string"),
        ({"rows": ROWS[2:]}, DataError, "none in 1 prompts (2 are failed, 1 are empty)"),
    ):
        with pytest.raises(error) as got:
            made(**metadata)
        assert said in str(got.value)
        assert "\n" not in str(got.value)
    with pytest.raises(SettingsError, match="expected a model that gives log-probabilities"):
        evaluate(made(), Sampling())


def test_check_says_how_many_log_probabilities_are_asked(made, tmp_path, capsys):
    made()
    metadata = json.dumps({"responses": str(tmp_path / "said.jsonl")})
    assert main(["check", "--tasks", TASK, "--metadata", metadata]) == 0
    assert "(2 prompts, 4 log-probabilities)" in capsys.readouterr().out


def test_a_run_of_it_is_no_run_of_samples(made, tmp_path):
    made()
    with pytest.raises(SettingsError, match="which asks for log-probabilities"):
        build(read_responses(tmp_path / "said.jsonl"), TASK)


def test_a_server_that_completes_texts_says_what_the_model_does(made, tmp_path, monkeypatch):
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    local = harness_model("gpt-2")
    local.tokenizer.save_pretrained(tmp_path / "tokenizer")
    server = LocalCompletionsAPI(
        base_url="http://127.0.0.1:9/v1/completions",
        model="m",
        tokenizer=str(tmp_path / "tokenizer"),
        tokenizer_backend="huggingface",
        max_length=257,
    )
    longest = []

    def answer(messages, generate, **_):
        longest.append(max(map(len, messages)))
        return {"choices": [echo(local, tokens, i) for i, tokens in enumerate(messages)]}

    monkeypatch.setattr(server, "model_call", answer)
    rows = [*ROWS, {"id": "long", "prompt": "Which?", "responses": ["yes B no " * 99]}]
    own, theirs = (evaluate(made(rows), model) for model in (local, server))
    assert max(longest) <= 256
    for key, row in rows_of(own).items():
        told = rows_of(theirs)[key]["bits_per_byte"]
        assert told == pytest.approx(row["bits_per_byte"], rel=1e-4)
    entries = [one["configs"][TASK]["metadata"]["overton"] for one in (own, theirs)]
    one, other = ({d["tokenizer"] for d in json.loads(own["details"])} for own in entries)
    assert one == other
