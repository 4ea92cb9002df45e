"""What a judge's server is sent, as the harness's model puts it, and what reads its answer."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from lm_eval_overton.client.bodies import Asked, body, has_own_temperature
from lm_eval_overton.client.outcome import Call
from lm_eval_overton.judge.client.jobs import Job
from lm_eval_overton.judge.client.replies import chat_reply, label_reply, text_reply
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = ["call", "label_call", "payload"]


def call(lm: Any, spec: JudgeSpec, job: Job) -> Call[str]:
    """Return the request for a verdict in writing."""
    plain = payload(lm, spec, job.content)
    if not _is_chat(lm):
        return Call(plain, lambda answer: text_reply(lm, answer))

    def read(answer: Any) -> str:
        return chat_reply(answer, lm.think_end_token)

    return (
        Call(plain | _structure(job.judgement), read, plain)
        if spec.structured
        else Call(plain, read)
    )


def payload(lm: Any, spec: JudgeSpec, content: str) -> dict[str, Any]:
    """Return the body of a request without structured output."""
    from lm_eval.models.api_models import JsonChatStr

    context: Any = content
    if "chat" in spec.model:
        context = JsonChatStr(json.dumps([{"role": "user", "content": content}]))
    temperature = 1 if has_own_temperature(lm) else 0
    settings = {"temperature": temperature, "max_gen_toks": spec.max_tokens}
    return body(lm, context, Asked(settings, seed=lm._seed))


def label_call(lm: Any, job: Job) -> Call[str]:
    """Return the request for the log-likelihood of a label."""
    context, label = lm._encode_pair(job.content, f" {job.label}")
    inputs, lengths, _ = lm.batch_loglikelihood_requests([[(None, context, label)]])
    asked = lm._create_payload(
        lm.create_message(inputs), generate=False, gen_kwargs={}, seed=lm._seed, eos=None
    )
    [tokens], [context_length] = inputs, lengths
    return Call(asked, lambda answer: label_reply(lm, answer, tokens, context_length))


@cache
def _structure(judgement: Judgement) -> dict[str, Any]:
    """Return what asks a server for structured output; making a schema takes a millisecond."""
    schema = {"name": judgement.name, "schema": judgement.json_schema(), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _is_chat(lm: Any) -> bool:
    """Tell whether a model speaks the chat protocol, which knows of schemas and refusals."""
    from lm_eval.models.openai_completions import LocalChatCompletion

    return isinstance(lm, LocalChatCompletion)
