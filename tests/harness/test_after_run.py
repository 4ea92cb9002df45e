"""What the harness's command logs and prints once our tasks are done."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from lm_eval.loggers import EvaluationTracker, WandbLogger
from lm_eval.utils import make_table

from lm_eval_overton.harness import after_run
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.metrics.measures import reported_by
from lm_eval_overton.metrics.metric import DIVERSITY
from lm_eval_overton.runs.entry import Part

NAMES = [metric.name for metric in reported_by(DIVERSITY)]


def results():
    """What the harness has of a run of a task of ours, all metrics in it."""
    values = {name: [0.25, 0.75] for name in NAMES}
    part = Part("overton_diversity@1", ids=["a", "b"], values=values, details=[{}, {}])
    row = {"name": "overton_diversity", "alias": "overton_diversity", "sample_len": 2}
    row |= {"prompts,none": 2, "prompts_stderr,none": "N/A"}
    for name in NAMES:
        row |= {f"{name},none": 0.5, f"{name}_stderr,none": 0.25}
        row |= {f"{name}_stderr_stderr,none": "N/A"}
        row |= {f"{name}_n,none": 2, f"{name}_n_stderr,none": "N/A"}
    return {
        "results": {"overton_diversity": row},
        "configs": {"overton_diversity": {"metadata": {"overton": part.written()}}},
        "versions": {"overton_diversity": 1},
        "n-shot": {},
    }


class Wandb(ModuleType):
    """As much of wandb as the harness's logger asks for."""

    __version__ = "0.20"

    def __init__(self):
        super().__init__("wandb")
        self.logged, self.summary, self.tables = {}, {}, []
        self.run = SimpleNamespace(
            log=lambda values, step=None: self.logged.update(values),
            summary=self.summary,
            config=SimpleNamespace(update=lambda *_, **__: None),
            log_artifact=lambda _: None,
        )

    def Table(self, columns):  # noqa: N802
        self.tables.append(rows := [])
        return SimpleNamespace(add_data=lambda *row: rows.append(row))


@pytest.fixture
def wandb(monkeypatch):
    found = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", found)
    monkeypatch.setattr("lm_eval.loggers.wandb_logger.get_wandb_printer", lambda: None)
    monkeypatch.setattr(WandbLogger, "_log_results_as_artifact", lambda _: None)
    return found


def logged(wandb, follows):
    """The keys that a run of a task has in W&B."""
    logger = WandbLogger({})
    if follows:
        after_run.follow(Evaluation(loggers=(logger,), is_command=True))
    logger.post_init(results())
    logger.log_eval_result()
    keys = [*wandb.logged, *wandb.summary]
    return [key for key in keys if key.startswith("overton_diversity/")]


def test_services_that_follow_runs_are_given_a_headline(wandb):
    assert len(logged(wandb, follows=False)) > 200
    wandb.logged.clear()
    wandb.summary.clear()
    keys = logged(wandb, follows=True)
    assert 0 < len(keys) <= 12
    assert "overton_diversity/semantic_diversity_stderr" in keys
    assert not any("_stderr_stderr" in key or key.endswith("_n") for key in keys)
    assert len(wandb.tables[-1]) == 6


@pytest.fixture
def at_the_end(monkeypatch):
    """What is left for the end of the program."""
    found = []
    monkeypatch.setattr(after_run.atexit, "register", lambda *call: found.append(call))
    return found


def saved(tracker, own):
    after_run.follow(Evaluation(tracker=tracker, is_command=True))
    tracker.save_results_aggregated(results=own, samples=None)


def test_the_file_holds_all_and_the_table_what_reads(tmp_path, at_the_end, capsys):
    tracker = EvaluationTracker(output_path=str(tmp_path))
    tracker.general_config_tracker.model_name_sanitized = "model"
    own = results()
    saved(tracker, own)
    [path] = (tmp_path / "model").glob("results_*.json")
    assert json.loads(path.read_text())["results"] == results()["results"]
    rows = [line for line in make_table(own).splitlines()[2:] if line]
    assert len(rows) == len(NAMES) + 1
    [(end, *given)] = at_the_end
    end(*given)
    said = capsys.readouterr().out
    assert f"results: {path}" in said
    assert f"next: overton report {tmp_path / 'model'}" in said


def test_without_a_place_for_results_the_block_says_so(at_the_end, capsys):
    saved(EvaluationTracker(), results())
    [(end, *given)] = at_the_end
    end(*given)
    assert "results: not written" in capsys.readouterr().out


def test_a_run_without_our_scores_ends_as_it_would(at_the_end):
    own = {"results": {"overton_diversity": {"bypass,none": 1}}, "configs": {}}
    saved(EvaluationTracker(), own)
    assert not at_the_end
    assert own["results"] == {"overton_diversity": {"bypass,none": 1}}


def test_programs_of_users_get_what_the_harness_gives_them(at_the_end):
    tracker = EvaluationTracker()
    before = tracker.save_results_aggregated
    after_run.follow(Evaluation(tracker=tracker))
    assert tracker.save_results_aggregated == before
    # A harness of another version may have none of them.
    after_run.follow(Evaluation(loggers=(object(),), is_command=True))
