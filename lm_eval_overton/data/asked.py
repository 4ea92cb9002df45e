"""What a record asks and what it is called, whichever tool wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lm_eval_overton.data.rows import short
from lm_eval_overton.errors import DataError

__all__ = ["ROLES", "Turn", "content_text", "identifier", "prompt_of", "turns_of"]

TURNS = ("messages", "conversations", "conversation")
# What else a prompt is called where none is called so.
QUESTIONS = ("instruction", "question", "query", "input")
IDS = ("custom_id", "id", "prompt_id", "question_id")
# Keys of what a server replied.
REPLY = {"choices", "role", "object"}
ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
TEXT_PARTS = ("text", "output_text", "input_text")
# Parts beside the answer: what the model thought, and what it asked of tools.
BESIDE = ("thinking", "redacted_thinking", "reasoning", "tool_use", "tool_call", "function_call")


class Turn(NamedTuple):
    """One message of a conversation; `role` is "user", "assistant", "system" or another."""

    role: str
    content: Any
    message: Mapping[str, Any]


def identifier(record: Mapping[str, Any], where: str) -> str | None:
    """Return the id of a record's prompt; None for none.

    Args:
        record: A prompt, or responses to one.
        where: Its place, for messages.

    Raises:
        DataError: If the id is no string and no whole number.
    """
    # What a server replied has an id of its own, which is not that of a prompt.
    names = [key for key in IDS if key != "id" or not REPLY & set(record)]
    key = next((key for key in names if record.get(key) not in (None, "")), None)
    if key is None:
        return None
    value = record[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(
            f'{where}: expected "{key}" to be a string or an integer, got {short(value)}; write '
            "it as a string"
        )
    return str(value)


def prompt_of(record: Mapping[str, Any], where: str) -> str | None:
    """Return the prompt of a record: `prompt`, the one user turn of its messages, a question.

    Args:
        record: A prompt, or responses to one.
        where: Its place, for messages.

    Returns:
        The prompt as it stands there; None if the record holds none.

    Raises:
        DataError: If it is no text, or may be one of several.
    """
    if record.get("prompt") is not None:
        return _text(record["prompt"], "prompt", where)
    turns = turns_of(record)
    if turns:
        return _one_user_turn(turns, where)
    if isinstance(record.get("turns"), list):
        return _one_of_turns(record["turns"], where)
    request = record.get("request") or record.get("body")
    return _question(record, where) or (
        prompt_of(request, where) if isinstance(request, Mapping) else None
    )


def turns_of(record: Mapping[str, Any]) -> list[Turn]:
    """Return the conversation that a record holds; none if it holds none."""
    for key in TURNS:
        own = record.get(key)
        if isinstance(own, list) and own and all(isinstance(turn, Mapping) for turn in own):
            return [_turn(turn) for turn in own]
    return []


def content_text(content: Any, where: str) -> str | None:
    """Return the text of a message; that of its text parts where it is a list of parts.

    Args:
        content: A string, a list of parts, or None.
        where: Its place, for messages.

    Returns:
        The text, without what the model thought; None for no content and no text part.

    Raises:
        DataError: If it is, or holds, something else than text.
    """
    if not isinstance(content, list):
        return None if content is None else _text(content, "content", where)
    texts = [text for part in content if (text := _part(part, where)) is not None]
    return "".join(texts) if texts else None


def _part(part: Any, where: str) -> str | None:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in BESIDE:
        return None
    text = part.get("refusal" if kind == "refusal" else "text") if kind else None
    if kind not in (*TEXT_PARTS, "refusal") or not isinstance(text, str):
        raise DataError(
            f"{where}: expected a message of text, got a part {short(part)}; only texts are scored"
        )
    return text


def _turn(message: Mapping[str, Any]) -> Turn:
    role = str(message.get("role") or message.get("from") or "")
    content = message["content"] if "content" in message else message.get("value")
    return Turn(ROLES.get(role, role), content, message)


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        hint = '; messages belong under "messages"' if isinstance(value, list) else ""
        raise DataError(f'{where}: expected "{key}" to be a string, got {short(value)}{hint}')
    return value


def _one_user_turn(turns: Sequence[Turn], where: str) -> str | None:
    asked = [turn for turn in turns if turn.role == "user"]
    if len(asked) != 1:
        roles = ", ".join(turn.role for turn in turns[:6])
        raise DataError(
            f"{where}: expected messages with exactly one user message, got {len(asked)} "
            f'({roles}); give the text that was asked as "prompt"'
        )
    return content_text(asked[0].content, where)


def _one_of_turns(turns: Sequence[Any], where: str) -> str:
    if len(turns) != 1:
        raise DataError(
            f'{where}: expected a prompt of one turn, got {len(turns)} in "turns"; give the one '
            'that is to be asked as "prompt"'
        )
    return _text(turns[0], "turns", where)


def _question(record: Mapping[str, Any], where: str) -> str | None:
    named = {key: record[key] for key in QUESTIONS if record.get(key) not in (None, "")}
    if len(named) > 1:
        raise DataError(
            f"{where}: expected one text that is asked, got {' and '.join(named)}; join them as "
            '"prompt"'
        )
    for key, value in named.items():
        return _text(value, key, where)
    return None
