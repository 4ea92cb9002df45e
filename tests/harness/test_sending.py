"""The harness evaluates a model behind an API, and our requests go through our own client."""

import json
import logging
from collections import Counter

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from lm_eval.tasks import TaskManager

from lm_eval_overton.client import http
from lm_eval_overton.errors import ServerError, SettingsError
from lm_eval_overton.harness import sending
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.harness.sending import Way
from lm_eval_overton.settings.task import read_settings
from tests.judge.client.test_http import OneAnswer, message, reply

METRICS = ("failed_rate", "empty_rate", "unparsed_rate", "cut_share", "lexical_diversity")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(http, "FIRST_BACKOFF_S", 0.001)


@pytest.fixture
def evaluate(tmp_path):
    """Evaluate a model of the harness on some prompts; return values and signature."""

    def run(
        server, prompts=4, kind="local-chat-completions", gen_kwargs=None, cache=None, **metadata
    ):
        path = tmp_path / "prompts.jsonl"
        path.write_text(
            "".join(json.dumps({"prompt": f"Topic {i}?"}) + "\n" for i in range(prompts))
        )
        arguments = {"model": "m", **server.spec()["model_args"]}
        arguments |= metadata.pop("arguments", {})
        cls, config = task_class("overton_diversity")
        config["metric_list"] = [{"metric": metric} for metric in METRICS]
        own = {"n_samples": 5, "prompts": str(path), **arguments, **metadata}
        config["metadata"] = {**config["metadata"], **own}
        results = simple_evaluate(
            model=get_model(kind)(**arguments),
            tasks=[cls(config=config)],
            task_manager=TaskManager(include_defaults=False),
            apply_chat_template=True,
            gen_kwargs=gen_kwargs,
            use_cache=str(cache) if cache else None,
        )
        [values], [config] = results["results"].values(), results["configs"].values()
        named = {name: values[f"{name},none"] for name in METRICS}
        return named, config["metadata"]["overton"]["signature"].split("|")

    return run


def echo(body):
    """Answer with words that no other request is answered with."""
    seed = body.get("seed", id(body))
    return reply(f"Word{seed} about {body['messages'][0]['content'][:-1]} is all there is to say.")


def refusing(is_refused, status=400, words="This prompt is too long."):
    return lambda body: (status, words) if is_refused(body) else echo(body)


# -------------------------------------------------------------- one request costs one sample


@pytest.mark.parametrize(("prompts", "with_cache"), [(100, True), (8, False)])
def test_one_request_that_fails_for_good_costs_one_sample(
    evaluate, tmp_path, caplog, prompts, with_cache
):
    cache = tmp_path / "answers" if with_cache else None
    n = 5 * prompts

    def is_refused(body):
        return body["messages"][0]["content"] == "Topic 0?" and body["seed"] == 1234

    with OneAnswer(refusing(is_refused)) as server:
        arguments = {"num_concurrent": 8}
        values, _ = evaluate(server, prompts, cache=cache, arguments=arguments)
        assert values["failed_rate"] == pytest.approx(1 / n)
        assert len(server.bodies) == n
        assert f"1 of {n} requests failed for good (1 x HTTP 400: This prompt" in caplog.text
        server.answers[0] = echo
        healed, _ = evaluate(server, prompts, cache=cache, arguments=arguments)
        assert healed["failed_rate"] == 0
        assert len(server.bodies) == (n + 1 if with_cache else 2 * n)


def test_of_a_command_too_many_failures_are_a_failure_in_the_end(evaluate, monkeypatch):
    lines = []
    monkeypatch.setattr(sending, "fail_at_the_end", lines.append)
    around = Evaluation.around
    answer = refusing(lambda body: body["seed"] == 1238)
    with OneAnswer(answer) as server:
        evaluate(server)
        # A program of the user's goes on.
        assert lines == []
        monkeypatch.setattr(
            Evaluation, "around", lambda: Evaluation(**{**vars(around()), "is_command": True})
        )
        evaluate(server)
        assert lines == []
        evaluate(server, max_failed=0.1)
    [line] = lines
    assert "overton_diversity: 4 of 20 requests failed" in line
    assert "more than max_failed 0.1" in line


def test_the_requests_of_other_tasks_go_their_own_way():
    lm = get_model("local-chat-completions")(model="m", base_url="http://127.0.0.1:9/v1")
    asked = []
    type(lm).generate_until, theirs = (
        lambda self, requests, **_: asked.append(requests) or ["theirs"] * len(requests),
        type(lm).generate_until,
    )
    try:
        settings = read_settings({"model": "m"}, "ours")
        request = Instance("generate_until", {}, ("prompt", {}), 0, metadata=("other", 0, 1))
        Way(settings).stand_in(Evaluation(asked=lm, model=lm), "ours")
        assert lm.generate_until([request]) == ["theirs"]
    finally:
        type(lm).generate_until = theirs
    assert "generate_until" not in vars(lm)
    assert asked == [[request]]


# ---------------------------------------------------------------- each answer in its own class


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (message({"content": "Half an"}, finish_reason="length"), {"cut_share": 1.0}),
        (message({"content": "All of it."}, finish_reason="stop"), {"cut_share": 0.0}),
        (message({"content": "No word on the end."}), {"cut_share": None}),
        (message({"content": "", "tool_calls": [{}]}), {"empty_rate": 1.0}),
        (message({"content": None, "tool_calls": [{}]}), {"empty_rate": 1.0}),
        (message({"content": None}, finish_reason="length"), {"empty_rate": 1.0, "cut_share": 1.0}),
        (
            message({"content": None, "reasoning_content": "Let me see"}, finish_reason="length"),
            {"unparsed_rate": 1.0, "cut_share": 1.0},
        ),
        (message({"content": None, "refusal": "I will not say."}), {"lexical_diversity": 0.0}),
        (
            message(
                {
                    "content": [
                        {"type": "thinking", "thinking": "Hm"},
                        {"type": "text", "text": "So."},
                    ]
                }
            ),
            {"unparsed_rate": 0.0, "lexical_diversity": 0.0},
        ),
    ],
)
def test_answers_of_every_kind_are_counted_as_what_they_are(evaluate, answer, expected):
    with OneAnswer(answer) as server:
        values, _ = evaluate(server, prompts=1)
    assert values["failed_rate"] == 0
    for name, value in expected.items():
        assert values[name] == value, name


FAILED = [
    message({"content": None}),
    message({}),
    message({"content": 42}),
    message({"content": ""}, finish_reason="content_filter"),
    message({"content": "Half"}, finish_reason="error"),
    (200, '{"choices": []}'),
    (200, '{"choices": null}'),
    (200, '{"error": {"message": "overloaded", "code": 529}}'),
    (200, '{"output": "in another shape"}'),
    (200, '["a text"]'),
    (200, "<html>Bad gateway</html>"),
    (200, '{"choices": [{"index": 0, "mess'),
]


@pytest.mark.parametrize("answer", FAILED, ids=range(len(FAILED)))
def test_what_is_no_answer_is_a_failed_request(evaluate, answer):
    def bad_once(body):
        return answer if body["seed"] == 1236 else echo(body)

    with OneAnswer(bad_once) as server:
        values, _ = evaluate(server)
    assert values["failed_rate"] == pytest.approx(0.2)
    assert values["empty_rate"] == values["unparsed_rate"] == 0


# --------------------------------------------------------------------- what servers refuse


def strict(**refused):
    """Refuse keys as providers do, each with its words."""

    def answer(body):
        for key, words in refused.items():
            if key in body:
                return 400, json.dumps({"error": {"message": words, "param": key}})
        return echo(body)

    return answer


@pytest.mark.parametrize(
    ("key", "words", "gen_kwargs", "line", "mended"),
    [
        (
            "seed",
            "seed: Extra inputs are not permitted",
            None,
            "got seed=1234, which the server refuses: seed: Extra inputs are not permitted; pass "
            '`--metadata \'{"api_seeds": "none"}\'`',
            {"api_seeds": "none"},
        ),
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            None,
            "pass `--gen_kwargs max_completion_tokens=700`",
            {"gen_kwargs": "max_completion_tokens=700"},
        ),
        (
            "temperature",
            "'temperature' does not support 0.5 with this model.",
            None,
            "pass `--gen_kwargs temperature=1`",
            {"api_drop": ["temperature"]},
        ),
        (
            "stop",
            "Argument not supported on this model: stop",
            "until=###",
            'pass `--metadata \'{"api_drop": ["stop"]}\'` to leave it out',
            {"api_drop": ["stop"], "gen_kwargs": "until=###"},
        ),
    ],
)
def test_a_key_that_is_refused_ends_the_run_at_once_with_what_helps(
    evaluate, key, words, gen_kwargs, line, mended
):
    with OneAnswer(strict(**{key: words})) as server:
        with pytest.raises(ServerError) as raised:
            evaluate(server, gen_kwargs=gen_kwargs)
        assert line in str(raised.value)
        assert "\n" not in str(raised.value)
        assert len(server.bodies) == 1
        values, signature = evaluate(server, **mended)
    assert values["failed_rate"] == 0
    if "api_drop" in mended:
        assert f"drop:{key}" in signature
        assert any(word.startswith("temp:") for word in signature) != (key == "temperature")


def test_a_server_that_is_not_there_ends_in_one_line(evaluate):
    with OneAnswer(reply("Yes.")) as server:
        pass
    with pytest.raises(ServerError, match="expected answers of the model's server, got none: Cli"):
        evaluate(server)


def test_an_api_needs_the_name_of_its_model(evaluate):
    with OneAnswer(reply("Yes.")) as server, pytest.raises(SettingsError, match="expected model="):
        evaluate(server, arguments={"model": None})


# --------------------------------------------------------------- what is stated is what is sent


@pytest.mark.parametrize(
    ("model", "gen_kwargs", "sent"),
    [
        ("gpt-3.5-turbo", None, 0.5),
        ("qwen2.5-7b", None, 0.5),
        ("gpt-5-mini", None, 1),
        ("o3", "temperature=0.7", 0.7),
        ("gpt-4o", "temperature=0.7", 0.7),
    ],
)
def test_the_signature_states_the_temperature_that_was_sent(
    evaluate, monkeypatch, model, gen_kwargs, sent
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with OneAnswer(echo) as server:
        _, signature = evaluate(
            server,
            kind="openai-chat-completions",
            arguments={"model": model},
            gen_kwargs=gen_kwargs,
        )
    assert {body["temperature"] for body in server.bodies} == {sent}
    assert f"temp:{sent:g}" in signature
    assert Counter(body["seed"] for body in server.bodies) == dict.fromkeys(range(1234, 1239), 4)


def test_a_server_that_has_no_seeds_is_stated(evaluate, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    text = json.dumps({"content": [{"type": "text", "text": "So."}], "stop_reason": "end_turn"})
    with OneAnswer((200, text)) as server:
        values, signature = evaluate(server, kind="anthropic-chat")
    assert "api_seeds:none" in signature
    assert values["cut_share"] == 0
    assert not any("seed" in body for body in server.bodies)


# -------------------------------------------------------------- several answers to one request


def several(most):
    """Answer a request for several answers with at most some of them."""

    def answer(body):
        texts = [f"Word{i} of {len(str(body))}." for i in range(min(most, body.get("n", 1)))]
        choices = [{"index": i, "message": {"content": text}} for i, text in enumerate(texts)]
        return 200, json.dumps({"choices": choices[::-1]})

    return answer


@pytest.mark.parametrize(("most", "requests"), [(5, 4), (2, 12)])
def test_all_samples_of_a_prompt_come_with_one_request(evaluate, most, requests):
    with OneAnswer(several(most)) as server:
        values, _ = evaluate(server, api_n=True, api_seeds="none")
    assert values["failed_rate"] == 0
    assert len(server.bodies) == requests
    assert server.bodies[0]["n"] == 5
    assert not any("seed" in body for body in server.bodies)


# ------------------------------------------------------------------------------ the cache


def test_the_cache_keeps_why_an_answer_ended_and_no_placeholder(evaluate, tmp_path, monkeypatch):
    cut = message({"content": "Half an"}, finish_reason="length")
    with OneAnswer(cut) as server:
        evaluate(server, prompts=1, cache=tmp_path / "kept")
        values, _ = evaluate(server, prompts=1, cache=tmp_path / "kept")
        assert values["cut_share"] == 1.0
        assert len(server.bodies) == 5
        monkeypatch.setenv("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER", "Half an")
        evaluate(server, prompts=1, cache=tmp_path / "kept")
        assert len(server.bodies) == 10


def test_a_cache_that_fails_costs_no_answer(evaluate, tmp_path, monkeypatch, caplog):
    from sqlitedict import SqliteDict

    def full(self, items):
        raise OSError("no space left on device")

    monkeypatch.setattr(SqliteDict, "update", full)
    caplog.set_level(logging.WARNING)
    with OneAnswer(echo) as server:
        values, _ = evaluate(server, cache=tmp_path / "kept")
    assert values["failed_rate"] == 0
    assert caplog.text.count("answers are not kept from here on (no space left") == 1
