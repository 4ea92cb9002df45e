"""Where a text that is to be scored begins: no tokenizer may join it with what stands before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lm_eval_overton.errors import SettingsError

__all__ = ["TAIL", "Boundary", "Pair", "Whole", "continued", "encoder_of"]

Pair = tuple[str, str]

# How much of a context's end tokenizers are shown, which decides where its last token ends.
TAIL = 64
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


def encoder_of(model: Any) -> Callable[[str], Any] | None:
    """Return what makes tokens of a text and what goes on after it; None where nothing shows it.

    Args:
        model: The evaluated model; one with an encoder takes the tokens of both apart.
    """
    is_causal = getattr(model, "backend", "causal") == "causal"
    return getattr(model, "tok_encode", None) if is_causal else None


class Whole(str):
    """A context that keeps the white space at its end.

    The harness strips it off, to let it go on with what follows; how likely the line break of a
    chat template's header is then would count as a part of the answer.
    """

    def rstrip(self, *_: Any) -> Whole:
        """Return the text as it is."""
        return self


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
        self._encode = encoder_of(model)
        self._task = task
        self._known: dict[tuple[str, ...], tuple[int, bool]] = {}

    def pairs(self, context: str, texts: Sequence[str]) -> list[Pair]:
        """Return a context with each of the texts that may go on after it.

        Args:
            context: What stands before.
            texts: What may follow, as it follows.

        Raises:
            SettingsError: If a text cannot be told from its context in the model's tokens.
        """
        if not context or self._encode is None:
            return [(context, text) for text in texts]
        n, keeps_space = self._place(context[-TAIL:], tuple(texts))
        kept, moved = context[: len(context) - n], context[len(context) - n :]
        return [(Whole(kept) if keeps_space else kept, moved + text) for text in texts]

    def _place(self, tail: str, texts: tuple[str, ...]) -> tuple[int, bool]:
        key = (tail, *texts)
        if key not in self._known:
            self._known[key] = self._find(tail, texts)
        return self._known[key]

    def _find(self, tail: str, texts: Sequence[str]) -> tuple[int, bool]:
        """Return how many of a context's last characters have to go on with the texts.

        And whether the white space before them stays in the context.
        """
        assert self._encode is not None
        whole = [list(self._encode(tail + text)) for text in texts]
        longer = None
        for n in range(len(tail)):
            head = tail[: len(tail) - n]
            bare = head.rstrip()
            if not bare:
                break
            for kept in dict.fromkeys((head, bare)):
                before = list(self._encode(kept))
                if all(own[: len(before)] == before and own != before for own in whole):
                    return n, kept != bare
            if longer is None and all(len(own) > len(before) for own in whole):
                longer = n
        if longer is None:
            raise SettingsError(
                f"{self._task}: expected answers that have tokens of their own after the prompt, "
                f"got none after {tail[-20:]!r}; let the prompt end in white space or a colon"
            )
        # Some tokenizers end each text with a token that the beginning of another does not have.
        return longer, False
