"""The base of the tasks: what it needs of a subclass, and what it leaves in the results."""

import json
import logging

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager

from lm_eval_overton.harness.base import PromptTask
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.settings.task import read_settings

METRICS = ("lexical_diversity", "mean_words")


class Parrot(LM):
    """A model that answers with words of its own for each sample, and finds all texts likely."""

    def generate_until(self, requests, disable_tqdm=False):
        return [f"Word{request.idx} of mine." for request in requests]

    def loglikelihood(self, requests, disable_tqdm=False):
        return [(-float(len(request.args[1])), True) for request in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        raise NotImplementedError


def evaluate(*tasks, **options):
    return simple_evaluate(
        model=Parrot(),
        tasks=list(tasks),
        task_manager=TaskManager(include_defaults=False),
        limit=2,
        random_seed=None,
        numpy_random_seed=None,
        torch_random_seed=None,
        **options,
    )


def diversity(cls=None):
    known, config = task_class("overton_diversity")
    config["metric_list"] = [{"metric": name} for name in METRICS]
    config["metadata"] |= {"n_samples": 2, "pretrained": "parrot"}
    return (cls or known)(config=config)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path))
    return tmp_path


# ------------------------------------------------------------------------ a task without samples


class Agreement(PromptTask):
    """How likely "Yes" is after each prompt: nothing is sampled, folded or judged."""

    def __init__(self, config):
        settings = read_settings(config["metadata"], config["task"])
        self.kept = []
        super().__init__(config, settings, self.find_prompts(settings, config["task"]))

    def construct_requests(self, doc, ctx, **kwargs):
        return [Instance("loglikelihood", doc, (ctx, "Yes"), 0, kwargs["metadata"])]

    def row(self, doc, results):
        return {"yes": results[0][0], "asked": 1}

    def aggregations(self):
        return {"yes": self._mean, "asked": len}

    def _mean(self, values):
        self.kept = values
        return sum(values) / len(values)

    def finish(self):
        return {"signature": self.signature, "values": self.kept}


def agreement(**metadata):
    return Agreement(
        {
            "task": "agreement",
            "output_type": "loglikelihood",
            "test_split": "test",
            "num_fewshot": 0,
            "process_results": "process_results",
            "metric_list": [{"metric": "yes", "aggregation": "mean", "higher_is_better": True}],
            "metadata": {"version": 3, **metadata},
        }
    )


def test_a_task_that_samples_nothing_is_run_and_signed(cache):
    results = evaluate(agreement())
    assert results["results"]["agreement"]["yes,none"] == -3.0
    entry = results["configs"]["agreement"]["metadata"]["overton"]
    assert entry["values"] == [-3.0, -3.0]
    head, *fields = entry["signature"].split("|")
    assert head == "agreement@3"
    assert [field.partition(":")[0] for field in fields] == ["data", "frame", "lm_eval", "v"]
    assert not list(cache.iterdir())


def test_what_it_asks_and_how_is_in_its_signature(tmp_path):
    plain, told = agreement(), agreement()
    told.build_all_requests(limit=1, system_instruction="Be brief.")
    assert "|system:" in told.signature
    assert told.signature != plain.signature
    own = tmp_path / "own.jsonl"
    own.write_text('{"prompt": "Why?"}\n')
    assert "|data:own:" in agreement(prompts=str(own)).signature


def test_it_takes_predict_only_as_the_others_do():
    results = evaluate(agreement(), predict_only=True)
    assert "overton" not in results["configs"]["agreement"]["metadata"]


# ----------------------------------------------------------------------------- the constructor


@pytest.mark.parametrize(
    "name", ["overton_diversity", "overton_coverage", "overton_icl_summary", "overton_icl_knn"]
)
def test_what_a_subclass_overrides_is_called_on_a_complete_task(name):
    cls, config = task_class(name)
    early = set()

    def watched(name, method):
        def call(self, *args, **kwargs):
            missing = COMPLETE - set(vars(self))
            if missing:
                early.add((name, *sorted(missing)))
            return method(self, *args, **kwargs)

        return call

    ours = cls.__mro__[: cls.__mro__.index(ConfigurableTask)]
    methods = {
        name: method
        for one in reversed(ours)
        for name, method in vars(one).items()
        if callable(method) and not name.startswith("__")
    }
    watching = type("Own", (cls,), {name: watched(name, m) for name, m in methods.items()})
    task = watching(config=config)
    assert {"download", "doc_to_text"} <= set(methods)
    assert set(vars(task)) >= COMPLETE
    assert not early


# What the classes of ours set for all tasks that sample.
COMPLETE = {
    "settings",
    "prompt_set",
    "frame",
    "system",
    "material",
    "recorded",
    "instruments",
    "ratings",
    "stage",
    "folder",
    "world_size",
}


# ------------------------------------------------------------------------- the end of a task


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_configuration_is_dumped_without_side_effects(cache, caplog):
    task = diversity()
    assert "overton" not in task.dump_config()["metadata"]
    results = evaluate(task)
    before = files(cache)
    assert len(before) == 2
    with caplog.at_level(logging.DEBUG):
        caplog.clear()
        first, second = task.dump_config(), task.dump_config()
    assert first == second == results["configs"]["overton_diversity"]
    assert caplog.records == []
    assert files(cache) == before


def test_a_task_is_finished_once_when_all_is_aggregated(cache, caplog):
    task = diversity()
    with caplog.at_level(logging.INFO, logger="lm_eval.overton"):
        results = evaluate(task)
    said = [record.getMessage() for record in caplog.records]
    assert said.count(task.signature) == 1
    [path] = cache.rglob("values_overton_diversity.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    # Each prompt: {word0, mine} and {word1, mine} share one of three words.
    assert [row["lexical_diversity"] for row in rows] == [pytest.approx(2 / 3)] * 2
    entry = results["configs"]["overton_diversity"]["metadata"]["overton"]
    assert set(entry["values"]) == set(rows[0])


def test_the_last_of_a_row_is_the_last_to_be_aggregated(cache):
    task = diversity()
    evaluate(task)
    row = task.process_results(task.prompt_set.docs[0], None)
    assert list(task.aggregation()) == list(row)


def test_a_run_without_scores_leaves_no_entry(cache):
    task = diversity()
    results = evaluate(task, predict_only=True)
    assert "overton" not in results["configs"]["overton_diversity"]["metadata"]
    [path] = files(cache)
    assert path.name == "generations.jsonl"
