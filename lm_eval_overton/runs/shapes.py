"""How a record holds responses: one small function per shape that some tool writes.

Each returns the samples of a record of its shape, None for any other. A text is a text: nothing
else is turned into one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lm_eval_overton.data.asked import ROLES, content_text, identifier, prompt_of, turns_of
from lm_eval_overton.data.rows import Row, short
from lm_eval_overton.data.tags import TAGS, read_tags
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entries import Entry, given_of

__all__ = ["listed", "one_generator", "read_entry"]

OWN = "responses"
# What else one response or a list of them is called.
NAMES = (
    "generations",
    "completions",
    "outputs",
    "samples",
    "response",
    "output",
    "completion",
    "generation",
    "generated_text",
    "model_output",
    "text",
)
GENERATORS = ("generator", "model", "model_id", "model_name")
REASONS = {
    "stop": (
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "completed",
        "complete",
        "word",
    ),
    "length": ("length", "max_tokens", "max_output_tokens", "model_length", "incomplete", "limit"),
    "content_filter": ("content_filter", "safety", "refusal", "recitation", "blocked"),
    "tool_calls": ("tool_calls", "tool_use", "function_call"),
}
NORMAL_REASON = {name: reason for reason, names in REASONS.items() for name in names}


class Sample(NamedTuple):
    """A response, None if its request failed, and why it ended."""

    text: str | None
    reason: str | None = None


Shape = Callable[[Mapping[str, Any], str], "list[Sample] | None"]


def read_entry(row: Row) -> Entry:
    """Return what a record of any shape says: prompt, id, responses, why they ended.

    Raises:
        DataError: With the record's place, if it holds no responses, or something else than text
            in the place of one.
    """
    for shape in SHAPES:
        samples = shape(row.value, row.where)
        if samples is not None:
            return _entry(row, samples)
    raise DataError(
        f'{row.where}: expected "responses" to be a list of strings and nulls, got the keys '
        f"{', '.join(sorted(map(str, row.value))) or 'none'}; where a line has one, call it "
        '"response"'
    )


def listed(row: Row) -> Entry:
    """Return what a record of our own format says, which has a list of responses.

    Raises:
        DataError: As `read_entry`.
    """
    samples = _own_list(row.value, row.where)
    if samples is None:
        raise DataError(
            f'{row.where}: expected "responses" to be a list of strings and nulls, got the keys '
            f"{', '.join(sorted(map(str, row.value))) or 'none'}"
        )
    return _entry(row, samples)


def one_generator(rows: Sequence[Row], path: Any) -> None:
    """Refuse records of several models, whose answers are not samples of one.

    Raises:
        DataError: With the models' names.
    """
    for key in GENERATORS:
        names = {row.value[key] for row in rows if isinstance(row.value.get(key), str)}
        if len(names) > 1:
            raise DataError(
                f'{path}: expected the responses of one model, got {len(names)} under "{key}": '
                f"{short(', '.join(sorted(names)))}; put each into a file of its own"
            )


def _entry(row: Row, samples: Sequence[Sample]) -> Entry:
    reasons = [sample.reason for sample in samples]
    return Entry(
        identifier(row.value, row.where),
        prompt_of(row.value, row.where),
        [sample.text for sample in samples],
        finish_reasons=reasons if any(reasons) else None,
        given=given_of(row, len(samples)),
        # What is no tag is something else that a tool keeps with its responses.
        tags=read_tags(row.value.get(TAGS)) or (),
    )


# ------------------------------------------------------------------------------------------ shapes


def _own_list(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """`{"responses": ["...", null], "finish_reasons": ["stop", null]}`."""
    if OWN not in record:
        return None
    texts = _texts(record[OWN], OWN, where)
    reasons = record.get("finish_reasons")
    if reasons is None:
        return [Sample(text) for text in texts]
    if not isinstance(reasons, list) or len(reasons) != len(texts):
        got = f"{len(reasons)} of them" if isinstance(reasons, list) else short(reasons)
        raise DataError(
            f'{where}: expected "finish_reasons" to be a list of one for each of {len(texts)} '
            f"responses, got {got}"
        )
    return [Sample(*pair) for pair in zip(texts, map(_reason, reasons), strict=True)]


def _batch(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """A line of a batch's output: `{"custom_id": ..., "response": {"body": ...}, "error": ...}`."""
    if "custom_id" not in record or not ({"response", "result"} & set(record)):
        return None
    reply = record.get("response") or record.get("result") or {}
    if not isinstance(reply, Mapping):
        return None
    body = reply.get("body") or reply.get("message")
    if record.get("error") or not isinstance(body, Mapping) or body.get("error"):
        # How many were asked for is what the other lines have.
        return []
    return _body(body, where)


def _own_body(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """What a chat or completions server replied, by itself or under "response"."""
    for body in (record, record.get("response"), record.get("completion"), record.get("output")):
        if isinstance(body, Mapping) and _is_body(body):
            return _body(body, where)
    return None


def _tgi(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """What text-generation-inference replied, the best of several first."""
    details = record.get("details")
    if not isinstance(details, Mapping) or "generated_text" not in record:
        return None
    others = details.get("best_of_sequences") or []
    replies = [{**details, "generated_text": record["generated_text"]}, *others]
    return [
        Sample(_text(reply.get("generated_text"), "generated_text", where, i), _reason_of(reply))
        for i, reply in enumerate(replies)
    ]


def _named(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """One response, or a list of them, under one of `NAMES`."""
    present = [key for key in NAMES if key in record]
    filled = [key for key in present if record[key] is not None]
    if len(filled) > 1:
        raise DataError(
            f"{where}: expected one of the keys to hold the response, got {' and '.join(filled)}; "
            'name the one that is meant "response"'
        )
    if not present:
        return None
    _require_answer(record, where)
    key = (filled or present)[0]
    value = record[key]
    if isinstance(value, list) and _are_turns(value):
        return _last_turn({"messages": value}, where)
    if isinstance(value, list):
        return [Sample(text) for text in _texts(value, key, where)]
    return [Sample(_text(value, key, where), _reason_of(record))]


def _require_answer(record: Mapping[str, Any], where: str) -> None:
    """Refuse a line that is one message of a conversation, and not the model's."""
    role = record.get("role")
    if isinstance(role, str) and ROLES.get(role, role) not in ("", "assistant"):
        raise DataError(
            f"{where}: expected the response of a model, got a message of {role!r}; write one "
            'conversation per line as "messages"'
        )


def _last_turn(record: Mapping[str, Any], where: str) -> list[Sample] | None:
    """A conversation, whose last message is the response."""
    turns = turns_of(record)
    if not turns:
        return None
    last = turns[-1]
    if last.role != "assistant":
        raise DataError(
            f"{where}: expected messages that end with the assistant's, got one of "
            f'{last.role or "nobody"} at the end; add the response, or give it as "response"'
        )
    return [Sample(_message_text(last.message, last.content, where), _reason_of(record))]


SHAPES: tuple[Shape, ...] = (_own_list, _batch, _own_body, _tgi, _named, _last_turn)


# ------------------------------------------------------------------------------- bodies of servers


def _is_body(body: Mapping[str, Any]) -> bool:
    return (
        isinstance(body.get("choices"), list)
        or (_answer_in(body) is not None and not body.keys() & set(NAMES))
        or (isinstance(body.get("output"), list) and body.get("object") == "response")
        or (isinstance(body.get("content"), list) and body.get("role") == "assistant")
    )


def _answer_in(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the one message that a server replied, as Ollama does."""
    message = body.get("message")
    is_answer = isinstance(message, Mapping) and message.get("role") == "assistant"
    return message if is_answer else None


def _body(body: Mapping[str, Any], where: str) -> list[Sample]:
    if isinstance(body.get("choices"), list):
        return [_choice(choice, where, i) for i, choice in enumerate(body["choices"])]
    if message := _answer_in(body):
        return [Sample(_message_text(message, message.get("content"), where), _reason_of(body))]
    if isinstance(body.get("output"), list):
        return [Sample(_output_text(body["output"], where), _reason(body.get("status")))]
    if "content" in body:
        return [Sample(content_text(body["content"], where), _reason_of(body))]
    raise DataError(
        f'{where}: expected a reply with "choices", got one with {", ".join(sorted(body))}; write '
        'its answer as "response"'
    )


def _choice(choice: Any, where: str, index: int) -> Sample:
    turns = choice.get("turns") if isinstance(choice, Mapping) else None
    if isinstance(turns, list) and len(turns) == 1:
        return Sample(_text(turns[0], "turns", where, index), _reason_of(choice))
    if not isinstance(choice, Mapping) or not {"message", "text"} & set(choice):
        raise DataError(
            f'{where}: expected choice {index} to hold a "message", a "text" or one turn, got '
            f'{short(choice)}; give the answer that is meant as "response"'
        )
    reason = _reason_of(choice)
    message = choice.get("message")
    if isinstance(message, Mapping):
        return Sample(_message_text(message, message.get("content"), where), reason)
    return Sample(_text(choice.get("text"), "text", where, index), reason)


def _message_text(message: Mapping[str, Any], content: Any, where: str) -> str | None:
    text = content_text(content, where)
    # A server's refusal stands beside the content, and is the answer.
    return content_text(message.get("refusal"), where) if text is None else text


def _output_text(items: Sequence[Any], where: str) -> str | None:
    """Return the text of the messages among what a server put out."""
    messages = [i for i in items if isinstance(i, Mapping) and i.get("type") == "message"]
    texts = [content_text(message.get("content"), where) for message in messages]
    known = [text for text in texts if text is not None]
    return "".join(known) if known else None


# ------------------------------------------------------------------------------------------ values


def _texts(value: Any, key: str, where: str) -> list[str | None]:
    if not isinstance(value, list):
        raise DataError(
            f'{where}: expected "{key}" to be a list of strings and nulls, got {short(value)}'
        )
    return [_text(item, key, where, i) for i, item in enumerate(value)]


def _text(value: Any, key: str, where: str, index: int | None = None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    what = "a string or null" if index is None else "a list of strings and nulls"
    at = "" if index is None else f" at index {index}"
    raise DataError(
        f'{where}: expected "{key}" to be {what}, got {type(value).__name__} {short(value)}{at}; '
        "write the text itself, or null for a failed request"
    )


def _reason_of(record: Mapping[str, Any]) -> str | None:
    for key in ("finish_reason", "stop_reason", "finishReason", "done_reason", "stop_type"):
        if record.get(key) is not None:
            return _reason(record[key])
    about = record.get("meta_info")
    return _reason_of(about) if isinstance(about, Mapping) else None


def _reason(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("type")
    return NORMAL_REASON.get(value.lower()) if isinstance(value, str) else None


def _are_turns(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(one, Mapping) and "role" in one for one in value)
