"""Which runs may be compared, and what to know of those that are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lm_eval_overton.comparison.aligned import Both, complete
from lm_eval_overton.comparison.references import against_itself, rests_on_reference
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import FRAME, METRICS, differing, redefined

__all__ = ["Notes"]

# An aligned model is asked in another frame than a base model; that is what is compared.
NOTED = (*FRAME, "reference", METRICS)
# What more brings out of a model is compared with its first answers; a reply of several has more
# room.
ELICITED = ("elicit", "max")
PARSED = "parsed"
# In the names of what, of all that is measured on a reference, the samples do not decide.
OF_REFERENCE = ("_held_out", "_echo")


class Notes:
    """What to know of a pair, and the refusal of what cannot be compared."""

    def __init__(self, base: FinishedRun, run: FinishedRun, force: bool) -> None:
        self.pair = (base, run)
        self.base, self.run, self.force = base.name, run.name, force
        self._tasks: dict[str, list[str]] = {}

    def add_alarms(self) -> None:
        """Note what the runs warned of."""
        for one in self.pair:
            for task, own in one.tasks.items():
                for alarm in own.alarms:
                    self.add(f"alarm in {one.name}: {alarm}", task)

    def add(self, text: str, task: str = "") -> None:
        """Note a text, once for all the tasks that it is about."""
        self._tasks.setdefault(text, []).append(task)

    def lines(self) -> tuple[str, ...]:
        """Return the notes, each after the tasks that it is about."""
        named = {text: ", ".join(filter(None, tasks)) for text, tasks in self._tasks.items()}
        return tuple(f"{tasks}: {text}" if tasks else text for text, tasks in named.items())

    def checked(self, both: Both) -> Both:
        """Return a task without the metrics that cannot be compared.

        Raises:
            SettingsError: If settings differ and nothing was forced.
        """
        own = self._tested(self._settings(both))
        self._judges(own)
        self._verdicts(own)
        self._prompts(own)
        return own

    def _settings(self, both: Both) -> Both:
        """Note or refuse differing settings."""
        task, found = both.base.task, differing(both.base.signature, both.run.signature)
        noted = (*NOTED, *ELICITED) if ELICITED[0] in found else NOTED
        refused = {key: two for key, two in found.items() if key not in noted}
        if refused and not self.force:
            raise SettingsError(
                f"{task}: expected the same settings in {self.base} and {self.run}, got "
                f"{'; '.join(self._shown(*item) for item in refused.items())}; run both alike, "
                "or compare them with --force"
            )
        for item in found.items():
            if item[0] not in ("reference", METRICS):
                self.add(self._shown(*item), task)
        both = self._versions(both)
        return self._references(both, found["reference"]) if "reference" in found else both

    def _versions(self, both: Both) -> Both:
        """Return a task without the metrics that the runs define differently."""
        task, other = both.base.task, redefined(both.base.signature, both.run.signature)
        left = [metric for metric in both.metrics if metric in other]
        if left:
            self.add(f"{', '.join(left)} of different versions: left out; score both anew", task)
        return replace(both, metrics=tuple(m for m in both.metrics if m not in other))

    def _references(self, both: Both, two: tuple[str, str]) -> Both:
        """Return a task without what is measured against different references."""
        task = both.base.task
        kept = tuple(name for name in both.metrics if not rests_on_reference(name))
        if len(kept) < len(both.metrics):
            shown = self._shown("reference", two)
            self.add(f"{shown}: what is measured against it is left out", task)
        return replace(both, metrics=kept)

    def _tested(self, both: Both) -> Both:
        """Return a task without what needs no test: it holds by construction, or is of the
        reference or the prompts alone."""
        for name, own in zip((self.base, self.run), (both.base, both.run), strict=True):
            decided = against_itself(own)
            known = [metric for metric in both.metrics if metric in decided]
            if known:
                text = f"{name} is its own reference, which decides {', '.join(known)}: left out"
                self.add(text, own.task)
                both = replace(both, metrics=tuple(m for m in both.metrics if m not in known))
        kept = tuple(metric for metric in both.metrics if not _is_of_reference(both, metric))
        return replace(both, metrics=kept)

    def _judges(self, both: Both) -> None:
        base, run = both.base.judge, both.run.judge
        if (base is None) != (run is None):
            lacks = self.pair[0] if base is None else self.pair[1]
            self.add(f"only one run was judged: {complete(lacks)}", both.base.task)
        if base is None or run is None or base.signature == run.signature:
            return
        text = f"judges differ: {self.base} has {base.signature}, {self.run} has {run.signature}"
        if (both.base.judged | both.run.judged).intersection(both.metrics) and not self.force:
            raise SettingsError(
                f"{both.base.task}: {text}; judge both alike, or compare them with --force"
            )
        self.add(text, both.base.task)

    def _verdicts(self, both: Both) -> None:
        """Note the verdicts that entered no mean, with their statuses."""
        for name, own in zip((self.base, self.run), (both.base, both.run), strict=True):
            for text in _lost_verdicts(own):
                self.add(f"verdicts in {name} that enter no mean: {text}", own.task)

    def _prompts(self, both: Both) -> None:
        shared, most = len(both.base_at), max(len(both.base.ids), len(both.run.ids))
        if shared < most:
            self.add(
                f"{shared} prompts are in both runs: {self.base} has {len(both.base.ids)}, "
                f"{self.run} has {len(both.run.ids)}",
                both.base.task,
            )

    def _shown(self, field: str, two: tuple[str, str]) -> str:
        return f"{field} differs ({self.base}: {two[0]}, {self.run}: {two[1]})"


def _is_of_reference(both: Both, metric: str) -> bool:
    named = rests_on_reference(metric) and any(part in metric for part in OF_REFERENCE)
    return named and np.array_equal(*both.aligned(metric), equal_nan=True)


def _lost_verdicts(own: TaskResult) -> list[str]:
    """Return a line for each judgement of which not all verdicts were parsed."""
    counts = own.judge.counts if own.judge else {}
    return [
        f"{name} {', '.join(f'{n} {status}' for status, n in lost.items())} of {sum(of.values())}"
        for name, of in counts.items()
        if (lost := {status: n for status, n in of.items() if n and status != PARSED})
    ]
