"""The evaluations of checkpoints: what is done, what is not, and the harness that does it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.errors import ScoringError
from lm_eval_overton.harness.watching.checkpoints import Checkpoint
from lm_eval_overton.harness.watching.options import Options
from lm_eval_overton.harness.watching.weights import fingerprint, read_object
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.places import results_files
from lm_eval_overton.runs.whole_file import whole_folder, write_whole
from lm_eval_overton.settings.shown import in_a_line
from lm_eval_overton.settings.signature import short_hash

__all__ = ["Evaluated", "Evaluations"]

RECORD = "checkpoint.json"
_NO_NAME = re.compile(r"[^\w.+-]")
# Of a log, where a program says why it failed.
TAIL = 20_000
_WHY = re.compile(r"(?m)^(?:\w+(?:\.\w+)*(?:Error|Exception)\b|error:).*$")


@dataclass(frozen=True)
class Evaluated:
    """A checkpoint with its results."""

    checkpoint: Checkpoint
    run: FinishedRun


class Evaluations:
    """The evaluations in a folder, of one set of options.

    A task of a checkpoint is done when its folder has its name, which it gets at the end:
    DIR/CHECKPOINT/KEY/TASK, where KEY stands for the save and the settings.

    Args:
        folder: Where they are.
        options: How checkpoints are evaluated.
    """

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self._keys: dict[Checkpoint, str] = {}
        self._runs: dict[Path, FinishedRun] = {}

    def missing(self, checkpoint: Checkpoint) -> list[str]:
        """Return the tasks of a checkpoint that are not done.

        Raises:
            OSError: If the checkpoint cannot be read.
        """
        place = self._place(checkpoint)
        return [task for task in self.options.tasks if not (place / _as_name(task)).is_dir()]

    def evaluate(self, checkpoint: Checkpoint, beat: Callable[[], None], every: float) -> None:
        """Do what is missing of a checkpoint.

        Args:
            checkpoint: A finished save.
            beat: Called while the harness is at work.
            every: After so many seconds each.

        Raises:
            ScoringError: If the harness fails, or writes no results.
            OvertonError: If the checkpoint cannot be evaluated.
            OSError: If a file cannot be read or written.
        """
        place = self._place(checkpoint)
        self._record(checkpoint, place)
        for task in self.missing(checkpoint):
            self._run(checkpoint, place, task, beat, every)

    def note(self, checkpoint: Checkpoint) -> None:
        """Remember that a checkpoint was there: it may be gone before its turn comes.

        Raises:
            OSError: If the checkpoint cannot be read.
            DataError: If nothing can be written.
        """
        place = self._place(checkpoint)
        if not (place / RECORD).is_file():
            self._record(checkpoint, place)

    def _record(self, checkpoint: Checkpoint, place: Path) -> None:
        record = {
            "name": checkpoint.name,
            "step": checkpoint.step,
            "folder": str(checkpoint.folder),
            "options": self.options.identity,
        }
        write_whole(place / RECORD, f"{json.dumps(record, indent=1)}\n".encode())

    def _run(
        self, checkpoint: Checkpoint, place: Path, task: str, beat: Callable[[], None], every: float
    ) -> None:
        log = place / f"{_as_name(task)}.log"
        with whole_folder(place) as unfinished:
            command = self.options.command(checkpoint, place.name, task, unfinished)
            code = _call(command, log, beat, every)
            if code or not results_files(unfinished):
                what = f"exit code {code}" if code else "no results"
                # What cannot be loaded may be either, and a loader does not always name it.
                base = self.options.adapted(checkpoint.folder)
                of = f" for an adapter of {base}" if base else ""
                raise ScoringError(
                    f"{checkpoint.name}: expected results of {task}, got {what} of the harness"
                    f"{of}{_why(log)}; all that it said is in {log}"
                )
            unfinished.replace(place / _as_name(task))

    def _place(self, checkpoint: Checkpoint) -> Path:
        if checkpoint not in self._keys:
            known = [self.options.identity, fingerprint(checkpoint.folder)]
            self._keys[checkpoint] = short_hash(known)
        return self.folder / checkpoint.name / self._keys[checkpoint]

    def run_of(self, checkpoint: Checkpoint) -> FinishedRun:
        """Return the results of a checkpoint of which nothing is missing.

        Raises:
            DataError: If they cannot be used.
        """
        return self._loaded(self._place(checkpoint), checkpoint.name)

    def _loaded(self, place: Path, name: str) -> FinishedRun:
        if place not in self._runs:
            self._runs[place] = load_run(place, name)
        return self._runs[place]

    def all_done(self) -> list[Evaluated]:
        """Return the evaluated checkpoints of the training in order of steps, those that are gone
        too.

        Of two saves of one name the one that was evaluated last counts.

        Raises:
            DataError: If the results of one cannot be used.
        """
        tasks = [_as_name(task) for task in self.options.tasks]
        found = {
            own.name: (own, place)
            for own, place in self._recorded()
            if all((place / task).is_dir() for task in tasks)
        }
        in_order = sorted(found.values(), key=lambda pair: (pair[0].step, pair[0].name))
        return [Evaluated(own, self._loaded(place, own.name)) for own, place in in_order]

    def noted(self) -> set[str]:
        """Return the names of all checkpoints of the training that ever were finished."""
        return {own.name for own, _ in self._recorded()}

    def _recorded(self) -> Iterator[tuple[Checkpoint, Path]]:
        """Yield what was noted of the training and where, the last one last."""
        for path in sorted(self.folder.glob(f"*/*/{RECORD}"), key=lambda own: own.stat().st_mtime):
            record = read_object(path)
            is_ours = record.get("options") == _as_json(self.options.identity)
            if is_ours and type(record.get("step")) is int:
                own = Checkpoint(record["name"], Path(record["folder"]), record["step"])
                yield own, path.parent


def _as_name(task: str) -> str:
    """Return what a task's folder is called; patterns and files are tasks too."""
    plain = _NO_NAME.sub("_", task).strip(".")
    return plain if plain == task else f"{plain}-{short_hash(task)}"


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _call(command: list[str], log: Path, beat: Callable[[], None], every: float) -> int:
    """Run a command to its end, and end it if this process is ended."""
    parent = os.getpid()
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(_end_with, parent) if sys.platform == "linux" else None,
        )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(every)
                beat()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _end_with(parent: int) -> None:
    # Who kills a watcher does not want its evaluation to go on beside that of the next one.
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    # The signal does not come if the watcher is gone already.
    if os.getppid() != parent:
        os._exit(1)


def _why(log: Path) -> str:
    """Return the last line of a log in which a program says why it failed."""
    text = log.read_bytes()[-TAIL:].decode("utf-8", "replace")
    found = _WHY.findall(text)
    return f" ({in_a_line(found[-1])[:300]})" if found else ""
