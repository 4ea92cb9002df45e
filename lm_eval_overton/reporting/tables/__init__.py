"""Compared runs as Markdown, JSON, CSV and data frames.

Markdown is rounded to three digits; everything else is unrounded. Undefined is empty in tables
and null in JSON.
"""

from lm_eval_overton.reporting.tables.brief import as_brief
from lm_eval_overton.reporting.tables.by_tag import by_tag_csv
from lm_eval_overton.reporting.tables.homogeneity import homogeneity_csv, homogeneity_markdown
from lm_eval_overton.reporting.tables.likelihood import likelihood_csv, likelihood_markdown
from lm_eval_overton.reporting.tables.many import as_trend, is_trend
from lm_eval_overton.reporting.tables.markdown import as_markdown
from lm_eval_overton.reporting.tables.records import as_csv, as_json, frames

__all__ = [
    "as_brief",
    "as_csv",
    "as_json",
    "as_markdown",
    "as_trend",
    "by_tag_csv",
    "frames",
    "homogeneity_csv",
    "homogeneity_markdown",
    "is_trend",
    "likelihood_csv",
    "likelihood_markdown",
]
