"""Where the files of a run lie, and which of several counts: the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lm_eval_overton.data.json_text import json_value
from lm_eval_overton.errors import DataError, NoAnswersError, SettingsError
from lm_eval_overton.runs.entry import generations_of
from lm_eval_overton.runs.folder import GENERATIONS
from lm_eval_overton.runs.responses import DEFAULT_TASK

__all__ = [
    "age",
    "find_responses",
    "newest",
    "parse_group",
    "parse_run",
    "results_files",
    "samples_beside",
    "visible",
]

# How `lm_eval -o DIR` and `overton judge` begin the names of what they write.
RESULTS, JUDGED = "results_", "judged_overton_"
# How the harness ends the name of any results file: `lm_eval -o DIR/NAME.json` writes
# DIR/NAME_TIME.json.
STAMPED = re.compile(r"_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(\.\d+)?\.json$")
# What a name that is a pattern holds.
MAGIC = frozenset("*?[")


def parse_run(text: str) -> tuple[Path, str | None]:
    """Return place and name of a run from `NAME=PLACE` or a place; the name is None without one.

    A path that exists is a path, also if it holds the sign.

    Raises:
        SettingsError: If nothing stands on one side of the sign.
    """
    name, separator, place = text.partition("=")
    if not separator or _is_there(text):
        return Path(text), None
    if not name or not place:
        raise SettingsError(f"expected a run as NAME=PLACE or a place, got {text!r}")
    return Path(place), name


def parse_group(text: str) -> list[Path]:
    """Return the places of the seeds in `NAME=PLACE1,PLACE2` or `NAME=PATTERN*`; none for one run.

    A path that exists is a path, also if it holds a comma or a star.

    Raises:
        SettingsError: If the name is missing, a pattern fits nothing, a place is empty or named
            twice.
    """
    name, separator, places = text.partition("=")
    if _is_there(text) or (separator and _is_there(places)):
        return []
    if not _are_several(places if separator else text):
        return []
    if not name or not separator:
        raise SettingsError(
            f"expected a place, or seeds as NAME=PLACE1,PLACE2 or NAME=PATTERN*, got {text!r}"
        )
    found = [path for part in places.split(",") for path in _fitting(part, text)]
    again = [path for i, path in enumerate(found) if path.resolve() in map(Path.resolve, found[:i])]
    if again:
        raise SettingsError(f"{text}: expected every seed once, got {again[0]} more than once")
    return found


def _are_several(places: str) -> bool:
    return "," in places or bool(MAGIC.intersection(places))


def _fitting(part: str, text: str) -> list[Path]:
    """Return the places that a part of a group stands for."""
    if not part:
        raise SettingsError(f"{text}: expected NAME=PLACE1,PLACE2, got an empty place")
    if _is_there(part) or not MAGIC.intersection(part):
        return [Path(part)]
    anchor = Path(part).anchor
    try:
        every = sorted(Path(anchor).glob(str(Path(part).relative_to(anchor))))
    except ValueError:
        # Two stars that are not all of a folder's name.
        every = []
    # What systems and notebooks hide is no seed, as in a shell.
    found = [path for path in every if _is_hidden(part) or not _is_hidden(path)]
    if not found:
        raise SettingsError(f"{text}: expected places that fit {part!r}, got none")
    return found


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:
        # The places of many seeds are longer than any path may be.
        return False


def _is_hidden(path: str | Path) -> bool:
    return Path(path).name.startswith(".")


def visible(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of a pattern at any depth, but for hidden ones and those in hidden folders.

    Notebooks and systems keep copies there, which are no runs of their own.
    """
    for path in folder.rglob(pattern):
        below = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in below) and path.is_file():
            yield path


def results_files(folder: Path) -> list[Path]:
    """Return the files at any depth that are named as the harness names results, newest first."""
    named = filter(_is_named_as_results, visible(folder, "*.json"))
    return sorted(named, key=age, reverse=True)


def _is_named_as_results(path: Path) -> bool:
    name = path.name
    return name.startswith(RESULTS) or bool(STAMPED.search(name) and not name.startswith(JUDGED))


def age(path: Path) -> tuple[str, int]:
    """Return what sorts files by age: the time in the name survives a copy, that of the file
    does not."""
    return _stamp(path), path.stat().st_mtime_ns


def newest(paths: Iterable[Path]) -> Path | None:
    """Return the newest file; None for none."""
    return max(paths, key=age, default=None)


def _stamp(path: Path) -> str:
    # All generations files have one name; the folder that a run made for its own has the time.
    if path.name != GENERATIONS:
        return path.stem.rpartition("_")[2]
    folder = path.parent.name
    return folder if folder[:1].isdecimal() else ""


def samples_beside(results: Path, task: str) -> Path:
    """Return where the harness writes a task's samples, if it does, beside a results file."""
    return results.with_name(f"samples_{task}_{_stamp(results)}.jsonl")


def find_responses(place: Path, task: str) -> Path:
    """Return the responses file of a place.

    Args:
        place: A responses file, a harness output folder or a folder of our own runs.
        task: Whose samples to take from a folder; those of `overton_diversity` if it has none.

    Raises:
        NoAnswersError: If there are but those of other tasks.
        DataError: If there is none.
    """
    # What is no folder is named by its reader if it is no file either.
    if place.exists() and not place.is_dir():
        return place
    if not place.is_dir():
        raise DataError(f"{place}: expected a responses file or a run's folder, got nothing there")
    for name in dict.fromkeys((task, DEFAULT_TASK)):
        # A date begins with a digit; without it, one task's name may begin another's.
        samples = newest(visible(place, f"samples_{name}_[0-9]*.jsonl"))
        if samples:
            return samples
        for results in results_files(place):
            named = _generations_named_in(results, name)
            if named is not None and named.exists():
                return named
    generations = newest(visible(place, GENERATIONS))
    if generations:
        return generations
    others = any(visible(place, "samples_overton_*.jsonl"))
    raise (NoAnswersError if others else DataError)(
        f"{place}: expected samples_{task}_*.jsonl, a results file that names its generations, or "
        "generations.jsonl, got none; run the task with --log_samples"
    )


def _generations_named_in(results: Path, task: str) -> Path | None:
    try:
        return generations_of(json_value(results.read_text(encoding="utf-8-sig"))["configs"][task])
    except (ValueError, KeyError, TypeError):
        # A results file of other tasks, or none at all.
        return None
