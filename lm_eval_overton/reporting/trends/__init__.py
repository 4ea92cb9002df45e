"""The checkpoints of a training run as one page of HTML: what changed, from when on."""

from lm_eval_overton.reporting.trends.page import State, write

__all__ = ["State", "write"]
