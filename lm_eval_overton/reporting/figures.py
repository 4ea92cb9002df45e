"""The figures of a report: what alignment changed, at a glance."""

from __future__ import annotations

from lm_eval_overton.metrics.measures.classes import DISTINCT_K, QUALITY_HEADS, QUALITY_MEAN
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, OVERTON_INDEX
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.quality import HELPFULNESS
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import UNITS_AT_1_WORDS
from lm_eval_overton.reporting import opinions
from lm_eval_overton.reporting.bars import recovery, stances
from lm_eval_overton.reporting.changes import classes_table
from lm_eval_overton.reporting.curves import anchors
from lm_eval_overton.reporting.estimates import Estimates, common_metric, fullest_metric
from lm_eval_overton.reporting.picture import Picture
from lm_eval_overton.reporting.planes import plane
from lm_eval_overton.reporting.spread import spreads
from lm_eval_overton.reporting.utility import utility
from lm_eval_overton.runs.answers import Reader

__all__ = ["DIVERSITY", "WITHIN", "pictures"]

# Of each the first that most runs define is shown.
DIVERSITY = (SEMANTIC_DIVERSITY.name, LEXICAL_DIVERSITY.name)
WITHIN = (COVERAGE_AT_1.name, UNITS_AT_1_WORDS.name)
SPREAD = (
    *DIVERSITY,
    OVERTON_INDEX.name,
    COVERAGE_AT_1.name,
    UNITS_AT_1_WORDS.name,
    HELPFULNESS.name,
)


# What gives samples ratings.
RATINGS = (
    "ratings of samples: of a judge, `overton judge RUN --judge JUDGE.yaml`, of a file of scores, "
    "or of a reward_model"
)


def pictures(estimates: Estimates, read: Reader | None) -> list[Picture]:
    """Return all figures in the order of the page.

    Args:
        estimates: Of the runs.
        read: Gives the samples of one task of a run; None leaves out what is made of them.
    """
    compared = estimates.compared
    across = common_metric(compared.runs, DIVERSITY)
    within = common_metric(compared.runs, WITHIN)
    quality = common_metric(compared.runs, (HELPFULNESS.name,))
    tasks = "the task overton_diversity, or overton_coverage for viewpoints"
    judge = "a quality judge, `overton judge RUN --judge JUDGE.yaml`"
    return [
        plane(estimates, "plane", "Diversity between samples, coverage within one", within, across,
              tasks),
        plane(estimates, "quality", "Diversity and quality", quality, across, judge),
        *_frontiers(estimates),
        utility(estimates, RATINGS),
        stances(estimates),
        recovery(compared),
        anchors(estimates, read),
        *spreads(compared.runs, SPREAD),
        *opinions.pictures(estimates),
    ]  # fmt: skip


def _frontiers(estimates: Estimates) -> list[Picture]:
    """Return the figures of quality against how many different answers there are, and how far
    apart they are."""
    # Where only the first of each class was rated, few prompts have a mean of all samples.
    rating = fullest_metric(estimates.compared.runs, QUALITY_MEAN.name, QUALITY_HEADS.name)
    title = "Frontier of quality and"
    return [
        plane(estimates, "frontier", f"{title} different answers", rating, DISTINCT_K.name, RATINGS,
              with_prompts=True, numbers=classes_table(estimates.compared)),
        plane(estimates, "frontier-semantic", f"{title} semantic diversity", rating,
              SEMANTIC_DIVERSITY.name, RATINGS, with_prompts=True),
    ]  # fmt: skip
