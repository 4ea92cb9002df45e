"""How a text is quoted to a judge: as data, between lines that it cannot hold itself."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping

__all__ = ["as_data", "fenced", "new_mark", "without_tokens"]

_MARK_LENGTH = 16
_PUNCTUATION = re.compile(r"[^\w\s]")

# Shapes that chat templates turn into control tokens, and marks of thoughts. A tokenizer does so
# wherever they stand, so a response that holds one would leave its quotation before the judge
# reads a word. By the character that a space parts from the rest.
_AFTER_ANGLE = (
    r"[|｜]",
    r"/?(?:s|bos|eos|pad|unk|sep|cls|mask|sop|eop|eoh|eoa|sys|system|user|assistant|human|tool"
    r"|tool_call|tool_calls|tool_response|function_call|start_of_turn|end_of_turn)>",
    r"/?(?:think|thinking|thought|thoughts|reasoning|scratchpad)>",
    r"(?:begin|beginning|end)_of_[a-z_]+>",
    # Cohere, Seed-OSS, MiniMax, Nemotron, Baichuan, Gemma.
    r"[A-Z_]+_TOKEN>",
    r"/?(?:seed|mm|minimax):[a-z_]+>",
    r"(?:SPECIAL|extra_id|reserved|unused)_?\d+>",
    r"[BCH]_(?:U?SYS|FUNC|CODE|[AQ])>",
    r"[a-z_]+\|>",
)
_AFTER_BRACKET = (
    r"/?(?:inst|think|system_prompt|available_tools|tool_calls|tool_results|tool_content|args"
    r"|call_id|img|gmask|smask|cls|sep|pad|unk|mask|unused_?(?:token_)?\d+)\]",
    # EXAONE, MiniMax.
    r"\|/?[a-z_]+\|\]",
    r"e~\[",
)
_CONTROL_SHAPE = re.compile(
    rf"<(?={'|'.join(_AFTER_ANGLE)})|\[(?={'|'.join(_AFTER_BRACKET)})"
    r"|\](?=~!b\[|~b\]|![dp]~\[|<\]minimax)|◁(?=/?think▷)",
    re.IGNORECASE,
)


def as_data(text: str) -> str:
    """Return a text as it is quoted to the judge.

    Args:
        text: Any text.

    Returns:
        The text with "?" for what UTF-8 cannot hold and a space in each shape that a chat template
        would take for a control token; otherwise unchanged.
    """
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL_SHAPE.sub(lambda found: found.group() + " ", sendable)


def without_tokens(content: str, tokens: Iterable[str]) -> str:
    """Return what a judge is asked with a space in each control token of its own.

    What this package writes itself holds none, so that nothing but quoted text changes.

    Args:
        content: The whole prompt.
        tokens: The tokens, as a tokenizer lists them; words and white space are left alone.
    """
    marks = [token for token in tokens if len(token) > 1 and _PUNCTUATION.search(token)]
    if not marks:
        return content
    shapes = "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))
    return re.sub(shapes, lambda found: f"{found.group()[0]} {found.group()[1:]}", content)


def new_mark(seed: str, parts: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits that occur in no part, the same for the same parts.

    Whoever wrote a part could not foresee them, since they hash that part too.

    Args:
        seed: What else they hash.
        parts: The quoted texts by name.
    """
    folded = [unicodedata.normalize("NFKC", text).casefold() for text in parts.values()]
    attempt = 0
    while True:
        mark = _digest(json.dumps([seed, attempt, list(parts.items())]))[:_MARK_LENGTH]
        if not any(mark in text for text in folded):
            return mark
        attempt += 1


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def fenced(name: str, text: str, mark: str) -> str:
    """Return a text between its marker lines.

    Args:
        name: What the text is called.
        text: The text, as data.
        mark: What no text holds.
    """
    label = name.upper().replace("_", " ")
    return f"[begin {label} {mark}]\n{text}\n[end {label} {mark}]"
