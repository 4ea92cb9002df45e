"""Which examples stand before a prompt, and what is known of the model they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.data import PromptSet, normal, packaged_path, read_jsonl
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.frames import Example
from lm_eval_overton.metrics.formulas.lexical import jaccard_similarity
from lm_eval_overton.text.samples import Sample
from lm_eval_overton.text.tokenizers import tokenizer_of

__all__ = [
    "PACKAGED_RESERVED",
    "draw",
    "first_valid",
    "forbidden_pairs",
    "load_examples",
    "load_hints",
    "nearest",
    "reserve",
]

NEAR_DUPLICATE = 0.8
# Never scored by the in-context tasks: they are the fixed examples of the packaged set.
PACKAGED_RESERVED = ("oe-010", "oe-020", "oe-069")


def load_examples(source: str | None) -> list[Example]:
    """Load fixed examples: the packaged three, or the user's own file.

    Args:
        source: A JSON-lines file of `prompt` (or `query`), `response` and optionally `hint`;
            None for the packaged ones.

    Raises:
        DataError: With file and line, if a line lacks a prompt or a response.
    """
    path = Path(source) if source else packaged_path("icl_examples")
    return [_example(row, f"{path}:{line}") for line, row in read_jsonl(path)]


def _example(row: Mapping[str, Any], where: str) -> Example:
    # Published examples call it either.
    prompt, response = row.get("prompt", row.get("query")), row.get("response")
    for key, value in (("prompt", prompt), ("response", response)):
        if not isinstance(value, str) or not value.strip():
            raise DataError(f'{where}: expected "{key}" to be a non-empty string, got {value!r}')
    hint = row.get("hint")
    if hint is not None and not isinstance(hint, str):
        raise DataError(f'{where}: expected "hint" to be a string, got {hint!r}')
    return Example(str(prompt), str(response), hint)


def load_hints(source: str, docs: Sequence[Mapping[str, Any]] = ()) -> dict[str, tuple[str, int]]:
    """Load summaries of reference responses.

    Args:
        source: A JSON-lines file of `id` or `prompt`, `hint` and `source` (the summarised sample's
            index, 0 if it is not there).
        docs: The prompts that are asked. As with responses, a hint belongs to the prompt of its
            text, whatever ids the two files use; without a text, to that of its id.

    Returns:
        By prompt id the hint and the index of its source.

    Raises:
        DataError: If a line lacks a hint, or what it belongs to.
    """
    ids = {normal(doc["prompt"]): str(doc["id"]) for doc in docs}
    hints = {}
    for line, row in read_jsonl(Path(source)):
        hint, index, prompt = row.get("hint"), row.get("source", 0), row.get("prompt")
        named = isinstance(prompt, str) or "id" in row
        if not isinstance(hint, str) or not hint.strip() or not named:
            raise DataError(f'{source}:{line}: expected "id" and a non-empty "hint", got {row!r}')
        if not isinstance(index, int):
            raise DataError(f'{source}:{line}: expected "source" to be an index, got {index!r}')
        own = ids.get(normal(prompt)) if isinstance(prompt, str) else None
        hints[own or str(row.get("id", prompt))] = (hint.strip(), index)
    return hints


def reserve(prompts: PromptSet, answered: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    """Return the ids of the prompts that are kept as fixed examples.

    Args:
        prompts: The prompts of the task.
        answered: Ids of the prompts with a valid reference sample, in order.
        asked: Ids that the user chose; None for the packaged three, or else the first three.

    Raises:
        DataError: If a chosen prompt has no reference response.
    """
    if asked is not None:
        missing = [i for i in asked if i not in answered]
        if missing:
            raise DataError(
                f"example_ids: expected prompts of {prompts.name} with a reference response, got "
                f"{', '.join(missing)}"
            )
        return list(asked)
    if all(i in answered for i in PACKAGED_RESERVED):
        return list(PACKAGED_RESERVED)
    return list(answered[:3])


def forbidden_pairs(prompts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which prompts must not serve each other as examples.

    A prompt itself, and near-duplicates: equal after case folding and white space, or with a
    content-word Jaccard similarity of at least 0.8.

    Args:
        prompts: n texts.

    Returns:
        (n, n), symmetric, True on the diagonal.
    """
    tokenizer = tokenizer_of(prompts)
    bags = [tokenizer.content_words(prompt.casefold()) for prompt in prompts]
    plain = [normal(prompt) for prompt in prompts]
    n = len(prompts)
    forbidden = np.eye(n, dtype=np.bool_)
    for i in range(n):
        for j in range(i):
            near = plain[i] == plain[j] or jaccard_similarity(bags[i], bags[j]) >= NEAR_DUPLICATE
            forbidden[i, j] = forbidden[j, i] = near
    return forbidden


def nearest(
    embeddings: npt.NDArray[np.floating], k: int, forbidden: npt.NDArray[np.bool_]
) -> list[list[int]]:
    """Return for each row the k nearest other rows by cosine, nearest first.

    Args:
        embeddings: (n, dim), rows of unit length.
        k: How many.
        forbidden: (n, n): which rows must not be taken for which.

    Returns:
        n lists of at most k indices; ties fall to the lower index.
    """
    cosines = np.asarray(embeddings, dtype=np.float64) @ np.asarray(embeddings, np.float64).T
    cosines[forbidden] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")
    return [[int(j) for j in row[:k] if not forbidden[i, j]] for i, row in enumerate(order)]


def draw(n: int, k: int, forbidden: npt.NDArray[np.bool_], seed: int) -> list[list[int]]:
    """Return for each of n prompts k others, drawn once with a seed.

    Args:
        n: Number of prompts.
        k: How many.
        forbidden: (n, n): which prompts must not be taken for which.
        seed: Seed of the draw.

    Returns:
        n lists of at most k indices.
    """
    rng = np.random.default_rng(seed)
    return [[int(j) for j in rng.permutation(np.flatnonzero(~forbidden[i]))[:k]] for i in range(n)]


def first_valid(samples: Sequence[Sample]) -> tuple[int, str] | None:
    """Return the index and the text of the first valid sample, None if there is none."""
    for index, sample in enumerate(samples):
        if sample.is_valid:
            return index, sample.text
    return None
