"""Where a text that is to be scored begins: no tokenizer may join it with what stands before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lm_eval_overton.errors import SettingsError

__all__ = ["Boundary", "continued"]

Pair = tuple[str, str]

# How much of a context's end tokenizers are shown, which decides where its last token ends.
_TAIL = 64
# After these, and after letters and digits, a word stands behind a blank.
_BEFORE_A_BLANK = ":.,;!?)"


def continued(context: str, text: str) -> str:
    """Return a text as it goes on after a context.

    A blank separates it from a word or a colon; nothing does from white space, from an opening
    bracket, or from the mark with which a chat template hands over to the assistant.
    """
    last = context[-1:]
    if last.isascii() and (last.isalnum() or (last and last in _BEFORE_A_BLANK)):
        return " " + text
    return text


class Boundary:
    """Pairs of contexts and continuations in which each continuation has tokens of its own.

    The harness takes the tokens of both together and cuts off as many as the context has alone. A
    tokenizer that joins the context's last character with the continuation leaves nothing of it,
    or a piece of another text: then that character belongs to the continuation.

    Args:
        model: The evaluated model; of one that shows no tokens nothing is known.
        task: The task's name, for messages.
    """

    def __init__(self, model: Any, task: str) -> None:
        self._encode: Callable[[str], Any] | None = None
        # A model with an encoder takes the tokens of both apart.
        if getattr(model, "backend", "causal") == "causal":
            self._encode = getattr(model, "tok_encode", None)
        self._task = task
        self._known: dict[tuple[str, ...], int] = {}

    def pairs(self, context: str, texts: Sequence[str]) -> list[Pair]:
        """Return a context with each of the texts that may go on after it.

        Args:
            context: What stands before.
            texts: What may follow, as it follows.

        Raises:
            SettingsError: If a text cannot be told from its context in the model's tokens.
        """
        n = self._n_moved(context[-_TAIL:], tuple(texts)) if context and self._encode else 0
        kept, moved = context[: len(context) - n], context[len(context) - n :]
        return [(kept, moved + text) for text in texts]

    def _n_moved(self, tail: str, texts: tuple[str, ...]) -> int:
        key = (tail, *texts)
        if key not in self._known:
            self._known[key] = self._find(tail, texts)
        return self._known[key]

    def _find(self, tail: str, texts: Sequence[str]) -> int:
        """Return how many of the last characters of a context have to go on with the texts."""
        assert self._encode is not None
        whole = [list(self._encode(tail + text)) for text in texts]
        longer = None
        for n in range(len(tail)):
            # The harness lets white space at the end of a context go on with what follows.
            kept = tail[: len(tail) - n].rstrip()
            if not kept:
                break
            before = list(self._encode(kept))
            if all(len(own) > len(before) for own in whole):
                longer = n if longer is None else longer
                if all(own[: len(before)] == before for own in whole):
                    return n
        if longer is None:
            raise SettingsError(
                f"{self._task}: expected answers that have tokens of their own after the prompt, "
                f"got none after {tail[-20:]!r}; let the prompt end in white space or a colon"
            )
        # Some tokenizers end each text with a token that the beginning of another does not have.
        return longer
