"""The evaluations of checkpoints: what is done, what is not, and the harness that does it."""

from __future__ import annotations

import ctypes
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
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
        record = {
            "name": checkpoint.name,
            "step": checkpoint.step,
            "folder": str(checkpoint.folder),
            "options": self.options.identity,
        }
        write_whole(place / RECORD, f"{json.dumps(record, indent=1)}\n".encode())
        for task in self.missing(checkpoint):
            self._run(checkpoint, place, task, beat, every)

    def _run(
        self, checkpoint: Checkpoint, place: Path, task: str, beat: Callable[[], None], every: float
    ) -> None:
        log = place / f"{_as_name(task)}.log"
        with whole_folder(place) as partial:
            command = self.options.command(checkpoint, place.name, task, partial)
            code = _call(command, log, beat, every)
            if code or not results_files(partial):
                what = f"exit code {code}" if code else "no results"
                raise ScoringError(
                    f"{checkpoint.name}: expected results of {task}, got {what} of the harness"
                    f"{_why(log)}; all that it said is in {log}"
                )
            partial.replace(place / _as_name(task))

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
        place = self._place(checkpoint)
        if place not in self._runs:
            self._runs[place] = load_run(place, checkpoint.name)
        return self._runs[place]

    def all_done(self) -> list[Evaluated]:
        """Return the evaluated checkpoints of the training in order of steps, those that are gone
        too.

        Of two saves of one name the one that was evaluated last counts.

        Raises:
            DataError: If the results of one cannot be used.
        """
        found: dict[str, Checkpoint] = {}
        for path in sorted(self.folder.glob(f"*/*/{RECORD}"), key=lambda own: own.stat().st_mtime):
            if one := self._recorded(path):
                found[one.name] = one
        in_order = sorted(found.values(), key=lambda own: (own.step, own.name))
        return [Evaluated(own, self.run_of(own)) for own in in_order]

    def _recorded(self, path: Path) -> Checkpoint | None:
        """Return a checkpoint of the training that a record is of, if all is done."""
        record, place = read_object(path), path.parent
        done = all((place / _as_name(task)).is_dir() for task in self.options.tasks)
        is_of_training = type(record.get("step")) is int
        if not (done and is_of_training) or record.get("options") != _as_json(
            self.options.identity
        ):
            return None
        checkpoint = Checkpoint(record["name"], Path(record["folder"]), record["step"])
        self._keys[checkpoint] = place.name
        return checkpoint


def _as_name(task: str) -> str:
    """Return what a task's folder is called; patterns and files are tasks too."""
    plain = _NO_NAME.sub("_", task).strip(".")
    return plain if plain == task else f"{plain}-{short_hash(task)}"


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _call(command: list[str], log: Path, beat: Callable[[], None], every: float) -> int:
    """Run a command to its end, and end it if this process is ended."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
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


def _end_with_parent() -> None:
    # Who kills a watcher does not want its evaluation to go on beside that of the next one.
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _why(log: Path) -> str:
    """Return the last line of a log in which a program says why it failed."""
    text = log.read_bytes()[-TAIL:].decode("utf-8", "replace")
    found = _WHY.findall(text)
    return f" ({in_a_line(found[-1])[:300]})" if found else ""
