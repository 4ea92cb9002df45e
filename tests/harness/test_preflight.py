"""What is said before the model is asked, and what of the evaluation a task sees."""

import argparse
import json
import logging
from pathlib import Path

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.model import LM, CachingLM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

from lm_eval_overton.errors import DataError, NoAnswersError, SettingsError
from lm_eval_overton.harness import evaluation
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.preflight import cut_prompts
from lm_eval_overton.harness.replay import build, score, task_class
from lm_eval_overton.runs.responses import read_responses

METRICS = ("lexical_diversity", "mean_words")


class Small(LM):
    """A local model with a context of some words."""

    max_length = 64
    asked = 0

    def tok_encode(self, text):
        return text.split()

    def generate_until(self, requests, disable_tqdm=False):
        self.asked += len(requests)
        return [f"Word{request.idx} of mine." for request in requests]

    def loglikelihood(self, requests, disable_tqdm=False):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


class LocalChatCompletion(Small):
    """A client of a chat API, by its name."""

    tokenizer_name = "none"

    def apply_chat_template(self, messages, add_generation_prompt=True):
        return json.dumps(messages)

    def chat_template(self, chat_template=False):
        return ""


def task(tmp_path, name="overton_diversity", **metadata):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "one two three"}\n{"prompt": "four five"}\n')
    cls, config = task_class(name)
    config["metric_list"] = [{"metric": metric} for metric in METRICS]
    own = {"n_samples": 2, "pretrained": "small", "prompts": str(path)}
    config["metadata"] = {**config["metadata"], **own, **metadata}
    return cls(config=config)


def evaluate(model, *tasks, gen_kwargs="max_gen_toks=8", **options):
    return simple_evaluate(
        model=model,
        tasks=list(tasks),
        task_manager=TaskManager(include_defaults=False),
        gen_kwargs=gen_kwargs,
        **options,
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def unwritable(tmp_path):
    (tmp_path / "file").touch()
    return tmp_path / "file" / "below"


def part(results):
    return results["configs"]["overton_diversity"]["metadata"]["overton"]


# ------------------------------------------------------------------------------- what is seen


def test_the_evaluation_of_the_harness_is_seen(tmp_path, monkeypatch):
    seen = []
    around = Evaluation.around
    monkeypatch.setattr(Evaluation, "around", lambda: seen.append(around()) or seen[-1])
    model, own = Small(), task(tmp_path)
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))

    def _execute(args):
        return evaluate(model, own, evaluation_tracker=tracker, num_fewshot=3, torch_random_seed=7)

    monkeypatch.setitem(globals(), "__name__", "lm_eval._cli.run")
    _execute(argparse.Namespace(fewshot_as_multiturn=True))
    [first, *_] = seen
    tasks = {"overton_diversity": own}
    assert first == Evaluation(model, model, tasks, 3, True, 7, tracker, is_command=True)
    # Within the model that remembers answers.
    evaluate(model, task(tmp_path), use_cache=str(tmp_path / "answers"))
    assert seen[-1].model is model
    assert isinstance(seen[-1].asked, CachingLM)
    assert not seen[-1].is_command


def test_of_a_caller_that_is_not_the_harness_nothing_is_known(monkeypatch):
    def evaluate():
        lm = Small()
        return Evaluation.around(), lm

    assert evaluate()[0] == Evaluation()
    monkeypatch.setattr(evaluation, "CALLERS", set())
    assert Evaluation.around().begins_with(object())


# ---------------------------------------------------------------------------- what is refused


def test_a_chat_api_needs_a_template(tmp_path):
    model = LocalChatCompletion()
    with pytest.raises(SettingsError) as raised:
        evaluate(model, task(tmp_path, base_url="http://x/v1"))
    assert str(raised.value).startswith(
        "overton_diversity: expected --apply_chat_template for a chat API, got "
    )
    assert model.asked == 0
    evaluate(model, task(tmp_path, base_url="http://x/v1"), apply_chat_template=True)
    assert model.asked == 4


def test_an_answer_longer_than_the_context_is_refused_with_the_limit(tmp_path):
    model = Small()
    with pytest.raises(SettingsError) as raised:
        evaluate(model, task(tmp_path), gen_kwargs=None)
    assert str(raised.value).startswith(
        "overton_diversity: expected answers shorter than the model's context of 64 tokens, got "
        "max_gen_toks=700, which leaves no room for a prompt; pass `--gen_kwargs max_gen_toks=32`"
    )
    assert model.asked == 0


def test_prompts_that_are_cut_raise_an_alarm(tmp_path):
    # The frame of a base model: 6 words beside the prompt.
    results = evaluate(Small(), task(tmp_path), gen_kwargs="max_gen_toks=55")
    [alarm] = part(results)["alarms"]
    assert alarm.startswith("1 of 2 prompts have up to ")
    assert "max_gen_toks=55 is more than the model's context of 64" in alarm
    assert part(evaluate(Small(), task(tmp_path)))["alarms"] == []


@pytest.mark.parametrize("model", [object(), LM, None])
def test_of_a_model_that_does_not_tell_its_context_nothing_is_said(model):
    assert cut_prompts("t", model, [], {"max_gen_toks": 10**9}) == []


def test_an_encoder_decoder_has_a_context_for_prompts_alone():
    model = Small()
    model.backend = "seq2seq"
    assert cut_prompts("t", model, [], {"max_gen_toks": 700}) == []


@pytest.mark.parametrize("name", ["", "results.json"])
def test_an_output_that_cannot_be_written_is_said_before_the_model_is_asked(
    tmp_path, unwritable, name
):
    model, tracker = Small(), EvaluationTracker(output_path=str(unwritable / name))
    with pytest.raises(SettingsError, match=r"^--output_path: .*below.*; name another"):
        evaluate(model, task(tmp_path), evaluation_tracker=tracker)
    assert model.asked == 0


def test_a_model_s_name_that_is_no_file_name_is_said(tmp_path):
    def tracker(output):
        own = EvaluationTracker(output_path=str(output))
        log = own.general_config_tracker.log_experiment_args

        def long(**given):
            log(**{**given, "model_args": {"model": "very-long-" * 40}})

        own.general_config_tracker.log_experiment_args = long
        return own

    with pytest.raises(SettingsError, match=r"File name too long.*`-o DIR/results\.json`"):
        evaluate(Small(), task(tmp_path), evaluation_tracker=tracker(tmp_path / "out"))
    evaluate(Small(), task(tmp_path), evaluation_tracker=tracker(tmp_path / "out" / "res.json"))


@pytest.mark.parametrize("options", ["n=5", "best_of=2", "num_return_sequences=3", "n=all"])
def test_several_answers_to_one_request_are_refused(tmp_path, options):
    model = Small()
    with pytest.raises(SettingsError, match=f"expected one answer per request.* got {options} in"):
        evaluate(model, task(tmp_path), gen_kwargs=f"max_gen_toks=8,{options}")
    assert model.asked == 0
    evaluate(model, task(tmp_path), gen_kwargs="max_gen_toks=8,n=1")
    assert model.asked == 4


# --------------------------------------------------------------------------------- what is told


def test_options_without_effect_are_said_once(tmp_path, caplog, monkeypatch):
    def _execute(args):
        caplog.clear()
        tasks = [task(tmp_path), task(tmp_path, "overton_icl_zeroshot", prompts=None)]
        evaluate(Small(), *tasks, num_fewshot=args.num_fewshot, limit=1)
        return [line for line in caplog.messages if "without effect" in line]

    monkeypatch.setitem(globals(), "__name__", "lm_eval._cli.run")
    both = argparse.Namespace(num_fewshot=3, fewshot_as_multiturn=True)
    [line] = _execute(both)
    assert line.startswith("--num_fewshot 3 and --fewshot_as_multiturn: without effect on overton")
    assert _execute(argparse.Namespace(num_fewshot=0, fewshot_as_multiturn=None)) == []


def test_the_harness_s_seed_is_in_the_signature_of_a_local_model(tmp_path):
    def signature(seed, **metadata):
        results = evaluate(Small(), task(tmp_path, **metadata), torch_random_seed=seed)
        return part(results)["signature"]

    assert "|model_seed:7|" in signature(7)
    assert "model_seed" not in signature(None)
    assert "model_seed" not in signature(7, base_url="http://x/v1")
    # It stays with the generations.
    results = evaluate(Small(), task(tmp_path), torch_random_seed=7)
    scored = score(read_responses(Path(part(results)["generations"])), "overton_diversity")
    assert "|model_seed:7|" in part(scored)["signature"]


def test_a_run_that_is_not_scored_says_how_to_score_it(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    evaluate(Small(), task(tmp_path), predict_only=True)
    [line] = [line for line in caplog.messages if "is not scored" in line]
    [path] = (tmp_path / "cache").rglob("generations.jsonl")
    assert f"`overton score {path} --task overton_diversity`" in line


# ---------------------------------------------------------------------------- a reference run


@pytest.fixture
def reference(tmp_path):
    """A folder of samples of overton_diversity alone."""
    rows = [
        {"doc": {"id": f"p{i}", "prompt": prompt}, "resps": [["A b.", "C d."]]}
        for i, prompt in enumerate(("one two three", "four five"))
    ]
    path = tmp_path / "base" / "samples_overton_diversity_2026-01-01T00-00-00.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.parent


def with_reference(tmp_path, name, place):
    cls, config = task_class(name)
    own = {"n_samples": 2, "pretrained": "small", "reference_run": str(place)}
    if name == "overton_diversity":
        own["prompts"] = str(tmp_path / "prompts.jsonl")
    config["metadata"] = {**config["metadata"], **own}
    task(tmp_path)
    return cls(config=config)


def against_reference(results, name):
    return "reference_coverage_at_1,none" in results["results"][name]


def test_a_reference_that_lacks_a_task_costs_its_metrics_alone(tmp_path, reference, caplog):
    names = ("overton_diversity", "overton_coverage", "overton_icl_zeroshot")
    tasks = [with_reference(tmp_path, name, reference) for name in names]
    results = evaluate(Small(), *tasks, limit=2)
    assert against_reference(results, "overton_diversity")
    assert not against_reference(results, "overton_coverage")
    assert "coverage_at_1,none" in results["results"]["overton_coverage"]
    [line] = [line for line in caplog.messages if "reference_run" in line]
    assert line.startswith("overton_coverage: reference_run: ")
    assert line.endswith("; this task has no metrics against the reference run")
    # The run is completed without it, too.
    path = Path(part(results)["generations"])
    found = read_responses(path, "overton_coverage")
    own = {"n_samples": 2, "reference_run": str(reference)}
    assert build(found, "overton_coverage", metadata=own, only={"coverage_at_1"}).reference == {}
    with pytest.raises(NoAnswersError, match=r"^overton_coverage: reference_run: "):
        build(found, "overton_coverage", metadata=own)


def test_a_reference_that_lacks_all_tasks_is_refused(tmp_path, reference):
    model = Small()
    tasks = [
        with_reference(tmp_path, name, reference)
        for name in ("overton_coverage", "overton_icl_zeroshot")
    ]
    with pytest.raises(NoAnswersError, match=r"^overton_coverage: reference_run: .*at least one"):
        evaluate(model, *tasks, limit=2)
    assert model.asked == 0


def test_a_reference_that_cannot_be_read_is_refused(tmp_path, reference):
    [path] = reference.iterdir()
    path.write_text("{")
    for place in (path, reference, tmp_path / "nowhere"):
        with pytest.raises(DataError) as raised:
            with_reference(tmp_path, "overton_diversity", place)
        assert not isinstance(raised.value, NoAnswersError)
