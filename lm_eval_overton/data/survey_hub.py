"""Surveys by the name of a file, or of a data set of the hub: `hub:OWNER/NAME`.

A configuration may follow after a colon, a revision after an at sign:
`hub:OWNER/NAME:CONFIG@REVISION`. What the hub has is turned into questions as a copy of it is, and
nothing of it is kept here but what the library `datasets` keeps in its own cache.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton.data.json_text import json_lines
from lm_eval_overton.data.rows import Row
from lm_eval_overton.data.survey import Survey, checked_question, load_survey
from lm_eval_overton.data.survey_sources import Converted, convert, convert_table
from lm_eval_overton.errors import DataError

__all__ = ["converted", "open_survey"]

logger = logging.getLogger("lm_eval.overton")

HUB = "hub:"
_NAME = re.compile(
    r"(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?"
)


def open_survey(source: str) -> Survey:
    """Return the questions of a survey.

    Args:
        source: A file as for `load_survey`, or a data set of the hub. The name of that stands in
            signatures, with the hash of its questions as they were asked.

    Raises:
        DataError: As `load_survey`; for a data set as `converted`.
    """
    if not source.startswith(HUB):
        return load_survey(source)
    found = converted(source)
    for line in (f"licence of the source: {found.licence}", *found.said):
        logger.warning("%s: %s", source, line)
    rows = [Row(source, i, row) for i, row in enumerate(found.rows, start=1)]
    sha = hashlib.sha256(json_lines(found.rows).encode()).hexdigest()[:8]
    return Survey(source.removeprefix(HUB), sha, tuple(map(checked_question, rows)))


def converted(source: str, refusals: Sequence[str] = ()) -> Converted:
    """Return the questions of a published survey, from the user's copy or from the hub.

    Args:
        source: What `convert` takes, or a data set of the hub; of that all splits.
        refusals: Texts of the options that are no opinion.

    Raises:
        DataError: If it is not there, is no known survey, or nothing of it can be used.
    """
    if not source.startswith(HUB):
        return convert(Path(source), refusals)
    return convert_table(_rows(source), Path(source), refusals)


def _rows(source: str) -> list[Mapping[str, Any]]:
    """Return the rows of all splits of a data set, each row once for each split that has it."""
    place = _NAME.fullmatch(source.removeprefix(HUB))
    if place is None:
        raise DataError(
            f"{source}: expected {HUB}OWNER/NAME, perhaps with :CONFIG and @REVISION, got another "
            "form of name"
        )
    from datasets import load_dataset

    try:
        splits = load_dataset(place["name"], place["config"], revision=place["revision"])
        rows = [row for split in splits.values() for row in split]
    # The library raises errors of many kinds and of others' packages.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{source}: expected a data set that the hub or the local cache of `datasets` has, got "
            f"{reason:.160}; fetch it where there is a network, or turn a copy of it into a file: "
            "`overton survey-data FILE -o SURVEY.jsonl`"
        ) from error
    if not rows:
        raise DataError(f"{source}: expected at least one row, got none")
    return rows
