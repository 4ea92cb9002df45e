"""The text around a question: how a base model and a chat model are asked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHAT", "QUERY_ANSWER", "Frame"]

FENCE = "```"


@dataclass(frozen=True)
class Frame:
    """A named way to ask; `template` has one field, `{prompt}`."""

    name: str
    template: str
    stops: tuple[str, ...]

    def ask(self, prompt: str) -> str:
        """Return the text that is sent for a question."""
        # Not str.format: a prompt and a frame may hold braces.
        return self.template.replace("{prompt}", prompt)


# The zero-shot frame of Lake et al. 2024, arXiv:2406.17692, for models without a chat template.
QUERY_ANSWER = Frame(
    "query-answer",
    f"# Query:\n{FENCE}\n{{prompt}}\n{FENCE}\n\n# Answer:\n{FENCE}\n",
    (FENCE,),
)

# A chat answer may hold code fences, so that nothing of ours stops it.
CHAT = Frame("chat", "{prompt}", ())
