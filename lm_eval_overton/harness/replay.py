"""Score responses that exist already through the same task and the harness's own runner."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

# The harness fills a registry on first use only while it is empty: its own entries come first.
import lm_eval.models  # noqa: F401
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.folders import task_files, tasks_folder
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.base import PromptTask
from lm_eval_overton.harness.chosen import choose, require_reported
from lm_eval_overton.harness.how_many import fitting_n, say_what_there_is
from lm_eval_overton.harness.material import require_reference
from lm_eval_overton.harness.metric_list import as_metric_list, wanted
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.responses import Responses
from lm_eval_overton.runs.whole_file import require_folder, whole_folder
from lm_eval_overton.settings.yaml_text import yaml_value

__all__ = ["ReplayLM", "build", "group_names", "save", "score", "task_class", "task_names"]

# The settings of a run that hold for its responses whoever scores them, unless the user says other.
OF_TEXTS = (
    "reasoning",
    "reasoning_tags",
    "elicit",
    "elicit_k",
    "answers",
    "survey",
    "orders",
    "style",
    "steer",
)
# What leads out of a folder, or is no part of a name.
NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")


@register_model("overton_replay")
class ReplayLM(LM):
    """A model that answers with recorded responses; None is a failed request."""

    def __init__(self, responses: Mapping[str, Sequence[str | None]], **_: Any) -> None:
        super().__init__()
        self.responses = responses

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Any]:
        """Return sample `idx` of each request's document."""
        return [self.responses[request.doc["id"]][request.idx] for request in requests]

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
        """Refuse: recorded text has no likelihood."""
        raise NotImplementedError("recorded responses have no likelihood")

    loglikelihood_rolling = loglikelihood


def group_names() -> list[str]:
    """Return the names of the tasks of the group `overton`, whose prompts are packaged."""
    group = yaml_value((tasks_folder() / "overton" / "overton.yaml").read_text(encoding="utf-8"))
    return sorted(group["task"])


def task_names() -> list[str]:
    """Return the names of all overton tasks, in alphabetical order."""
    return [path.stem for path in task_files()]


def task_class(name: str) -> tuple[type[PromptTask], dict[str, Any]]:
    """Return the class and the configuration of an overton task.

    Raises:
        SettingsError: If there is no such task.
    """
    from lm_eval.tasks._yaml_loader import load_yaml

    files = {path.stem: path for path in task_files()}
    if name not in files:
        raise SettingsError(f"--task: expected one of {', '.join(files)}, got {name!r}")
    config = load_yaml(files[name])
    config.pop("tag", None)
    return config.pop("class"), config


def build(
    found: Responses,
    task: str,
    *,
    prompts: str | None = None,
    stops: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    only: AbstractSet[str] | None = None,
    chosen: Sequence[str] | None = None,
) -> OvertonTask:
    """Return a task that scores recorded responses.

    Args:
        found: The responses.
        task: Name of an overton task.
        prompts: Packaged name or file of the prompts that were answered.
        stops: Stop sequences of the frame they were made with; default: what the file says.
        metadata: As `--metadata` of the harness.
        only: The metrics that the task has; default: all of its kind.
        chosen: Those of them to compute, under the signature of all; default: all.

    Raises:
        OvertonError: If the responses, the prompts or a setting cannot be used.
    """
    cls, config = task_class(task)
    of_texts = {key: found.settings[key] for key in OF_TEXTS if key in found.settings}
    config["metadata"] = {**config["metadata"], **of_texts, **(metadata or {})}
    cls = cls.in_mode(config["metadata"])
    if not issubclass(cls, OvertonTask):
        raise SettingsError(
            f"--task: expected a task that samples responses, got {task}, which asks for "
            "log-probabilities; run it with `lm_eval --tasks`"
        )
    if chosen is not None:
        require_reported(chosen, wanted(config, cls.KIND), task)
    if only is not None:
        metrics = [metric for metric in wanted(config, cls.KIND) if metric.name in only]
        config["metric_list"] = as_metric_list(metrics, config.get("metric_list"))
    asked = _prompts(cls, prompts, config["metadata"])
    recorded = match_prompts(found, asked)
    if asked is not None or not (found.data or {}).get("sha"):
        sha = cls.sha_of(recorded.asked or recorded.prompts)
        recorded = replace(recorded, prompts=replace(recorded.prompts, sha=sha))
    say_what_there_is(found, recorded)
    if config["metadata"].get("n_samples") is None:
        config["metadata"] |= fitting_n(found, recorded, cls.N_SAMPLES)
    if stops is not None:
        recorded = replace(recorded, stops=tuple(stops))
    built: OvertonTask = cls(config=config, recorded=recorded)
    # Who completes a finished run takes the reference that it had, if it had one.
    if only is None:
        require_reference(built.material, [], task)
    if chosen is not None:
        choose(built, chosen)
    return built


def score(
    found: Responses,
    task: str,
    *,
    output: Path | None = None,
    name: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score recorded responses with a task and write what a run of the harness writes.

    Args:
        found: The responses.
        task: Name of an overton task.
        output: Folder for `results_*.json` and `samples_*.jsonl`.
        name: What the results call the model; default: the file's name.
        **options: As for `build`.

    Returns:
        The harness's results dictionary.

    Raises:
        OvertonError: If the responses, the prompts or a setting cannot be used.
    """
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    name = name or found.path.stem
    if output:
        # The harness only logs that it could not write.
        require_folder(output / _in_path(name))
    built = build(found, task, **options)
    assert built.recorded is not None
    tracker = EvaluationTracker(output_path=str(output)) if output else None
    results = simple_evaluate(
        model=ReplayLM(built.recorded.responses),
        tasks=[built],
        task_manager=TaskManager(include_defaults=False),
        log_samples=True,
        evaluation_tracker=tracker,
        random_seed=None,
        numpy_random_seed=None,
        torch_random_seed=None,
    )
    if tracker is not None and output is not None:
        save(tracker, results, name, output)
    return dict(results)


def _prompts(
    cls: type[OvertonTask], prompts: str | None, metadata: Mapping[str, Any]
) -> PromptSet | None:
    """Return the prompts that were answered; None where the responses' file says them."""
    named = prompts or metadata.get(cls.OWN_FILE)
    if not named and cls.OWN_FILE == PromptTask.OWN_FILE:
        return None
    return cls.load(named or cls.PACKAGED_PROMPTS)


def _in_path(name: str) -> str:
    """Return a model's name as that of one folder, which lies below where it is put."""
    plain = NO_NAME.sub("__", name)
    return plain if plain.strip(". ") else f"__{plain}"


def save(tracker: Any, results: dict[str, Any], name: str, output: Path) -> None:
    """Write results and samples as the harness does, both as a whole or not at all.

    Args:
        tracker: The harness's, which the results were evaluated with.
        results: The harness's results dictionary; the samples are taken out of it.
        name: What the results call the model; their folder's name.
        output: The folder of this folder.

    Raises:
        DataError: If they cannot be written.
    """
    tracker.general_config_tracker.model_name = name
    tracker.general_config_tracker.model_name_sanitized = _in_path(name)
    folder = output / _in_path(name)
    samples = results.pop("samples")
    n_rows = {task: len(rows) for task, rows in samples.items()}
    try:
        with whole_folder(output) as partial:
            tracker.output_path = str(partial)
            tracker.save_results_aggregated(results=results, samples=samples)
            for task, rows in samples.items():
                tracker.save_results_samples(task_name=task, samples=rows)
            written = sorted((partial / folder.name).iterdir(), reverse=True)
            _require_all(written, n_rows)
            # Samples come first: results that are there have theirs.
            for path in written:
                path.replace(folder / path.name)
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder with room for the results, got "
            f"{error.strerror or error}; score again with another -o"
        ) from error


def _require_all(written: Sequence[Path], n_rows: Mapping[str, int]) -> None:
    """Look whether the harness wrote what it should: that it could not it only logs."""
    *samples, results = written or [Path()]
    lines = sum(map(_n_lines, samples))
    is_whole = results.is_file() and results.read_bytes().endswith(b"\n}")
    if not is_whole or lines != sum(n_rows.values()):
        raise OSError("files that the harness could not complete")


def _n_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(2**20), b""))
