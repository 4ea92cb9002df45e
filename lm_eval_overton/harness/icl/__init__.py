"""The in-context tasks; the task files name these two classes."""

from lm_eval_overton.harness.icl.task import IclTask, SummaryFirstTask

__all__ = ["IclTask", "SummaryFirstTask"]
