"""How much of an aligned model comes back in context: the gap between a base model and it.

Every row compares one run with the reference on the prompts that the run, the floor and the
reference have in common, and with the same reference samples in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.gap import gap
from lm_eval_overton.metrics.likeness import Kind, Likeness
from lm_eval_overton.runs.answers import Run, Samples
from lm_eval_overton.stats import SEED
from lm_eval_overton.text.encoder import Encoder

__all__ = ["SIMILARITIES", "Recovery", "recover"]

SIMILARITIES: tuple[Kind, ...] = ("cosine", "jaccard", "rouge_l")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recovery:
    """One run under one similarity; means are over the same `n` prompts.

    The peer's alone is over the `peer_n` of them that it is defined on.

    `gap` is (score - floor) / (ceiling - floor), NaN where floor and ceiling cannot be told
    apart; `low` and `high` bound its 95 % interval over prompts.
    """

    run: str
    similarity: str
    score: float
    floor: float
    ceiling: float
    peer: float
    gap: float
    low: float
    high: float
    n: int
    peer_n: int


def recover(
    runs: Sequence[Run],
    reference: Samples,
    floor: Run,
    peer: Run | None,
    encoder: Encoder,
    similarities: Sequence[Kind] = SIMILARITIES,
) -> list[Recovery]:
    """Return for each run and similarity how much of the gap it recovers.

    Args:
        runs: The runs to compare, the peer among them if its gap is wanted.
        reference: The aligned model's samples by prompt id.
        floor: The base model zero-shot.
        peer: Another aligned model; None for none.
        encoder: For `cosine`.
        similarities: Among `likeness.KINDS`.

    Raises:
        DataError: If a run shares no prompt with the floor and the reference.
    """
    _encode_together([run.samples for run in [*runs, floor, *([peer] if peer else [])]], encoder)
    _encode_together([reference], encoder)
    scale = _Scale(reference, floor.samples, peer.samples if peer else None, encoder)
    return [_recovery(run, scale, kind) for run in runs for kind in similarities]


@dataclass(frozen=True)
class _Scale:
    """What every run is held beside; runs share their similarities, each is computed once."""

    reference: Samples
    floor: Samples
    peer: Samples | None
    encoder: Encoder
    _known: dict[tuple[str, str, Kind, int | None], float] = field(default_factory=dict)

    def of(self, samples: Samples, prompt: str, kind: Kind, source: int | None) -> float:
        """Return how near the samples of a prompt are to the reference's."""
        return self._likeness(samples, prompt, source).of(kind)

    def shared(self, whose: str, prompt: str, kind: Kind, source: int | None) -> float:
        """Return that of the `floor` or the `peer`, or the reference's to itself: the `ceiling`."""
        key = (whose, prompt, kind, source)
        if key not in self._known:
            self._known[key] = self._shared(*key)
        return self._known[key]

    def _shared(self, whose: str, prompt: str, kind: Kind, source: int | None) -> float:
        if whose == "ceiling":
            return self._likeness(self.reference, prompt, source).ceiling(kind)
        samples = self.floor if whose == "floor" else self.peer
        return self.of(samples or {}, prompt, kind, source)

    def _likeness(self, samples: Samples, prompt: str, source: int | None) -> Likeness:
        own, reference = samples.get(prompt, ()), self.reference[prompt]
        return Likeness.between(own, reference, self.encoder, source)


def _encode_together(several: Sequence[Samples], encoder: Encoder) -> None:
    encoder.encode([s.text for own in several for r in own.values() for s in r if s.text])


def _recovery(run: Run, scale: _Scale, kind: Kind) -> Recovery:
    ids = [key for key in run.samples if key in scale.floor and key in scale.reference]
    if not ids:
        raise DataError(
            f"{run.name}: expected prompts in common with the floor and the reference, got none; "
            "prompts are matched by id or text"
        )
    source = run.hint_source

    def column(whose: str) -> Floats:
        return np.array([scale.shared(whose, i, kind, source) for i in ids])

    own = np.array([scale.of(run.samples, i, kind, source) for i in ids])
    table = np.column_stack([own, column("floor"), column("ceiling")])
    kept = ~np.isnan(table).any(axis=1)
    recovered = gap(table[kept], SEED)
    score, bottom, top = table[kept].mean(axis=0) if kept.any() else np.full(3, math.nan)
    beside = column("peer")[kept] if scale.peer is not None else np.array([])
    beside = beside[~np.isnan(beside)]
    return Recovery(
        run.name,
        kind,
        float(score),
        float(bottom),
        float(top),
        float(beside.mean()) if len(beside) else math.nan,
        recovered.estimate,
        recovered.low,
        recovered.high,
        int(kept.sum()),
        len(beside),
    )
