"""How far texts contradict each other, by a natural-language-inference model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.nli import entailment_index
from lm_eval_overton.matchers.pair_model import PairModel, label_index
from lm_eval_overton.settings.task import Settings

__all__ = ["NliContrast", "find_contrast"]

logger = logging.getLogger("lm_eval.overton")


class NliContrast:
    """Says how much rather one text contradicts another than entails it."""

    def __init__(self, model: PairModel) -> None:
        """Find the two labels.

        Args:
            model: A natural-language-inference model.

        Raises:
            SettingsError: If it does not tell entailment or contradiction apart.
        """
        labels = model.config.id2label
        contradiction = label_index(labels, "contradiction", "contradict", "contradictory")
        if contradiction is None:
            raise SettingsError(
                f"nli_model: expected a label named contradiction, got "
                f"{', '.join(map(str, labels.values()))}; choose a model of three labels"
            )
        self.model = model
        self.contradiction, self.entailment = contradiction, entailment_index(labels)

    @property
    def signature(self) -> str:
        """The model's name and the beginning of its weights' hash."""
        return self.model.signature

    def prepare(self, sets: Iterable[Sequence[str]]) -> None:
        """Let the model see the pairs of many sets of texts at once; each is scored later."""
        self.model.see(pair for texts in sets for pair in permutations(texts, 2))

    def scores(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return P(contradiction) - P(entailment) of each text with each other one, both ways.

        Of two texts that the model has no room for, each is read as far as half of its window.

        Returns:
            (n_texts * (n_texts - 1),), in [-1, 1].
        """
        found = self.model.probabilities(list(permutations(texts, 2)))
        contrast: npt.NDArray[np.float64] = found[:, self.contradiction] - found[:, self.entailment]
        return contrast


def find_contrast(settings: Settings, task: str) -> NliContrast | None:
    """Return what tells contradiction from entailment; None if the user named no such model.

    A model that matches viewpoints needs no label for contradiction: then a line says what is
    left out.

    Args:
        settings: The settings.
        task: For messages.

    Raises:
        SettingsError: If the model that the user named is no model of entailment.
    """
    if not settings.nli_model:
        return None
    model = PairModel(settings.nli_model, "nli_model", settings.encoder_device)
    try:
        return NliContrast(model)
    except SettingsError as error:
        logger.warning("%s: without diversity by inference: %s", task, error)
        return None
