"""What is common to all prompts of a task, and what their samples are measured with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from lm_eval_overton.matchers.contrast import NliContrast
from lm_eval_overton.matchers.equivalence.equivalence import Equivalence
from lm_eval_overton.matchers.equivalence.lexical import Rouge1Equivalence
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.metrics.ratings import RatingSource
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["Bench", "Fill"]

Fill = Literal["", "worst", "best"]


@dataclass(frozen=True)
class Bench:
    """What is common to all prompts of a task.

    `n` is the fixed number of samples; with a `matcher`, units are viewpoints, else words; `bar` is
    the least helpfulness of a sample that passes the quality control; `tokenizer` takes texts
    apart; `equivalence` says which samples are the same, `ratings` where their quality is from, and
    `m` is the number of samples of `distinct_at_m`; `nli` tells contradiction from entailment,
    `several` is how many answers a reply holds. `reads` says whether the encoder reads their
    language; what is equal needs no reading: `alike` says whether the texts of each prompt are all
    the same, `verbatim` whether each holds all viewpoints word for word.
    """

    n: int
    stops: Sequence[str]
    encoder: Encoder
    seed: int
    matcher: Matcher | None = None
    bert: BertScorer | None = None
    bar: int = 4
    tokenizer: Tokenizer = ENGLISH
    equivalence: Equivalence = field(default_factory=Rouge1Equivalence)
    ratings: RatingSource | None = None
    m: int = 3
    nli: NliContrast | None = None
    several: int = 1
    reads: bool = True
    alike: bool = False
    verbatim: bool = False
    # As one string each, of a tenth of a set's size: there may be as many as there are samples.
    _bags: dict[str, str] = field(default_factory=dict)

    def bag(self, sample: str) -> frozenset[str]:
        """Return the content words of a text that several prompts ask for."""
        if sample not in self._bags:
            self._bags[sample] = "\n".join(self.tokenizer.content_words(sample))
        return frozenset(self._bags[sample].split("\n")) - {""}

    def covered(self, question: ViewpointQuestion, fill: Fill = "") -> npt.NDArray[np.bool_]:
        """Return which text covers which viewpoint, (n_texts, n_viewpoints).

        A text that the matcher could not score is left out, or covers nothing or everything.
        """
        assert self.matcher is not None
        scores = self.matcher.scores([question])[0]
        known = ~np.isnan(scores).any(axis=1)
        covered: npt.NDArray[np.bool_] = np.asarray(scores >= self.matcher.threshold)
        if not fill:
            return covered[known]
        covered[~known] = fill == "best"
        return covered
