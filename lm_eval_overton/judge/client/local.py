"""Ask a judge that is loaded here, or that sends its own requests, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from typing import Any

from lm_eval_overton.judge.client.jobs import LABEL_TOKENS, UNTIL, Done, Job, fitting
from lm_eval_overton.judge.client.replies import as_reply
from lm_eval_overton.judge.quoting import without_tokens
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = ["ask_loaded"]

logger = logging.getLogger("lm_eval.overton")

BATCH = 64


def ask_loaded(lm: Any, jobs: Sequence[Job], spec: JudgeSpec, done: Done) -> None:
    """Ask a model of the harness through its own methods.

    Args:
        lm: The model.
        jobs: What to ask.
        spec: Its mode, and how long a verdict may be.
        done: Is told each reply.
    """
    tokens = _control_tokens(lm)
    asked = [without_tokens(job.content, tokens) for job in jobs]
    if spec.mode == "text":
        requests: list[tuple[Any, Any]] = [_writing(lm, one, spec.max_tokens) for one in asked]
        method, room = lm.generate_until, spec.max_tokens
    else:
        requests = [(one, f" {job.label}") for one, job in zip(asked, jobs, strict=True)]
        method, room = lm.loglikelihood, LABEL_TOKENS
    fit = fitting(lm, [request[0] for request in requests], room, done)
    for part in _batches(fit, BATCH):
        for i, reply in zip(part, _isolated(method, [requests[i] for i in part]), strict=True):
            done(i, reply)


def _control_tokens(lm: Any) -> Set[str]:
    """Return the tokens that a loaded model's tokenizer finds in any text, quoted or not."""
    tokenizer = getattr(lm, "tokenizer", None)
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    named = getattr(tokenizer, "all_special_tokens", ())
    return {*named, *(str(token) for token in added if token.special)}


def _writing(lm: Any, content: Any, max_tokens: int) -> tuple[str, dict[str, Any]]:
    if getattr(getattr(lm, "tokenizer", None), "chat_template", None):
        content = lm.apply_chat_template([{"role": "user", "content": content}])
    return content, {"temperature": 0.0, "max_gen_toks": max_tokens, "until": [UNTIL]}


def _batches(items: Sequence[int], size: int) -> Iterator[list[int]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _isolated(method: Any, requests: Sequence[tuple[Any, Any]]) -> list[str | None]:
    """Return a reply per request; one that fails does not take the others with it."""
    from lm_eval.api.instance import Instance

    kind = method.__name__
    instances = [Instance(kind, {}, r, i, ("judge", i, 1)) for i, r in enumerate(requests)]
    try:
        replies = list(method(instances, disable_tqdm=True))
    except Exception as error:
        if len(requests) == 1:
            logger.warning("Judge: a request failed (%s: %s)", type(error).__name__, error)
            return [None]
        return [reply for request in requests for reply in _isolated(method, [request])]
    if kind == "loglikelihood":
        return [repr(float(reply[0])) for reply in replies]
    return [None if reply is None else as_reply(str(reply)) for reply in replies]
