"""Tasks that ask how likely answers are: what is asked, how it comes back, what is left of it."""

import json

import pytest
from lm_eval.api.model import LM

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.check import check
from lm_eval_overton.harness.likelihoods import Asked, LikelihoodTask, require_likelihoods
from lm_eval_overton.metrics.measures import RANGES
from lm_eval_overton.metrics.measures.about_samples import MEAN_WORDS
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.runs.finished import load_run
from lm_eval_overton.settings.task import read_settings
from lm_eval_overton.text.samples import clean
from tests.harness.evaluating import evaluate
from tests.tiny_models import harness_model

DOCS = [{"id": f"q{i}", "prompt": f"Question {i}?"} for i in range(5)]


class Lengths(LM):
    """A model for which a text is as unlikely as it is long."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def loglikelihood(self, requests, disable_tqdm=False):
        self.asked += [request.args for request in requests]
        return [(-float(len(request.args[1])), False) for request in requests]

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError

    loglikelihood_rolling = generate_until


class Sampling(LM):
    """A model that tells no probabilities."""

    def loglikelihood(self, requests, disable_tqdm=False):
        raise NotImplementedError("No support\nfor logits.")

    def generate_until(self, requests, disable_tqdm=False):
        raise AssertionError("asked")

    loglikelihood_rolling = loglikelihood


class Ranked(LikelihoodTask):
    """Each prompt is asked twice; its value is the number of words that its numbers make."""

    def __init__(self, config):
        settings = read_settings(config["metadata"], config["task"])
        super().__init__(config, settings, PromptSet("made", None, "0" * 8, DOCS), [MEAN_WORDS])
        self.seen = {}

    def ways(self, doc):
        return [Asked(doc["prompt"], ("A", "BB")), Asked("Again: " + doc["prompt"], ("C",))]

    def scored(self, doc, logs):
        self.seen[doc["id"]] = logs
        return Prompt(doc, [clean(" ".join("x" * int(doc["id"][1:]) or "y"))])

    def own_fields(self):
        return {"ways": 2}

    def alarms(self, gathered):
        return [f"{len(gathered[MEAN_WORDS.name])} seen"]


def ranked():
    return Ranked(
        {
            "task": "overton_ranked",
            "output_type": "loglikelihood",
            "test_split": "test",
            "num_fewshot": 0,
            "target_delimiter": "",
            "process_results": "process_results",
            "metadata": {"version": 1},
        }
    )


def leave(results, place):
    """Write results down with their samples, as `--log_samples` does; return the results file."""
    from lm_eval.loggers import EvaluationTracker

    tracker, samples = EvaluationTracker(output_path=str(place)), results.pop("samples")
    own = tracker.general_config_tracker
    own.model_name = own.model_name_sanitized = "model"
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    [file] = place.rglob("results_*.json")
    return file


@pytest.mark.parametrize(
    ("task", "metadata"),
    [
        ("overton_choice", {}),
        ("overton_likelihood", {}),
        ("overton_steerable", {}),
        ("overton_survey", {}),
        ("overton_enumerable", {"answers": "loglikelihood"}),
    ],
)
def test_how_many_samples_are_asked_for_elsewhere_is_no_matter_of_log_probabilities(task, metadata):
    alike, one = (list(check([task], {**metadata, **own})) for own in ({}, {"n_samples": 1}))
    assert one == alike


def test_one_document_holds_all_ways_and_answers_in_order():
    task, model = ranked(), Lengths()
    evaluate(task, model, limit=2)
    frame = "# Query:\n```\n{}\n```\n\n# Answer:\n```\n"
    first, again = (frame.format(text) for text in ("Question 0?", "Again: Question 0?"))
    assert model.asked[:3] == [(first, "A"), (first, "BB"), (again, "C")]
    assert len(model.asked) == 6
    assert task.seen == {name: [[-1, -2], [-1]] for name in ("q0", "q1")}
    assert task.n_requests == 15


def test_what_is_left_is_read_as_that_of_other_tasks(tmp_path):
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(tmp_path))
    results = evaluate(ranked(), Lengths(), evaluation_tracker=tracker)
    samples = results.pop("samples")
    assert [row["mean_words"] for row in samples["overton_ranked"]] == [1, 1, 2, 3, 4]
    row = results["results"]["overton_ranked"]
    assert row["mean_words,none"] == 2.2
    assert row["mean_words_n,none"] == row["prompts,none"] == 5
    tracker.save_results_aggregated(results=results, samples=samples)
    found = load_run(tmp_path, RANGES).tasks["overton_ranked"]
    assert list(found.ids) == ["q0", "q1", "q2", "q3", "q4"]
    entry = results["configs"]["overton_ranked"]["metadata"]["overton"]
    assert json.loads(entry["values"]["mean_words"]) == [1, 1, 2, 3, 4]
    assert entry["alarms"] == ["5 seen"]
    assert entry["signature"].startswith(
        "overton_ranked@1|data:made:00000000|frame:query-answer|ways:2|"
    )


def test_under_a_chat_template_the_answer_stands_at_once():
    model = harness_model("llama-3")
    task = ranked()
    task.build_all_requests(apply_chat_template=True, chat_template=model.apply_chat_template)
    assert task.instances[0].args == ("<|user|>\nQuestion 0?<|end|>\n<|assistant|>\n", "A")
    assert [own.idx for own in task.instances[:3]] == [0, 1, 2]
    assert {own.metadata for own in task.instances[:3]} == {("overton_ranked", 0, 1)}


def test_all_ranks_together_ask_what_one_would():
    asked = []
    for rank in range(2):
        task = ranked()
        task.build_all_requests(rank=rank, world_size=2)
        asked += [(own.doc["id"], own.idx) for own in task.instances]
    assert sorted(asked) == [(doc["id"], i) for doc in DOCS for i in range(3)]


def test_a_rank_s_padding_is_not_taken_for_an_answer():
    task = ranked()
    task.build_all_requests(limit=1)
    for i, own in enumerate(task.instances):
        own.resps += [(-float(i), False), (-9.0, False)]
    task.apply_filters()
    task.process_results(DOCS[0], [own.filtered_resps["none"] for own in task.instances])
    assert task.seen["q0"] == [[0, -1], [-2]]


def test_a_second_run_asks_the_cache(tmp_path):
    model = Lengths()
    first = evaluate(ranked(), model, limit=3, use_cache=str(tmp_path / "db"))
    n = len(model.asked)
    second = evaluate(ranked(), model, limit=3, use_cache=str(tmp_path / "db"))
    assert n == len(model.asked) == 9
    assert first["results"] == second["results"]


def test_one_token_answers_of_one_context_cost_one_forward(monkeypatch):
    model = harness_model("gpt-2")
    rows = []
    call = model._model_call
    monkeypatch.setattr(
        model, "_model_call", lambda inps, **k: rows.append(len(inps)) or call(inps)
    )
    task = ranked()
    task.ways = lambda doc: [Asked(doc["prompt"] + " " + way, tuple("ABCD")) for way in ("x", "y")]
    evaluate(task, model, limit=3)
    assert sum(rows) == 3 * 2


def test_a_model_without_log_probabilities_is_refused_before_it_is_asked():
    with pytest.raises(
        SettingsError, match="overton_ranked: expected a model that gives log-prob"
    ) as got:
        evaluate(ranked(), Sampling())
    assert "Sampling (No support for logits.)" in str(got.value)
    assert "\n" not in str(got.value)


def test_api_clients_of_the_harness_are_refused_by_what_they_say():
    from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

    url = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
    with pytest.raises(SettingsError, match="LocalChatCompletion"):
        require_likelihoods(LocalChatCompletion(**url), "t")
    with pytest.raises(SettingsError, match="Tokenizer is required"):
        require_likelihoods(LocalCompletionsAPI(**url, tokenizer_backend=None), "t")


class Odd(Lengths):
    """A model that cannot be asked for nothing."""

    def loglikelihood(self, requests, disable_tqdm=False):
        return [max(requests)]


def test_a_model_that_fails_on_nothing_may_answer_something():
    for model in (None, Odd(), Lengths()):
        require_likelihoods(model, "t")


def test_batches_that_the_model_chooses_survive_being_asked_for_nothing():
    model = harness_model("gpt-2")
    model.batch_size_per_gpu = "auto"
    assert model.loglikelihood([], disable_tqdm=True) == []
