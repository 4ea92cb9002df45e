"""The text around a question: how a base model and a chat model are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_overton.text.forms import ANSWER, FENCE, QUERY
from lm_eval_overton.text.samples import asks_summary_first

__all__ = [
    "CHAT",
    "CHAT_SUMMARY_FIRST",
    "FENCE",
    "QUERY_ANSWER",
    "QUERY_ANSWER_LINE",
    "SUMMARY_FIRST",
    "ChatFrame",
    "Example",
    "Frame",
    "Message",
]

SUMMARY = "# Summary"

Message = dict[str, str]


@dataclass(frozen=True)
class Example:
    """A question with its answer, and the answer's summary where a frame shows one."""

    prompt: str
    response: str
    summary: str | None = None


def _section(title: str, text: str) -> str:
    # A fence within the text would end its section.
    return f"{title}:\n{FENCE}\n{text.replace(FENCE, chr(39) * 3)}\n{FENCE}\n\n"


def _opening(title: str) -> str:
    return f"{title}:\n{FENCE}\n"


@dataclass(frozen=True)
class Frame:
    """A named way to ask.

    `stops` end a generation. How its responses are cleaned is known by its name.
    """

    name: str
    stops: tuple[str, ...]

    @property
    def summary_first(self) -> bool:
        """Whether the model writes a summary before its answer."""
        return asks_summary_first(self.name)

    def ask(self, prompt: str, examples: Sequence[Example] = (), hint: str | None = None) -> str:
        """Return the text that is sent for a question.

        Args:
            prompt: The question.
            examples: What stands before it; their summaries are shown if a hint is, or if the
                model is to write one.
            hint: A summary of the answer that is looked for.
        """
        shown = "".join(self._example(example, hint is not None) for example in examples)
        # The question is sent as it is, byte for byte.
        own = f"{QUERY}:\n{FENCE}\n{prompt}\n{FENCE}\n\n"
        if hint is not None:
            own += _section(SUMMARY, hint)
        return shown + own + _opening(SUMMARY if self.summary_first else ANSWER)

    def _example(self, example: Example, hinted: bool) -> str:
        summary = example.summary if hinted or self.summary_first else None
        middle = _section(SUMMARY, summary) if summary else ""
        return _section(QUERY, example.prompt) + middle + _section(ANSWER, example.response)


@dataclass(frozen=True)
class LineFrame(Frame):
    """A way to ask whose answer stands on the line of its heading, behind a blank.

    A text that ends in white space has no probability of what follows it alone: tokenizers may join
    the two.
    """

    def ask(self, prompt: str, examples: Sequence[Example] = (), hint: str | None = None) -> str:
        """Return the text that is sent for a question."""
        return super().ask(prompt, examples, hint).removesuffix(f"\n{FENCE}\n")


@dataclass(frozen=True)
class ChatFrame(Frame):
    """A way to ask a chat model: examples are turns of the conversation."""

    def ask(self, prompt: str, examples: Sequence[Example] = (), hint: str | None = None) -> str:
        """Return the user's turn for a question."""
        if self.summary_first:
            return (
                f"{prompt}\n\nFirst write a summary of your answer in two or three sentences "
                f"under the heading {SUMMARY}, then the answer under the heading {ANSWER}, each "
                f"between two lines of {FENCE}."
            )
        return prompt if hint is None else f"{prompt}\n\nA summary of a good answer: {hint}"

    def turns(
        self, prompt: str, examples: Sequence[Example], hint: str | None, system: str | None
    ) -> list[Message]:
        """Return the messages of a conversation whose last one is the question."""
        messages = [{"role": "system", "content": system}] if system else []
        for example in examples:
            shown = example.summary if hint is not None else None
            messages.append({"role": "user", "content": self.ask(example.prompt, hint=shown)})
            messages.append({"role": "assistant", "content": self._reply(example)})
        return [*messages, {"role": "user", "content": self.ask(prompt, hint=hint)}]

    def _reply(self, example: Example) -> str:
        if not self.summary_first:
            return example.response
        summary = _section(SUMMARY, example.summary or "")
        return (summary + _section(ANSWER, example.response)).rstrip()


# The zero-shot frame of Lake et al. 2024, arXiv:2406.17692, for models without a chat template.
QUERY_ANSWER = Frame("query-answer", (FENCE,))
QUERY_ANSWER_LINE = LineFrame("query-answer-line", ())
SUMMARY_FIRST = Frame("query-summary-answer", (QUERY,))

# A chat answer may hold code fences, so that nothing of ours stops it.
CHAT = ChatFrame("chat", ())
CHAT_SUMMARY_FIRST = ChatFrame("chat-summary-answer", ())
