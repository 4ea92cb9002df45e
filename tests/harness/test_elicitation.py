"""What is asked where more is to be brought out, and what its replies become, by real runs."""

import json
import re

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.replay import score, task_class
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.elicited import ELICITATIONS

TASK = "overton_diversity"
PROMPTS = [
    {"id": "a", "prompt": "Name a drink.", "paraphrases": ["What could I drink?"]},
    {"id": "b", "prompt": "Name a town.", "paraphrases": ["Which town?", "A town, please."]},
]
LONG = "one two three four five six"


class Model(LM):
    """Answers as it is asked to, and remembers what it was asked."""

    tokenizer_name = "none"

    def __init__(self, reply):
        super().__init__()
        self.reply = reply
        self.asked = []

    def generate_until(self, requests, disable_tqdm=False):
        self.asked += [request.args for request in requests]
        return [self.reply(i, *request.args) for i, request in enumerate(requests)]

    def loglikelihood(self, requests, disable_tqdm=False):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood

    def apply_chat_template(self, history, add_generation_prompt=True):
        return "".join(f"<{turn['role']}>{turn['content']}" for turn in history)


@pytest.fixture
def prompts(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(own) + "\n" for own in PROMPTS))
    return str(path)


def built(prompts, **metadata):
    cls, config = task_class(TASK)
    given = {"prompts": prompts, "pretrained": "x", **metadata}
    config["metadata"] = {**config["metadata"], **given}
    config["metric_list"] = [{"metric": m} for m in metadata.pop("metrics", METRICS)]
    return cls(config=config)


METRICS = ("distinct_k", "elicit_count", "elicit_mass", "unparsed_rate", "failed_rate", "cut_share")


def run(prompts, reply, chat=False, system=None, **metadata):
    """A run of the harness; what was asked, the task's row and its signature."""
    model = Model(reply)
    results = simple_evaluate(
        model=model,
        tasks=[built(prompts, **metadata)],
        task_manager=TaskManager(include_defaults=False),
        apply_chat_template=chat,
        system_instruction=system,
        log_samples=True,
    )
    row = {key.partition(",")[0]: value for key, value in results["results"][TASK].items()}
    return model.asked, row, results["configs"][TASK]["metadata"]["overton"]


def answers(n, request, stated=True):
    texts = [" ".join(f"{letter}{request}{i}" for letter in "abcdefg") for i in range(n)]
    made = [{"text": t, "probability": 0.1} for t in texts] if stated else texts
    return json.dumps({"answers": made})


def test_one_reply_holds_several_samples(prompts):
    given = {"elicit": "verbalized", "elicit_k": 3, "n_samples": 5}
    asked, row, entry = run(prompts, lambda i, *_: answers(3, i), **given)
    # Two requests of three answers for five samples, with three times the room.
    assert len(asked) == 4
    assert {options["max_gen_toks"] for _, options in asked} == {2100}
    assert all("Give 3 different answers" in context for context, _ in asked)
    assert row["distinct_k"] == 5
    assert row["elicit_count"] == 1
    assert row["elicit_mass"] == pytest.approx(0.3)
    assert "|elicit:verbalized-1+3|" in entry["signature"]
    assert "|max:2100" in entry["signature"]


def test_nothing_is_invented_where_nothing_can_be_read(prompts):
    def reply(i, *_):
        return [answers(2, i, False), "I would say tea.", answers(9, i, False), ""][i]

    given = {"elicit": "list", "elicit_k": 3, "n_samples": 6}
    _, row, _ = run(prompts, reply, **given)
    # Of the first prompt 2 of 3 and 0 of 3, of the other 3 of 3 (more are cut) and 0 of 3.
    assert row["elicit_count"] == pytest.approx((2 / 6 + 3 / 6) / 2)
    assert row["unparsed_rate"] == pytest.approx((4 / 6 + 3 / 6) / 2)
    assert row["distinct_k_n"] == 0
    assert row["elicit_mass_n"] == 0


def test_a_random_string_comes_first_and_is_no_part_of_the_answer(prompts):
    def reply(i, *_):
        return f"kq7\nAnswer: {LONG}" if i % 2 else f"kq7 {LONG}"

    asked, row, _ = run(prompts, reply, elicit="seed_string", n_samples=2, metrics=METRICS[:1])
    assert all('a new line with "Answer:"' in context for context, _ in asked)
    _, row, _ = run(prompts, reply, elicit="seed_string", n_samples=2)
    assert row["unparsed_rate"] == 0.5


@pytest.mark.parametrize("chat", [False, True])
def test_a_sentence_for_all_requests_stands_where_the_model_looks_for_it(prompts, chat):
    asked, _, entry = run(prompts, lambda i, *_: LONG, chat, "Be brief.", elicit="system")
    said = "The same request is put to you many times"
    for context, _ in asked:
        assert context.count(said) == 1
        if chat:
            assert context.startswith(f"<system>Be brief.\n\n{said}")
            assert re.search(r"<user>Name a (drink|town)\.", context)
        else:
            assert "Be brief." in context
    assert "|elicit:system-1|" in entry["signature"]


def test_wordings_are_taken_in_turn(prompts):
    asked, _, _ = run(prompts, lambda i, *_: LONG, elicit="paraphrase", n_samples=4)
    questions = [re.search(r"```\n(.*)\n```", context)[1] for context, _ in asked]
    assert sorted(questions[:4]) == ["Name a drink."] * 2 + ["What could I drink?"] * 2
    assert questions[4:] == ["Name a town.", "Which town?", "A town, please.", "Name a town."]


def test_direct_asks_as_it_always_did(prompts):
    asked, _, entry = run(prompts, lambda i, *_: LONG)
    assert len(asked) == 10
    assert all("different answers" not in context for context, _ in asked)
    assert "elicit" not in entry["signature"]


def test_the_generations_are_scored_and_read_again_as_they_were(prompts, tmp_path):
    given = {"elicit": "verbalized", "elicit_k": 3, "n_samples": 5}
    _, row, _ = run(prompts, lambda i, *_: answers(3, i), **given)
    [path] = (tmp_path / "cache").rglob("generations.jsonl")
    found = read_responses(path)
    assert len(found.cleaning().samples(found.entries[0].responses)) == 6
    again = score(found, TASK, output=tmp_path / "again", only=set(METRICS))
    scored = {key.partition(",")[0]: value for key, value in again["results"][TASK].items()}
    assert {name: scored[name] for name in METRICS} == {name: row[name] for name in METRICS}
    signature = again["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "|elicit:verbalized-1+3|" in signature


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"elicit": "beg"}, SettingsError, ", ".join(ELICITATIONS)),
        ({"elicit": "list", "elicit_k": 1}, SettingsError, "at least 2"),
        ({"elicit": "paraphrase", "prompts": "open_ended"}, DataError, '"paraphrases" of every'),
    ],
)
def test_what_cannot_be_asked_is_refused(prompts, given, error, message):
    with pytest.raises(error, match=re.escape(message)):
        built(**{"prompts": prompts, **given})


def test_tasks_that_ask_in_their_own_way_are_not_asked_in_another():
    cls, config = task_class("overton_icl_zeroshot")
    config["metadata"] = {**config["metadata"], "elicit": "list"}
    with pytest.raises(SettingsError, match="this task asks in its own way, got list"):
        cls(config=config)


def test_answers_to_other_wordings_are_scored_without_these(prompts, tmp_path):
    _, row, _ = run(prompts, lambda i, *_: f"{LONG} {i}", elicit="paraphrase", n_samples=4)
    [path] = (tmp_path / "cache").rglob("generations.jsonl")
    again = score(read_responses(path), TASK, only=set(METRICS))
    assert again["results"][TASK]["distinct_k,none"] == row["distinct_k"]
    signature = again["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "|elicit:paraphrase-1|" in signature
