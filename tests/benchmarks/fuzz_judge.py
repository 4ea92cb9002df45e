"""A judge for `fuzz_files`: a model of the harness that is there at once and says what it is asked.

Its verdict follows from the letters of the question alone, so that one who reads another text may
get another verdict, and one who reads the same text never does.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

NAME = "fuzz-judge"
STANCES = ("yes", "no", "both", "other")


@register_model(NAME)
class FuzzJudge(LM):
    """Says a stance."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        numbers = [zlib.crc32(str(request.args[0]).encode()) for request in requests]
        return [json.dumps({"stance": STANCES[number % len(STANCES)]}) for number in numbers]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> Any:
        numbers = [zlib.crc32(str(request.args).encode()) for request in requests]
        return [(-number / 2**32, False) for number in numbers]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> Any:
        raise NotImplementedError
