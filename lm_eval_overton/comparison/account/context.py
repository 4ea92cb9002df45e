"""What is said of the aligned model's answers that examples and hints bring back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.comparison.account.phrases import is_clear, listed, of_prompts, share
from lm_eval_overton.comparison.compared import Compared, Pair, Shift
from lm_eval_overton.comparison.recovered import is_peer
from lm_eval_overton.metrics.measures.likeness import COSINE, JACCARD

__all__ = ["comes_back"]

BY = {COSINE.name: "by meaning", JACCARD.name: "by words"}
# Of more strategies than these, those are named that bring back most.
MOST = 3


def comes_back(compared: Compared, pair: Pair) -> str:
    """Return which share of the gap to the aligned model each strategy brings back.

    A pair without in-context runs has those of the others: all are the base's.
    """
    others = [shift for other in compared.pairs for shift in other.shifts]
    found = _strategies(pair.shifts) or _strategies(others)
    if not found:
        return ""
    ranked = sorted(found, key=lambda part: -found[part][0].value.estimate)[:MOST]
    sizes = {shift.value.n for part in ranked for shift in found[part]}
    said = "; ".join(
        _of_strategy(part, found[part], len(sizes) > 1) for part in found if part in ranked
    )
    said += f", on {of_prompts(*sizes)}" if len(sizes) == 1 else ""
    left = len(found) - len(ranked)
    more = f"; {left} further {'brings' if left == 1 else 'bring'} back less" if left else ""
    return f"In context, of the gap between the base's answers and the reference's, {said}{more}."


def _strategies(shifts: Sequence[Shift]) -> dict[str, list[Shift]]:
    found: dict[str, dict[str, Shift]] = {}
    for shift in shifts:
        is_known = shift.group == "recovered" and not math.isnan(shift.value.estimate)
        if is_known and shift.metric in BY and not is_peer(shift):
            found.setdefault(shift.part, {}).setdefault(shift.metric, shift)
    return {part: [own[name] for name in BY if name in own] for part, own in found.items()}


def _of_strategy(part: str, shifts: Sequence[Shift], with_n: bool) -> str:
    clear = [shift for shift in shifts if is_clear(shift.value) and shift.value.estimate > 0]
    other = [shift for shift in shifts if shift not in clear]
    said = []
    if clear:
        shares = listed([f"{share(shift.value)} {BY[shift.metric]}" for shift in clear])
        said.append(f"{shares} comes back with {part}")
    if other:
        shares = listed([f"{BY[shift.metric]} ({share(shift.value)})" for shift in other])
        with_part = "" if clear else f" with {part}"
        said.append(f"nothing can be seen to come back{with_part} {shares}")
    on = f" ({of_prompts(shifts[0].value.n)})" if with_n else ""
    return ", ".join(said) + on
