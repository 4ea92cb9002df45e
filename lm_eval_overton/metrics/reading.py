"""The languages of a run: what takes its texts apart, and whether the encoder reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.runs import folder
from lm_eval_overton.text import segmenter
from lm_eval_overton.text.languages import UNDETERMINED, detect
from lm_eval_overton.text.readable import MULTILINGUAL, reads
from lm_eval_overton.text.tokenizer import Tokenizer
from lm_eval_overton.text.tokenizers import in_use, tokenizer_for
from lm_eval_overton.text.words import SEGMENTED

__all__ = ["Reading", "read"]

# From this share of the texts on, a second language is worth a line.
_MIXED = 0.05


@dataclass(frozen=True)
class Reading:
    """The bench with what its texts need; what the values are to be read with, a sentence each."""

    bench: Bench
    alarms: tuple[str, ...] = ()


def read(
    prompts: Sequence[Prompt],
    bench: Bench,
    language: str | None = None,
    world_size: int = 1,
) -> Reading:
    """Return a bench that fits the language of all texts of a run, taken together.

    Args:
        prompts: The prompts of this process with their samples.
        bench: What is common to all prompts; its matcher splits responses with the language's
            tokenizer from now on.
        language: The language, where the user says it.
        world_size: The number of data-parallel processes, which all must come here.
    """
    together = partial(folder.together, world_size=world_size)
    texts = [text for prompt in prompts for text in (*prompt.texts, *prompt.reference_texts)]
    asked = [str(prompt.doc.get("prompt", "")) for prompt in prompts]
    shares = {language: 1.0} if language else detect(texts, asked, together)
    languages = in_use(shares)
    tokenizer = tokenizer_for(languages)
    if bench.matcher is not None:
        bench.matcher.split_with(tokenizer)
    found = together(reads(bench.encoder, languages, texts))
    readable = False if False in found else None if None in found else True
    fitted = replace(
        bench,
        tokenizer=tokenizer,
        reads=readable is not False,
        alike=all(together(all(map(_is_alike, prompts)))),
        verbatim=all(together(all(_is_verbatim(prompt, tokenizer) for prompt in prompts))),
    )
    alarms = [*_mixed(shares), *_unread(fitted, languages, readable), *_unsegmented(languages)]
    return Reading(fitted, tuple(alarms))


def _is_alike(prompt: Prompt) -> bool:
    return len({*prompt.texts, *prompt.reference_texts}) <= 1


def _is_verbatim(prompt: Prompt, tokenizer: Tokenizer) -> bool:
    """Tell whether each text of a prompt holds each of its viewpoints as a sentence."""
    if "viewpoints" not in prompt.doc:
        return False
    texts = (*prompt.texts, *prompt.reference_texts)
    return all({*prompt.viewpoints} <= {*tokenizer.sentences(text)} for text in texts)


def _mixed(shares: Mapping[str, float]) -> list[str]:
    several = [(code, share) for code, share in shares.items() if share >= _MIXED]
    if len(several) < 2:
        return []
    parts = ", ".join(f"{code} {share:.0%}" for code, share in several)
    return [
        f"the texts are in several languages ({parts}): texts in different languages share no "
        "words, so that diversity is high whatever they say; score one language at a time"
    ]


def _unread(bench: Bench, languages: Sequence[str], readable: bool | None) -> list[str]:
    if readable:
        return []
    encoder, named = bench.encoder.source.name, " and ".join(languages)
    others = ", ".join(name.rpartition("/")[2] for name in MULTILINGUAL)
    if readable is None:
        return [
            f"it is not known whether the encoder {encoder} reads {named}: what rests on "
            f"embeddings means something only if it does (multilingual are {others})"
        ]
    said = (
        '; where they are in English after all, say so: --metadata \'{"language": "en"}\''
        if UNDETERMINED in languages
        else ""
    )
    return [
        f"the encoder {encoder} does not read {named}: what it would have to read is undefined; "
        f'take a multilingual one ({others}): --metadata \'{{"encoder": "{MULTILINGUAL[0]}"}}\''
        f"{said}"
    ]


def _unsegmented(languages: Sequence[str]) -> list[str]:
    if SEGMENTED.isdisjoint(languages) or segmenter.has_dictionary():
        return []
    return [
        f"no dictionary of {' and '.join(SEGMENTED.intersection(languages))} is installed: pairs "
        f"of characters stand for words; for words: {segmenter.INSTALL}"
    ]
