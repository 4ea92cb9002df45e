"""What a judge's server answered: a reply to keep, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_overton.client.answers import check_for_errors, finish_of, parts_of, reader_of
from lm_eval_overton.client.outcome import NoReplyError, NotOfferedError
from lm_eval_overton.text.samples import LENGTH

__all__ = ["CUT", "REFUSED", "as_reply", "chat_reply", "label_reply", "text_reply"]

# Begins a kept reply that the server itself calls a refusal, in whatever language.
REFUSED = "\0refused\0"
# Begins a kept reply that ended because it had come to its longest.
CUT = "\0cut\0"


def as_reply(text: str) -> str:
    """Return what a model wrote as it is kept; none can write what `REFUSED` and `CUT` hold."""
    return text.replace("\0", "\ufffd")


def chat_reply(body: Any, think_end_token: str | None) -> str:
    """Return the reply in a chat server's answer.

    The harness's own reader turns whatever it cannot read into an empty text, which would be kept.

    Args:
        body: The answer, decoded.
        think_end_token: What ends a model's reasoning, if it is to be cut off.

    Returns:
        The text, which may be empty, after `CUT` if it was cut off; or `REFUSED` and what the
        server says about it.

    Raises:
        Exception: If the answer holds no reply: an error, a tool's call, nothing.
    """
    from lm_eval.models.utils import postprocess_generated_text

    check_for_errors(body)
    choice = min(body["choices"], key=lambda choice: choice.get("index") or 0)
    message = choice["message"]
    text, _ = parts_of(message.get("content"))
    if not text and message.get("refusal"):
        return REFUSED + as_reply(str(message["refusal"]))
    if not text and choice.get("finish_reason") == "content_filter":
        raise NoReplyError("the verdict was withheld by a content filter")
    cut = finish_of(choice) == LENGTH
    if text is None and cut:
        # Cut within its reasoning: it would be so again.
        text = ""
    if text is None or (not text and message.get("tool_calls")):
        raise ValueError(f"expected a message with content, got {', '.join(message)}")
    own = as_reply(postprocess_generated_text(text, stop=None, think_end_token=think_end_token))
    return CUT + own if cut else own


def text_reply(lm: Any, body: Any) -> str:
    """Return the reply in the answer of another server, as the model of the harness reads it.

    Raises:
        Exception: If the answer holds no reply.
    """
    reply = reader_of(lm)(body)[0]
    if reply is None:
        raise ValueError("expected a text, got none")
    return CUT + as_reply(reply) if reply.finish_reason == LENGTH else as_reply(reply)


def label_reply(lm: Any, body: Any, tokens: Sequence[int], context: int) -> str:
    """Return the log-likelihood of a label after a context, as text.

    Args:
        lm: The model of the harness.
        body: The answer, decoded.
        tokens: What was sent: the context's tokens and the label's.
        context: How many of them are the context's.

    Raises:
        NotOfferedError: If the server did not echo what was sent; the sum over nothing would be 0.
        Exception: If the answer cannot be read.
    """
    check_for_errors(body)
    for choice in body.get("choices") or () if isinstance(body, Mapping) else ():
        values = (choice.get("logprobs") or {}).get("token_logprobs") or ()
        if len(values) <= len(tokens):
            raise NotOfferedError(
                f"expected log-probabilities of {len(tokens)} tokens sent and one written, got "
                f"{len(values)}: the server ignores `echo` or `logprobs`; use the mode text"
            )
    [(loglikelihood, _)] = lm.parse_logprobs(body, tokens=[tokens], ctxlens=[context])
    return repr(float(loglikelihood))
