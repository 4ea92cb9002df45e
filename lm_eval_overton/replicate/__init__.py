"""Every table that the data released with arXiv:2406.17692 allow, beside what was expected."""

from __future__ import annotations

from pathlib import Path

from lm_eval_overton.replicate.answers import cover_table, diversity_table, sample_table
from lm_eval_overton.replicate.judged import (
    missing_table,
    quality_table,
    stance_table,
    topics_table,
    verdict_table,
)
from lm_eval_overton.replicate.layout import DATASETS, open_released
from lm_eval_overton.replicate.output import as_json, as_markdown, summary
from lm_eval_overton.replicate.quality_controlled import change_table, controlled_table
from lm_eval_overton.replicate.similarity import bertscore_table, similarity_table
from lm_eval_overton.replicate.stance_words import stance_words_table
from lm_eval_overton.replicate.study import Study
from lm_eval_overton.replicate.table import Table
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder

__all__ = ["as_json", "as_markdown", "replicate", "summary"]

# The stances were judged on contested questions, the rest on open-ended prompts.
OPEN_ENDED, CONTESTED = DATASETS
SUBJECTS = {
    OPEN_ENDED: (
        sample_table,
        diversity_table,
        cover_table,
        quality_table,
        missing_table,
        topics_table,
        controlled_table,
        change_table,
        similarity_table,
        bertscore_table,
    ),
    CONTESTED: (
        sample_table,
        diversity_table,
        stance_table,
        stance_words_table,
        quality_table,
        controlled_table,
        change_table,
        similarity_table,
        bertscore_table,
    ),
}


def replicate(folder: Path, encoder_name: str | None = None) -> list[Table]:
    """Return every table that a folder of the released data allows.

    Args:
        folder: A clone of the paper's repository, or the same data with one JSON line per
            request; see `layout`.
        encoder_name: A sentence encoder, name or folder; None for the default one. Empty: only
            words are measured, and no model is loaded.

    Returns:
        The tables, open-ended prompts first. A table without data has no row and says why.

    Raises:
        DataError: If the folder is in neither layout, or with file and line if one is malformed.
        EncoderError: If the encoder cannot be found or loaded.
    """
    released = open_released(folder)
    study = Study(released, _encoder(encoder_name))
    study.encode()
    tables = [verdict_table(study)]
    for dataset, makers in SUBJECTS.items():
        if dataset in released.datasets():
            tables += [make(study, dataset) for make in makers]
        else:
            tables.append(Table("No data", dataset, "Its prompts are not there.", (), ()))
    return tables


def _encoder(name: str | None) -> Encoder | None:
    return None if name == "" else get_encoder(find_encoder(name or DEFAULT_ENCODER))
