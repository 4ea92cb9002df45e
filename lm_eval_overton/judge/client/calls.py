"""What a judge's server is sent, as the harness's model puts it, and what reads its answer."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lm_eval_overton.client.http import Call
from lm_eval_overton.judge.client.jobs import UNTIL, Job
from lm_eval_overton.judge.client.replies import chat_reply, label_reply, text_reply
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = ["call", "label_call", "payload"]

# The families that take no temperature but their own, and no stop sequence. The harness takes every
# name with a 5 in it for one of them, such as gpt-3.5-turbo or gpt-4o-2024-05-13.
_OWN_TEMPERATURE = re.compile(r"(?<![a-z0-9])(?:o[1-9](?![a-z0-9])|gpt-?5(?!\d))", re.IGNORECASE)


def call(lm: Any, spec: JudgeSpec, job: Job) -> Call[str]:
    """Return the request for a verdict in writing."""
    plain = payload(lm, spec, job.content)
    if not _is_chat(lm):
        return Call(plain, lambda body: text_reply(lm, body))

    def read(body: Any) -> str:
        return chat_reply(body, lm.think_end_token)

    return (
        Call(plain | _structure(job.judgement), read, plain)
        if spec.structured
        else Call(plain, read)
    )


def payload(lm: Any, spec: JudgeSpec, content: str) -> dict[str, Any]:
    """Return the body of a request without structured output."""
    messages = [{"role": "user", "content": content}] if "chat" in spec.model else content
    settings = {"temperature": 0, "max_gen_toks": spec.max_tokens, "until": [UNTIL]}
    body: dict[str, Any] = lm._create_payload(
        messages, generate=True, gen_kwargs=settings, seed=lm._seed, eos=None
    )
    if body.get("temperature") and not _OWN_TEMPERATURE.search(lm.model):
        body |= {"temperature": 0, "stop": [UNTIL]}
    return body


def label_call(lm: Any, job: Job) -> Call[str]:
    """Return the request for the log-likelihood of a label."""
    context, label = lm._encode_pair(job.content, f" {job.label}")
    inputs, lengths, _ = lm.batch_loglikelihood_requests([[(None, context, label)]])
    body = lm._create_payload(
        lm.create_message(inputs), generate=False, gen_kwargs={}, seed=lm._seed, eos=None
    )
    [tokens], [context_length] = inputs, lengths
    return Call(body, lambda answer: label_reply(lm, answer, tokens, context_length))


@cache
def _structure(judgement: Judgement) -> dict[str, Any]:
    """Return what asks a server for structured output; making a schema takes a millisecond."""
    schema = {"name": judgement.name, "schema": judgement.json_schema(), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _is_chat(lm: Any) -> bool:
    """Tell whether a model speaks the chat protocol, which knows of schemas and refusals."""
    from lm_eval.models.openai_completions import LocalChatCompletion

    return isinstance(lm, LocalChatCompletion)
