"""The same everyday answers in many languages, three prompts with five answers each."""

import json
from pathlib import Path

FOLDER = Path(__file__).with_name("parallel")
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.json"))
OTHERS = [code for code in LANGUAGES if code != "en"]


def answers(language: str) -> list[list[str]]:
    """Return the answers to each prompt."""
    prompts = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return [prompt["responses"] for prompt in prompts]


def all_answers(language: str) -> list[str]:
    """Return the answers to all prompts."""
    return [text for own in answers(language) for text in own]
