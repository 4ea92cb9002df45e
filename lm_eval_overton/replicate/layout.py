"""The released files of arXiv:2406.17692, in either of the two layouts that they come in.

*original* is the paper's own repository: a folder per dataset (under `data/` or not) whose
answers lie in `outputs/MODEL/samples.jsonl`. A line of it holds `outputs`, a list of objects with
`generated_text` (a completion), `message` (a chat answer) or `error` (a request that failed); a
chat request that failed as a whole is `{"ok": false}`.

*reshaped* has the same data in `outputs/MODEL.jsonl`, a line being
`{"ok": ..., "responses": [...]}` with null for a request that failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from lm_eval_overton.data import load_prompts, read_jsonl
from lm_eval_overton.errors import DataError

__all__ = ["DATASETS", "REFERENCE", "Released", "Responses", "open_released"]

DATASETS = ("LIMA-OE", "ConflictingQA")
# Whose sample 0 the pairwise judgements and the hints were made from.
REFERENCE = "llama-2-chat"
PAIR = f"ref_{REFERENCE}--alt_"

Responses = list[list[str | None]]
Line = Mapping[str, Any]


def _original_line(row: Line, where: str) -> list[str | None]:
    if row.get("ok") is False:
        return [None]
    outputs = row.get("outputs")
    if not isinstance(outputs, list):
        raise DataError(
            f'{where}: expected "outputs" to be a list, got {_keys_of(row)}; '
            "fetch the file again from the paper's repository"
        )
    return [_original_output(output, where) for output in outputs]


def _original_output(output: Any, where: str) -> str | None:
    if isinstance(output, dict):
        if "error" in output:
            return None
        message = output.get("message", {})
        holder = message if "message" in output else output
        key = "content" if "message" in output else "generated_text"
        if isinstance(holder, dict) and key in holder:
            text = holder[key]
            if text is None or isinstance(text, str):
                return text
    raise DataError(
        f'{where}: expected an output with "generated_text", "message" or "error", got '
        f"{_keys_of(output)}; fetch the file again from the paper's repository"
    )


def _reshaped_line(row: Line, where: str) -> list[str | None]:
    responses = row.get("responses")
    if row.get("ok") is False and not responses:
        return [None]
    if not isinstance(responses, list) or not all(
        text is None or isinstance(text, str) for text in responses
    ):
        raise DataError(
            f'{where}: expected "responses" to be a list of strings and nulls, got '
            f"{_keys_of(row)}; reshape the released file again"
        )
    return responses


def _keys_of(row: Any) -> str:
    if not isinstance(row, dict):
        return type(row).__name__
    return f"the keys {', '.join(sorted(map(str, row))) or 'none'}"


@dataclass(frozen=True)
class Layout:
    """Where a layout keeps a dataset's files, and how it writes a line of answers."""

    name: str
    prompts: str
    samples: str
    bertscores: str
    read_line: Callable[[Line, str], list[str | None]]


LAYOUTS = (
    Layout("reshaped", "prompts.jsonl", "{}.jsonl", "bertscore", _reshaped_line),
    Layout(
        "original", "instances/data.jsonl", "{}/samples.jsonl", "bertscore/outputs", _original_line
    ),
)


@dataclass(frozen=True)
class Released:
    """The released files under a folder: what there is, and its contents.

    Every list of answers is as long as the list of prompts and in its order.
    """

    root: Path
    layout: Layout

    def datasets(self) -> list[str]:
        """Return the datasets whose prompts are there, among `DATASETS`."""
        return [name for name in DATASETS if (self.root / name / self.layout.prompts).is_file()]

    def prompts(self, dataset: str) -> list[str]:
        """Return the prompts of a dataset."""
        path = self.root / dataset / self.layout.prompts
        return [doc["prompt"] for doc in load_prompts(str(path)).docs]

    def models(self, dataset: str) -> list[str]:
        """Return the models whose sampled answers are there, by name."""
        return self._names(self.root / dataset / "outputs")

    def absent(self, dataset: str) -> list[str]:
        """Return the models that have a folder without answers, by name."""
        folders = {p.name for p in (self.root / dataset / "outputs").glob("*") if p.is_dir()}
        return sorted(folders.difference(self.models(dataset)))

    def responses(self, dataset: str, model: str) -> Responses:
        """Return a model's sampled answers, one list per prompt; None for a failed request.

        Raises:
            DataError: With file and line, if a line cannot be understood; with the file, if it
                does not hold a line per prompt.
        """
        path = self._path(self.root / dataset / "outputs", model)
        return self._per_prompt(dataset, self._read(path), path, once=True)

    def judged(self, dataset: str, judgement: str) -> list[str]:
        """Return the models whose answers were judged, by name.

        Args:
            dataset: One of `datasets()`.
            judgement: "eval-quality", "eval-stance", "eval-missing" or "extract-topics".
        """
        names = self._names(self.root / dataset / judgement / "outputs")
        return sorted(name.removeprefix(PAIR) for name in names)

    def replies(self, dataset: str, judgement: str, model: str) -> Responses:
        """Return the judge's replies on a model's answers: one list per prompt.

        Its item j is the reply on sample j; None where the request failed.

        Raises:
            DataError: As `responses`; the lines may also be a whole multiple of the prompts.
        """
        folder = self.root / dataset / judgement / "outputs"
        name = model if model in self._names(folder) else f"{PAIR}{model}"
        path = self._path(folder, name)
        flat = [[(line or [None])[0]] for line in self._read(path)]
        return self._per_prompt(dataset, flat, path, once=False)

    def bertscore_pairs(self, dataset: str) -> list[tuple[str, str]]:
        """Return the pairs of reference and model that have BERTScores, by name."""
        names = [p.stem for p in (self.root / dataset / self.layout.bertscores).glob("*--*.json")]
        pairs = (name.partition("--") for name in sorted(names))
        return [(reference, model) for reference, _, model in pairs]

    def bertscores(self, dataset: str, reference: str, model: str) -> Mapping[str, Any]:
        """Return the released BERTScores of a pair.

        Returns:
            Lists of equal length: "instance_ids", "ref_sample_ids", "alt_sample_ids" (indices),
            "precision", "recall" and "f1" (about 0..1).

        Raises:
            DataError: With the file, if it is not of this form.
        """
        path = self.root / dataset / self.layout.bertscores / f"{reference}--{model}.json"
        return _bertscores(path)

    def _names(self, folder: Path) -> list[str]:
        head, _, tail = self.layout.samples.partition("{}")
        assert not head
        return sorted(str(p.relative_to(folder))[: -len(tail)] for p in folder.glob(f"*{tail}"))

    def _path(self, folder: Path, name: str) -> Path:
        return folder / self.layout.samples.format(name)

    def _read(self, path: Path) -> Responses:
        return [self.layout.read_line(row, f"{path}:{line}") for line, row in read_jsonl(path)]

    def _per_prompt(self, dataset: str, rows: Responses, path: Path, once: bool) -> Responses:
        n = len(self.prompts(dataset))
        if len(rows) % n or (once and len(rows) != n):
            raise DataError(
                f"{path}: expected a line for each of the {n} prompts, got {len(rows)} lines; "
                "fetch the file again"
            )
        each = len(rows) // n
        return [list(chain(*rows[i * each : (i + 1) * each])) for i in range(n)]


def open_released(folder: Path) -> Released:
    """Return the released files of a folder, whichever layout they are in.

    Args:
        folder: The root of a clone of the paper's repository, its `data` folder, or a folder in
            the reshaped layout.

    Raises:
        DataError: If it holds the prompts of no dataset in either layout.
    """
    for root in (folder, folder / "data"):
        for layout in LAYOUTS:
            found = Released(root, layout)
            if found.datasets():
                return found
    looked = " or ".join(f"{DATASETS[0]}/{layout.prompts}" for layout in LAYOUTS)
    what = "none" if folder.is_dir() else "no folder"
    raise DataError(
        f"{folder}: expected the paper's released data ({looked}, or of {DATASETS[1]}), got "
        f"{what}; clone github.com/thomlake/investigating-alignment and name its folder"
    )


def _bertscores(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lists = {key: content[key] for key in ("instance_ids", "ref_sample_ids", "alt_sample_ids")}
        lists |= {key: content["results"][key] for key in ("precision", "recall", "f1")}
        whole = len({len(values) for values in lists.values()}) == 1
        numbers = all(isinstance(x, int | float) for values in lists.values() for x in values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected released BERTScores, got {type(error).__name__}: {error}; "
            "fetch the file again"
        ) from error
    if not (whole and numbers):
        raise DataError(
            f"{path}: expected lists of numbers of equal length, got others; fetch the file again"
        )
    return lists
