"""A training run that is watched: what is there, what is done, what comes next."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval_overton.settings.shown import in_a_line, printable

if TYPE_CHECKING:
    from lm_eval_overton.comparison.trends import Pairing, Trend
    from lm_eval_overton.harness.watching.checkpoints import Checkpoint, Checkpoints, Look
    from lm_eval_overton.harness.watching.evaluation import Evaluations
    from lm_eval_overton.runs.finished import FinishedRun

__all__ = ["Watcher"]

PAGE = "trends.html"
SETTLING_S = 1.0
# A disk or a card may have been full the first time.
TRIES = 2
OVER, FAILED = 1, 2
GONE = "removed before it was evaluated"


@dataclass
class Watcher:
    """What is known of the checkpoints of one training run.

    Attributes:
        args: Of the command.
        checkpoints: What is there.
        evaluations: What is done.
        pairing: Compares what is done.
        beat: Says to other machines that this process is at work.
        base: The zero line, unless it is the first checkpoint or one of them by name.
        base_name: The name of the checkpoint that is the zero line; empty for the first.
        tries: How often the harness failed on a checkpoint.
        seen: The names of what was there unfinished; it may be gone before it is finished.
        said: What was told.
        shown: What the page shows.
    """

    args: argparse.Namespace
    checkpoints: Checkpoints
    evaluations: Evaluations
    pairing: Pairing
    beat: Callable[[], None]
    base: FinishedRun | None = None
    base_name: str = ""
    tries: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    shown: Any = None

    def run(self) -> int:
        """Return the exit code, once there is one."""
        self._find_base()
        code = self._report(self._look())
        while code is None:
            code = self._round()
            if code is None:
                self._wait(SETTLING_S if self.args.once else self.args.every)
        return code

    def _wait(self, seconds: float) -> None:
        from lm_eval_overton.harness.watching.holding import BEAT_S

        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, BEAT_S))

    def _find_base(self) -> None:
        from lm_eval_overton.comparison.loaded import load_run
        from lm_eval_overton.harness.watching.checkpoints import is_checkpoint, one_checkpoint
        from lm_eval_overton.runs.places import parse_run

        if not self.args.base:
            return
        place, name = parse_run(self.args.base)
        inner = self.args.folder / place
        if inner.is_dir():
            place = inner
        if place.resolve().parent == self.args.folder.resolve():
            self.base_name = place.resolve().name
        elif is_checkpoint(place):
            own = one_checkpoint(place, name)
            if self.evaluations.missing(own):
                self._do(own)
            self.base = self.evaluations.run_of(own)
        else:
            self.base = load_run(place, name)

    def _round(self) -> int | None:
        """Evaluate what is there; return the exit code, if there is one now."""
        look = self._look()
        while own := self._next(look):
            if self._evaluate(own):
                code = self._report(look)
                if code is not None:
                    return code
            # Others may have come, or gone, in the meantime.
            look = self._look()
        self._tell_unfinished(look)
        if self.shown and self.shown[1] != self._states(look):
            self._report(look)
        if not self.args.once or look.settling:
            return None
        return self._end(look)

    def _look(self) -> Look:
        """Return what is there, and say what is gone before it was evaluated."""
        look = self.checkpoints.look()
        for own in look.finished:
            with suppress(OSError):
                self.evaluations.note(own)
        self.seen |= look.unfinished.keys()
        for name in self._gone(look):
            self._tell(f"{name}: {GONE}")
        return look

    def _gone(self, look: Look) -> list[str]:
        done = {own.checkpoint.name for own in self.evaluations.all_done()}
        there = {own.name for own in look.finished} | look.unfinished.keys()
        return sorted((self.seen | self.evaluations.noted()) - there - done)

    def _next(self, look: Look) -> Checkpoint | None:
        for own in look.finished:
            try:
                if self.tries[own.name] < TRIES and self.evaluations.missing(own):
                    return own
            except OSError:
                # It was removed since it was looked at.
                continue
        return None

    def _do(self, own: Checkpoint) -> None:
        from lm_eval_overton.harness.watching.holding import BEAT_S

        print(f"{own.name}: evaluating {', '.join(self.evaluations.missing(own))}", flush=True)
        self.evaluations.evaluate(own, self.beat, BEAT_S)

    def _evaluate(self, own: Checkpoint) -> bool:
        """Return whether a checkpoint could be evaluated."""
        from lm_eval_overton.errors import OvertonError

        try:
            self._do(own)
        except (OvertonError, OSError) as error:
            if not own.folder.is_dir():
                # Trainer keeps its newest checkpoints only: the next look says it.
                return False
            self.tries[own.name] += 1
            is_over = self.tries[own.name] >= TRIES
            if is_over and not self.evaluations.all_done():
                # With nothing to show, the options are at fault more likely than a checkpoint.
                raise
            again = "left out" if is_over else "tried once more"
            print(f"error: {in_a_line(error)}; {again}", file=sys.stderr, flush=True)
            return False
        return True

    def _report(self, look: Look) -> int | None:
        """Write the page; return the exit code if a checkpoint lies beyond a bound."""
        from lm_eval_overton.comparison.trends import first_failure
        from lm_eval_overton.reporting.trends import write
        from lm_eval_overton.reporting.trends.page import on_prompts

        trend = self._trend()
        if trend is None:
            return None
        failed = first_failure(trend, self.args.fail_on)
        page, states, last = self.args.output / PAGE, self._states(look), trend.points[-1]
        # Two trends of the same runs are the same.
        shown = ([point.run.place for point in trend.points], states)
        if shown != self.shown:
            write(trend, page, states=states, failed=failed)
            self.shown = shown
        self._tell(f"{len(trend.points)} evaluated, up to step {last.step}: {page}")
        if failed is None:
            return None
        point, failures = failed
        for failure in failures:
            print(printable(str(failure)), file=sys.stderr)
            for line in on_prompts(trend, point, failure):
                print(printable(f"  {line}"), file=sys.stderr)
        return OVER

    def _trend(self) -> Trend | None:
        done = self.evaluations.all_done()
        runs = [(own.checkpoint.step, own.run) for own in done if own.checkpoint.step is not None]
        named = [run for _, run in runs if run.name == self.base_name or not self.base_name]
        base = self.base or next(iter(named), None)
        return self.pairing.trend(base, runs) if base and runs else None

    def _states(self, look: Look) -> list[Any]:
        from lm_eval_overton.reporting.trends import State

        done = {own.checkpoint.name for own in self.evaluations.all_done()}
        said = {own.name: "not evaluated yet" for own in look.finished if own.name not in done}
        said |= dict.fromkeys(self._gone(look), GONE)
        failed = (name for name, n in self.tries.items() if n >= TRIES)
        said |= dict.fromkeys(failed, "the harness failed; see its log")
        said |= {name: f"not finished: {why}" for name, why in look.unfinished.items()}
        return [State(name, why) for name, why in said.items()]

    def _tell_unfinished(self, look: Look) -> None:
        is_over = self.args.once and not look.settling
        for name, why in look.unfinished.items():
            if is_over or name in look.stuck:
                self._tell(f"{name}: {'passed over' if is_over else 'waited for'}, since {why}")

    def _tell(self, line: str) -> None:
        """Say something once."""
        if line not in self.said:
            self.said.add(line)
            print(line, flush=True)

    def _end(self, look: Look) -> int:
        from lm_eval_overton.errors import DataError

        self._report(look)
        if self._trend() is None:
            what = f"--base {self.base_name}" if self.base_name else str(self.args.folder)
            raise DataError(
                f"{what}: expected finished checkpoints in folders such as checkpoint-500, got "
                f"{'none of that name' if self.base_name else 'none'}; name the folder that holds "
                "them"
            )
        return FAILED if any(n >= TRIES for n in self.tries.values()) else 0
