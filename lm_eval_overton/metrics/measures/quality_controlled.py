"""Metrics over the samples that pass the quality bar; those that grow with n are taken at two."""

from dataclasses import replace

from lm_eval_overton.metrics.formulas.coverage import overton_index
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.reference import MISSING
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import (
    OVERTON_INDEX_WORDS,
    UNITS_AT_1_WORDS,
)
from lm_eval_overton.metrics.metric import Range
from lm_eval_overton.metrics.view import CONTROLLED_N

__all__ = [
    "DISTINCT_K_QC",
    "LEXICAL_DIVERSITY_QC",
    "METRICS",
    "MISSING_QC",
    "OVERTON_INDEX_QC",
    "OVERTON_INDEX_WORDS_AT_2",
    "SEMANTIC_DIVERSITY_QC",
    "UNITS_AT_1_WORDS_QC",
]

LEXICAL_DIVERSITY_QC = LEXICAL_DIVERSITY.over_samples_that_pass(
    "lexical_diversity_qc",
    "`lexical_diversity` of the samples above the quality bar.",
    on_leaderboard=True,
)
SEMANTIC_DIVERSITY_QC = SEMANTIC_DIVERSITY.over_samples_that_pass(
    "semantic_diversity_qc", "`semantic_diversity` of the samples above the quality bar."
)
DISTINCT_K_QC = DISTINCT_K.over_samples_that_pass(
    "distinct_k_qc",
    "The expected classes of two samples above the quality bar.",
    range=Range(1, 2),
)
UNITS_AT_1_WORDS_QC = UNITS_AT_1_WORDS.over_samples_that_pass(
    "units_at_1_words_qc", "`units_at_1_words` of the samples above the quality bar."
)
OVERTON_INDEX_QC = OVERTON_INDEX_WORDS.over_samples_that_pass(
    "overton_index_qc",
    "`overton_index_words` of two samples above the quality bar.",
    range=Range(0, 1, "1/2 to 1"),
)
# What the quality-controlled index, which is one of two samples, is to be compared with.
OVERTON_INDEX_WORDS_AT_2 = replace(
    OVERTON_INDEX_WORDS,
    name="overton_index_words_at_2",
    says="The share of two samples' content words that one of them holds. One repeated answer has "
    "index 1: read it beside the counts.",
    range=Range(0, 1, "1/2 to 1"),
    grows_with_n=False,
    judgement="quality",
    rests_on_verdicts=False,
    on_leaderboard=False,
    compute=lambda view: overton_index(view.word_pool, CONTROLLED_N),
)
# Whose samples are chosen: the run's and the reference's, the reference's alone, the reference's
# and those on other prompts.
_PARTS = {
    "split": ("own", "reference"),
    "held_out": ("reference",),
    "chance": ("reference", "others"),
}
MISSING_QC = {
    part: raw.over_samples_that_pass(
        f"{raw.name}_qc",
        f"`{raw.name}` over the samples above the quality bar, at two.",
        parts=_PARTS[part],
    )
    for part, raw in MISSING.items()
}
METRICS = (
    LEXICAL_DIVERSITY_QC,
    SEMANTIC_DIVERSITY_QC,
    DISTINCT_K_QC,
    UNITS_AT_1_WORDS_QC,
    OVERTON_INDEX_WORDS_AT_2,
    OVERTON_INDEX_QC,
    *MISSING_QC.values(),
)
