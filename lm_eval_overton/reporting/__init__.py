"""Finished runs as one page of HTML, and its figures as files."""

from lm_eval_overton.reporting.page import plots, write

__all__ = ["plots", "write"]
