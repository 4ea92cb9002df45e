"""Time the metric stage of overton_diversity with and without classes and n-grams.

Command: ``python tests/benchmarks/additions_cost.py``, with the released outputs of arXiv
2406.17692 in ../shared/paper and an encoder that can be found offline. Both sides score the 250
answers of llama-2-chat with all metrics but those on sentence clusters, with the same loaded model
and an encoder that remembers nothing; the one leaves out the metrics of `ADDITIONS`. They take the
prompts in slices, in turns, several times over; for each slice the least time of each side counts.
On a machine that is busy otherwise, ``--threads 1`` takes processor time instead. Exits with 1 if
the additions make the stage take more than 1.1 times what it takes without them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from metric_stage import (
    RESPONSES,
    SENTENCES,
    SLICE,
    TASK,
    Case,
    Clock,
    metric_stage,
    released,
    seconds,
)

from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.metrics.measures import (
    anchors,
    classes,
    ead,
    frame_share,
    self_bleu,
    self_repetition,
)
from lm_eval_overton.metrics.metric import Metric, Need
from lm_eval_overton.metrics.score import Prompt
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder

ADDITIONS: dict[str, Sequence[Metric]] = {
    "classes": [own for own in classes.METRICS if Need.RATINGS not in own.needs],
    "anchors": anchors.METRICS,
    "ead": ead.METRICS,
    "self_bleu": self_bleu.METRICS,
    "self_repetition": self_repetition.METRICS,
    "frame_share": frame_share.METRICS,
}
LIMIT = 1.1
ROUNDS = 5


@dataclass
class Side:
    """Some metrics on all slices, and the least seconds of each slice."""

    names: Sequence[str]
    slices: Sequence[Sequence[Prompt]]
    least: dict[int, float] = field(default_factory=dict)

    def measure(self, i: int, loaded: Encoder, clock: Clock) -> None:
        """Time one slice and keep what is less."""
        fresh = Encoder(loaded.source)
        fresh.model = loaded.model
        took = seconds(clock, partial(metric_stage, Case(self.names, self.slices[i], []), fresh))
        self.least[i] = min(self.least.get(i, took), took)

    @property
    def total(self) -> float:
        """The seconds of all slices."""
        return sum(self.least.values())


def sides(names: Sequence[str], prompts: Sequence[Prompt]) -> tuple[Side, Side]:
    """Return the stage without the additions, and with them."""
    added = {metric.name for metrics in ADDITIONS.values() for metric in metrics}
    slices = [prompts[i : i + SLICE] for i in range(0, len(prompts), SLICE)]
    if not added <= set(names):
        raise SystemExit(f"expected {', '.join(sorted(added))} in {TASK}")
    return Side([name for name in names if name not in added], slices), Side(names, slices)


def report(without: Side, both: Side) -> bool:
    """Print times and their ratio; return whether it keeps the limit."""
    ratio = both.total / without.total
    kept = ratio <= LIMIT
    print(
        f"metric stage {without.total:.2f} s, with {', '.join(ADDITIONS)} {both.total:.2f} s, "
        f"ratio {ratio:.3f} (at most {LIMIT:g}) {'ok' if kept else 'OUTSIDE'}",
        flush=True,
    )
    return kept


def report_each(prompts: Sequence[Prompt], loaded: Encoder, clock: Clock) -> None:
    """Print what each of the additions takes where it is alone and tokens are known."""
    for title, metrics in ADDITIONS.items():
        alone = Side([metric.name for metric in metrics], [prompts])
        for _ in range(2):
            alone.measure(0, loaded, clock)
        print(f"  {title}: {alone.total:.3f} s")


def main() -> int:
    """Print times and ratios; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, help="of the model; torch's choice if not given")
    args = parser.parse_args()
    if not RESPONSES.is_file():
        print(f"skipped: the released outputs are not there: {RESPONSES}")
        return 0
    if args.threads:
        torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    loaded = Encoder(find_encoder())
    cls, config = task_class(TASK)
    names = [name for name in cls(config=config).metric_names if not name.endswith(SENTENCES)]
    prompts = released()
    without, both = sides(names, prompts)
    # First calls are slower, which is not what is measured.
    metric_stage(Case(names, prompts[:SLICE], []), loaded)
    kept = False
    for done in range(1, args.rounds + 1):
        for i in range(len(both.slices)):
            for side in (without, both) if done % 2 else (both, without):
                side.measure(i, loaded, clock)
        print(f"best of {done}, {torch.get_num_threads()} threads, {clock.__name__}")
        kept = report(without, both)
    report_each(prompts, loaded, clock)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
