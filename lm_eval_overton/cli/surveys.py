"""The command that turns the user's copies of published surveys into a survey's file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import add_command

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command."""
    data = add_command(
        commands,
        "survey-data",
        _survey_data,
        "turn your copy of GlobalOpinionQA, OpinionQA, SimBench, MoralChoice or Modular "
        "Pluralism's data into questions for overton_survey, or situations for overton_steerable",
        "overton survey-data global_opinions.csv -o survey.jsonl --refusal DK/Refused",
    )
    data.add_argument(
        "file",
        metavar="FILE",
        help="the file, for OpinionQA the folder of waves; or hub:OWNER/NAME from the hub",
    )
    data.add_argument(
        "-o", "--output", type=Path, required=True, metavar="SURVEY.jsonl", help="the file"
    )
    data.add_argument(
        "--refusal",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option that is no opinion, such as DK/Refused (again for several)",
    )


def _survey_data(args: argparse.Namespace) -> None:
    from lm_eval_overton.data.json_text import json_lines
    from lm_eval_overton.data.survey_hub import converted
    from lm_eval_overton.runs.whole_file import write_whole

    found = converted(args.file, args.refusal)
    write_whole(args.output, json_lines(found.rows).encode())
    print(f"{args.output}: {found.counted}, of {found.source}")
    print(f"licence of the source: {found.licence}")
    for said in found.said:
        print(said)
