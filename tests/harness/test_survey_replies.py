"""Surveys answered in replies: what is asked, what is read, what stands beside it."""

import json
import logging
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lm_eval_overton.comparison.pairs import compare
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.check import check
from lm_eval_overton.harness.replay import score, task_class
from lm_eval_overton.metrics.formulas import survey as formulas
from lm_eval_overton.metrics.measures import RANGES, REGISTRY
from lm_eval_overton.runs.finished import load_run
from lm_eval_overton.runs.responses import read_responses
from tests.harness.evaluating import evaluate
from tests.harness.test_survey import OPTION, ROWS, TASK, Leaning
from tests.tiny_models import harness_model


class Saying(Leaning):
    """A model that replies with what it is told to, of the options that it is shown."""

    def __init__(self, say):
        super().__init__()
        self.say = say

    def generate_until(self, requests, disable_tqdm=False):
        self.asked += [request.args for request in requests]
        seen, replies = {}, []
        for request in requests:
            context = request.args[0]
            seen[context] = seen.get(context, -1) + 1
            labels = {text: label for label, text in OPTION.findall(context)}
            replies.append(self.say(context, labels, seen[context]))
        return replies


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))

    def make(rows=ROWS, task=TASK, **metadata):
        path = tmp_path / "own.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        cls, config = task_class(task)
        metadata = {"answers": "sampled", "survey": str(path), **metadata}
        return cls(config={**config, "metadata": {**config["metadata"], **metadata}})

    return make


def entry(results, task=TASK):
    own = results["configs"][task]["metadata"]["overton"]
    return {name: json.loads(values) for name, values in own["values"].items()}, own


def yes_and_no(context, labels, i):
    """Two of five say yes, two no, one refuses; of two options three the first, one says less."""
    if "Yes" in labels:
        return [labels["Yes"], "Yes.", f"({labels['No']})", "No", "I cannot answer that."][i]
    return [*("Very much",) * 3, labels["Not at all"], "Well"][i]


def test_each_order_is_asked_for_several_replies(made):
    task, model = made(), Saying(yes_and_no)
    evaluate(task, model, limit=1)
    contexts = [context for context, _ in model.asked]
    assert len(contexts) == 4 * 5
    assert len(dict.fromkeys(contexts)) == 4
    assert contexts[0].endswith("A. Yes\nB. No\nC. Perhaps\nD. No answer\nAnswer:")
    # No two requests are equal, or a cache would give one reply to all.
    assert len({json.dumps(own) for own in model.asked}) == 20
    assert "|answers:sampled|orders:cyclic|style:own-1|seed:1234|" in task.signature.replace(
        "|api_seeds:auto", ""
    )
    assert "|n:5|" in task.signature
    assert "|temp:1|" in task.signature


def test_what_is_read_is_compared_with_people(made):
    results = evaluate(made(), Saying(yes_and_no))
    values, own = entry(results)
    halves = [1 / 2, 1 / 2, 0]
    spain, chile = [2 / 9, 6 / 9, 1 / 9], [0.4, 0.3, 0.3]
    distances = [formulas.js_distance(halves, group) for group in (spain, chile)]
    assert values["survey_match"][0] == pytest.approx(1 - sum(distances) / 2)
    assert values["answer_mass"] == pytest.approx([0.8, 0.8, 0.8])
    assert values["replies_refused"] == pytest.approx([0.2, 0, 0.2])
    assert values["replies_unreadable"] == pytest.approx([0, 0.2, 0])
    assert values["first_label_bias"] == pytest.approx([0, 0, 0])
    [_, rain, _] = json.loads(own["details"])
    assert rain["shares"] == pytest.approx({"Very much": 0.75, "Not at all": 0.25})
    # They would say more of the number of replies than of the orders.
    assert not {"order_spread", "order_agreement"} & values.keys()


def test_a_model_that_chooses_the_first_letter_has_no_opinion(made):
    values, _ = entry(evaluate(made(), Saying(lambda *_: "A")))
    assert values["opinion_entropy"] == pytest.approx([1, 1, 1])
    assert values["survey_gain"][:2] == pytest.approx([0, 0], abs=1e-12)
    assert values["first_label_bias"] == pytest.approx([3 / 4, 1 / 2, 1 / 2])


def test_an_order_without_a_readable_reply_leaves_its_question_undefined(made, caplog):
    def say(context, labels, i):
        return "Hm" if labels.get("Yes") == "A" else "B"

    with caplog.at_level(logging.WARNING, logger="lm_eval.overton"):
        values, _ = entry(evaluate(made(), Saying(say)))
    assert values["survey_match"][0] is None
    assert values["survey_match"][1] is not None
    # The gain is of the questions that are answered alone.
    assert values["survey_gain"] == [None, pytest.approx(0), None]
    assert values["replies_unreadable"] == pytest.approx([1 / 4, 0, 1 / 2])


def test_few_that_say_something_are_told_with_what_may_help(made, caplog):
    with caplog.at_level(logging.WARNING, logger="lm_eval.overton"):
        values, _ = entry(evaluate(made(), Saying(lambda *_: "I cannot answer that.")))
    assert values["survey_match"] == [None] * 3
    assert values["answer_mass"] == [0] * 3
    said = [r.getMessage() for r in caplog.records if "of the replies say" in r.getMessage()]
    assert "only 0% of the replies" in said[0]
    assert "100% refuse, 0% cannot be read" in said[0]


def test_failed_requests_do_not_count(made):
    values, _ = entry(evaluate(made(), Saying(lambda _, labels, i: "A" if i else None)))
    assert values["answer_mass"] == pytest.approx([1] * 3)
    values, _ = entry(evaluate(made(), Saying(lambda *_: None)))
    for name in ("answer_mass", "replies_refused", "survey_match", "first_label_bias"):
        assert values[name] == [None] * 3


def stated(context, labels, i):
    first = labels.get("Yes") or labels["Very much"]
    return json.dumps(
        {
            label: "70%" if label == first else f"{30 / (len(labels) - 1)}%"
            for label in labels.values()
        }
    )


def test_shares_are_stated_in_one_reply_to_each_order(made):
    task, model = made(answers="verbalized"), Saying(stated)
    values, own = entry(evaluate(task, model))
    assert len(model.asked) == 4 + 2 + 2
    assert "holds a percentage for each letter" in model.asked[0][0]
    assert json.loads(own["details"])[1]["shares"] == pytest.approx(
        {"Very much": 0.7, "Not at all": 0.3}
    )
    assert values["answer_mass"] == [1] * 3
    assert values["order_spread"] == pytest.approx([0] * 3, abs=1e-12)
    assert "|answers:verbalized|" in task.signature
    assert "|temp:0" in task.signature


def test_a_group_is_steered_in_replies_too(made):
    def say(context, labels, i):
        return "Yes" if "Chile" in context else labels.get("No", "A")

    values, _ = entry(evaluate(made(steer=["Chile"]), Saying(say)))
    match = [1 - formulas.js_distance(p, [0.4, 0.3, 0.3]) for p in ([1, 0, 0], [0, 1, 0])]
    assert values["steer_match"][0] == pytest.approx(match[0])
    assert values["steer_gain"][0] == pytest.approx(match[0] - match[1])


@pytest.mark.parametrize("answers", ["sampled", "verbalized"])
def test_replies_are_kept_before_they_are_scored_and_scored_again_alike(
    made, tmp_path, caplog, answers
):
    say = yes_and_no if answers == "sampled" else stated
    results = evaluate(made(answers=answers, steer=["Spain"]), Saying(say))
    [path] = (tmp_path / "cache").rglob("generations.jsonl")
    caplog.clear()
    again = score(read_responses(path), TASK)
    assert not [r for r in caplog.records if "may be lost" in r.getMessage()]
    assert entry(again)[0] == entry(results)[0]
    assert (
        again["configs"][TASK]["metadata"]["overton"]["signature"].split("|lm_eval")[0]
        == (results["configs"][TASK]["metadata"]["overton"]["signature"].split("|lm_eval")[0])
    )


def test_modes_are_not_compared_with_each_other(made, tmp_path):
    from lm_eval.loggers import EvaluationTracker

    for name, mode in (("a", "loglikelihood"), ("b", "sampled")):
        tracker = EvaluationTracker(output_path=str(tmp_path / name))
        results = evaluate(made(answers=mode), Saying(yes_and_no), evaluation_tracker=tracker)
        tracker.save_results_aggregated(results=results, samples=results.pop("samples"))
    base, run = (load_run(tmp_path / name, RANGES, name) for name in "ab")
    with pytest.raises(SettingsError, match=r"answers differs \(a: loglikelihood, b: sampled\)"):
        compare(base, [run])
    names = {name for name, metric in REGISTRY.items() if "survey_sampled" in metric.tasks}
    # No group was named to answer as.
    steered = {"steer_match", "steer_gain"}
    assert names - steered == set(run.tasks[TASK].values)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"answers": "spoken"}, "expected answers loglikelihood, sampled or verbalized, got"),
        ({"elicit": "list"}, "expected elicit direct where a survey is answered in replies"),
        ({"n_samples": 0}, "n_samples"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(made, metadata, said):
    with pytest.raises(SettingsError) as error:
        made(**metadata)
    assert said in str(error.value)


def test_the_packaged_questions_are_chosen_among_in_replies(made):
    results = evaluate(
        made(task="overton_choice", steer=None), Saying(lambda *_: "It depends"), limit=2
    )
    values, own = entry(results, "overton_choice")
    assert values["opinion_entropy"] == [0, 0]
    assert json.loads(own["details"])[0]["shares"] == {"Yes": 0, "No": 0, "It depends": 1}
    # The survey of another task is none of its own.
    [first, *_] = check(["overton_choice"], {"answers": "verbalized", "survey": "another.jsonl"})
    assert first.startswith("ok overton_choice@1|data:contested-")


def test_a_tiny_model_replies(made):
    task = made(n_samples=2)
    task.set_config(key="generation_kwargs", value={"max_gen_toks": 4}, update=True)
    row = evaluate(task, harness_model("gpt-2"), samples={TASK: [1]})["results"][TASK]
    assert 0 <= row["replies_unreadable,none"] <= 1


class _Chat(BaseHTTPRequestHandler):
    """A chat server that always chooses No, and tells no log-probabilities."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        labels = {text: label for label, text in OPTION.findall(body["messages"][-1]["content"])}
        said = f"**{labels.get('No') or labels['Not at all']}**"
        message = {"role": "assistant", "content": said}
        choices = [
            {"index": i, "message": message, "finish_reason": "stop"}
            for i in range(body.get("n", 1))
        ]
        reply = json.dumps({"choices": choices}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        """Nothing of it is of interest."""


@pytest.fixture
def chat():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Chat)
    server.bodies = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("together", [False, True])
def test_a_chat_server_without_log_probabilities_is_asked(made, chat, together):
    from lm_eval.models.openai_completions import LocalChatCompletion

    url = f"http://127.0.0.1:{chat.server_port}/v1/chat/completions"
    given = {"model": "m", "base_url": url, "num_concurrent": 4}
    extra = {"api_n": True, "api_seeds": "none"} if together else {}
    task = made(**given, **extra)
    results = evaluate(task, LocalChatCompletion(**given), apply_chat_template=True)
    values, own = entry(results)
    assert values["answer_mass"] == [1] * 3
    assert json.loads(own["details"])[2]["shares"] == {"Yes": 0, "No": 1}
    contents = {body["messages"][-1]["content"] for body in chat.bodies}
    assert len(contents) == 8
    assert all("Reply with the letter" in content for content in contents)
    # One text is one request where one request draws all samples.
    assert len(chat.bodies) == (8 if together else 40)


def test_many_replies_come_to_what_log_probabilities_say(made):
    rng, leaning = random.Random(1), Leaning({"Yes": 1.0, "No": 0.2}, labels={"A": 0.7})

    def say(context, labels, i):
        weights = [leaning.weight(context, label, text) for text, label in labels.items()]
        # A fifth says something else, as the probability that no label has.
        return "Hm" if rng.random() < 0.2 else rng.choices([*labels.values()], weights)[0]

    exact, _ = entry(evaluate(made(answers="loglikelihood"), leaning))
    drawn, _ = entry(evaluate(made(n_samples=150), Saying(say)))
    for name in ("answer_mass", "first_label_bias", "opinion_entropy", "survey_refusal_share"):
        known = [value for value in exact[name] if value is not None]
        assert [value for value in drawn[name] if value is not None] == pytest.approx(
            known, abs=0.1
        )
