"""The checkpoints below a folder, as they appear: which are finished, and of which step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.watching.weights import (
    ADAPTER,
    CONFIG,
    STATE,
    is_temporary,
    lacking,
    read_object,
)
from lm_eval_overton.runs.steps import step_in

__all__ = ["Checkpoint", "Checkpoints", "Look", "is_checkpoint", "one_checkpoint", "step_of"]

# Nothing is added to a folder that has not changed for so long.
SETTLE_S = 5.0
# No save stands still for so long: what such a folder lacks is not to come by itself.
STUCK_S = 60.0

Snapshot = frozenset[tuple[str, int, int]]


@dataclass(frozen=True)
class Checkpoint:
    """A finished save.

    Attributes:
        name: Its folder's name.
        folder: Where it is.
        step: Of the training; None for one that is no part of it.
        changed: The newest time of its files, in nanoseconds: another save has another one.
    """

    name: str
    folder: Path
    step: int | None
    changed: int = 0


@dataclass(frozen=True)
class Look:
    """What was found at one time.

    Attributes:
        finished: In order of their steps.
        unfinished: Why each of the others cannot be evaluated yet, by name.
        settling: Those of the unfinished that lack nothing but time.
        stuck: Those of the unfinished that have not changed for long.
    """

    finished: tuple[Checkpoint, ...]
    unfinished: dict[str, str]
    settling: frozenset[str]
    stuck: frozenset[str] = frozenset()


def step_of(folder: Path) -> int | None:
    """Return the step of a checkpoint: of its name, or of its trainer_state.json; None if neither
    says it."""
    if (named := step_in(folder.name)) is not None:
        return named
    step = read_object(folder / STATE).get("global_step")
    return step if type(step) is int and step >= 0 else None


def is_checkpoint(folder: Path) -> bool:
    """Return whether a folder holds a model or an adapter, finished or not."""
    return any((folder / name).is_file() for name in (CONFIG, ADAPTER))


def one_checkpoint(folder: Path, name: str | None = None) -> Checkpoint:
    """Return a checkpoint that is no part of the training.

    Raises:
        DataError: If it is no finished save.
    """
    try:
        lacks = lacking(folder)
    except OSError as error:
        lacks = str(error)
    if lacks:
        raise DataError(f"{folder}: expected a finished checkpoint, got one of which {lacks}")
    return Checkpoint(name or folder.resolve().name, folder.resolve(), None)


@dataclass
class Checkpoints:
    """The checkpoints below a folder, which is looked at again and again.

    Attributes:
        folder: Holds a folder for each checkpoint; it may not be there yet.
        settle_s: A folder is finished that has not changed for so many seconds.
    """

    folder: Path
    settle_s: float = SETTLE_S
    _seen: dict[Path, tuple[Snapshot, float]] = field(default_factory=dict)

    def look(self) -> Look:
        """Return what is there now."""
        finished, unfinished, settling, stuck = [], {}, set(), set()
        for folder in self._folders():
            step = step_of(folder)
            if step is None:
                if is_checkpoint(folder):
                    unfinished[folder.name] = f"neither its name nor {STATE} says its step"
                    stuck.add(folder.name)
                continue
            try:
                lacks, found = lacking(folder), _snapshot(folder)
            except OSError as error:
                # Trainer removes old checkpoints while they are looked at.
                unfinished[folder.name] = error.strerror or "it cannot be read"
                continue
            stands_s = self._stands_s(folder, found)
            if lacks or stands_s < self.settle_s:
                unfinished[folder.name] = lacks or "it has changed just now"
                (stuck if stands_s >= STUCK_S else set()).add(folder.name)
                settling |= set() if lacks else {folder.name}
            else:
                finished.append(Checkpoint(folder.name, folder, step, _newest(found)))
        for name in self._broken_links():
            unfinished[name] = "it is a link to a folder that is not there"
            stuck.add(name)
        finished.sort(key=lambda own: (own.step or 0, own.name))
        return Look(tuple(finished), unfinished, frozenset(settling), frozenset(stuck))

    def _folders(self) -> Iterator[Path]:
        """Yield the folders of checkpoints, each once; `latest` is a link to one of them."""
        if not self.folder.is_dir():
            return
        known = set()
        for path in sorted(self.folder.iterdir(), key=lambda own: (own.is_symlink(), own.name)):
            if path.is_dir() and not is_temporary(path.name) and path.resolve() not in known:
                known.add(path.resolve())
                yield path.parent.resolve() / path.name

    def _broken_links(self) -> list[str]:
        """Return the links that are called as checkpoints and lead nowhere."""
        if not self.folder.is_dir():
            return []
        links = [path for path in self.folder.iterdir() if path.is_symlink() and not path.exists()]
        return sorted(path.name for path in links if step_in(path.name) is not None)

    def _stands_s(self, folder: Path, found: Snapshot) -> float:
        """Return for how many seconds a folder has not changed."""
        now = time.monotonic()
        before, since = self._seen.get(folder, (None, now))
        if found != before:
            since = now
        self._seen[folder] = found, since
        # The clock of another machine may have set the times: then only looking on tells.
        age = time.time() - _newest(found) / 1e9
        return max(age, now - since)


def _snapshot(folder: Path) -> Snapshot:
    files = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return frozenset((str(path), own.st_size, own.st_mtime_ns) for path, own in files)


def _newest(found: Snapshot) -> int:
    return max((time_ns for *_, time_ns in found), default=0)
