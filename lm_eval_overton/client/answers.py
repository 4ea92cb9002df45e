"""What a server answered to an evaluated model's prompt: a text and why it ended, or no reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

from lm_eval_overton.client.outcome import NoReplyError
from lm_eval_overton.client.words import said
from lm_eval_overton.text.reasoning_marks import FAMILIES

__all__ = ["Answer", "check_for_errors", "finish_of", "parts_of", "reader_of"]

# The words of servers for an answer that came to its end, and for one that the limit ended.
_ENDS = dict.fromkeys(("stop", "end_turn", "stop_sequence", "eos", "eos_token", "done"), "stop")
_ENDS |= dict.fromkeys(
    ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"),
    "length",
)
# Under these keys servers hand out a thought beside the answer.
_THOUGHTS = ("reasoning_content", "reasoning")

# What a thought that came beside its answer is put between: one text holds both then, as it does
# where a server does not take them apart.
_OPEN, _CLOSE = FAMILIES[0]


class Answer(str):
    """A text that a model wrote.

    Attributes:
        finish_reason: Why it ended: `stop`, `length` or another word of the server; None where it
            says nothing.
    """

    finish_reason: str | None

    def __new__(cls, text: str, finish_reason: str | None = None) -> Answer:
        """Return the text, with why it ended."""
        answer = super().__new__(cls, text)
        answer.finish_reason = finish_reason
        return answer


def reader_of(lm: Any) -> Callable[[Any], list[Answer | None]]:
    """Return what reads the answers out of the body that a model's server sent.

    It gives one answer for each that the body holds, None where there is none to be had, and
    raises whatever it likes if the body holds nothing that it knows.

    Args:
        lm: A `TemplateAPI` of the harness.
    """
    # Whoever wrote the class's own reader knows how its server answers.
    reads = next(cls for cls in type(lm).__mro__ if "parse_generations" in vars(cls))
    known = _KNOWN.get(reads.__name__) if reads.__module__.startswith("lm_eval.models") else None
    return partial(known or _parsed, lm=lm)


def _parsed(body: Any, *, lm: Any) -> list[Answer | None]:
    """Return answers as a model of the harness reads them that has its own way to do it."""
    check_for_errors(body)
    found = lm.parse_generations([body])
    if not found or found[0] is None:
        raise ValueError("expected an answer, got none")
    choices = body.get("choices") if isinstance(body, Mapping) else None
    ends = list(map(finish_of, choices or [body]))
    return [Answer(str(text), end) for text, end in zip_longest(found, ends[: len(found)])]


def _chat(body: Any, *, lm: Any) -> list[Answer | None]:
    check_for_errors(body)
    return _each(body, partial(_message, lm=lm))


def _completion(body: Any, *, lm: Any) -> list[Answer | None]:
    check_for_errors(body)
    return _each(body, _text)


def _each(body: Mapping[str, Any], read: Callable[[Any], Answer]) -> list[Answer | None]:
    if not body["choices"]:
        if _is_blocked(body):
            raise NoReplyError("the prompt was blocked by a content filter")
        raise ValueError("expected choices, got none")
    choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
    if len(choices) == 1:
        return [read(choices[0])]
    answers = [_or_none(read, choice) for choice in choices]
    # If there is none to be had, the first says why.
    return answers if any(answer is not None for answer in answers) else [read(choices[0])]


def _is_blocked(body: Mapping[str, Any]) -> bool:
    return bool((body.get("promptFeedback") or {}).get("blockReason"))


def _or_none(read: Callable[[Any], Answer], choice: Any) -> Answer | None:
    try:
        return read(choice)
    except Exception:
        # One choice that cannot be read, in whatever way, does not take the others with it.
        return None


def _text(choice: Mapping[str, Any]) -> Answer:
    text, finish = choice["text"], finish_of(choice)
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {type(text).__name__}")
    if not text and finish == "content_filter":
        raise NoReplyError("the answer was withheld by a content filter")
    return Answer(text, finish)


def _message(choice: Mapping[str, Any], *, lm: Any) -> Answer:
    message, finish = choice.get("message") or {}, finish_of(choice)
    text, thought = parts_of(message.get("content"))
    refusal = message.get("refusal")
    if not text and isinstance(refusal, str) and refusal:
        return Answer(refusal, "refusal")
    if not text and finish == "content_filter":
        raise NoReplyError("the answer was withheld by a content filter")
    beside = (message.get(key) for key in _THOUGHTS)
    thought = thought or next((own for own in beside if isinstance(own, str)), "")
    if text is None and not (thought or message.get("tool_calls") or finish == "length"):
        raise ValueError(f"expected a message with content, got {', '.join(message) or 'none'}")
    return Answer(_whole(text or "", thought, finish, lm), finish)


def _whole(text: str, thought: str, finish: str | None, lm: Any) -> str:
    """Return an answer with the thought that came beside it in front."""
    end = getattr(lm, "think_end_token", None)
    if end:
        # The user asked the harness to cut off what is before this mark.
        return text.split(end)[-1].lstrip() if end in text else text
    if not thought.strip():
        return text
    if not text and finish == "length":
        return f"{_OPEN}\n{thought}"
    return f"{_OPEN}\n{thought}\n{_CLOSE}\n\n{text}"


def parts_of(content: Any) -> tuple[str | None, str]:
    """Return a message's text, None if there is none, and the thoughts among its parts.

    Raises:
        Exception: If it is neither a text nor a list of parts.
    """
    if content is None or isinstance(content, str):
        return content, ""
    if not isinstance(content, Sequence):
        raise TypeError(f"expected a text or its parts, got {type(content).__name__}")
    texts = [part["text"] for part in content if part.get("type") in ("text", "output_text")]
    return ("".join(texts) if texts else None), "".join(map(_thought, content))


def _thought(part: Mapping[str, Any]) -> str:
    if part.get("type") not in ("thinking", "reasoning"):
        return ""
    own = part.get("thinking") or part.get("text") or part.get("reasoning") or ""
    return own if isinstance(own, str) else "".join(str(inner.get("text", "")) for inner in own)


def _anthropic(body: Any, *, lm: Any) -> list[Answer | None]:
    check_for_errors(body)
    finish = _ENDS.get(reason := body.get("stop_reason"), reason)
    text, thought = parts_of(body["content"])
    if text is None and not thought and not finish:
        raise ValueError("expected a message with content, got none")
    return [Answer(_whole(text or "", thought, finish, lm), finish)]


def _sglang(body: Any, *, lm: Any) -> list[Answer | None]:
    check_for_errors(body)
    bodies = body if isinstance(body, list) else [body]
    return [_text({**own, **(own.get("meta_info") or {})}) for own in bodies]


_KNOWN = {
    "AnthropicChat": _anthropic,
    "SGLANGGENERATEAPI": _sglang,
    "LocalChatCompletion": _chat,
    "LocalCompletionsAPI": _completion,
}


def finish_of(choice: Any) -> str | None:
    """Return why a choice ended, or an answer without choices: `stop`, `length`, another word."""
    if not isinstance(choice, Mapping):
        return None
    reason = choice.get("finish_reason") or choice.get("stop_reason")
    if isinstance(reason, Mapping):
        reason = reason.get("type")
    return _ENDS.get(str(reason).lower(), str(reason).lower()) if reason else None


def check_for_errors(body: Any) -> None:
    """Raise what a server says of an error in an answer that it calls a success.

    Raises:
        ValueError: If it does.
    """
    if not isinstance(body, Mapping):
        return
    for part in (body, *(body.get("choices") or ())):
        if part.get("error") or part.get("finish_reason") == "error":
            words = said(json.dumps({"error": part.get("error")})) if part.get("error") else ""
            raise ValueError(f"the server speaks of an error: {words or 'no more than that'}")
