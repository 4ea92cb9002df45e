"""How alike the samples of finished runs are, and of which of them that can be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lm_eval_overton import stats
from lm_eval_overton.comparison.homogeneity.alike import COSINE, WORDS, by_cosine
from lm_eval_overton.comparison.homogeneity.table import Homogeneity, homogeneity
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.runs.answers import shared_task, valid_texts
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.settings.signature import fields
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder
from lm_eval_overton.text.forward import DTYPES
from lm_eval_overton.text.readable import MULTILINGUAL, reads
from lm_eval_overton.text.tokenizers import tokenizer_of_all

__all__ = ["homogeneity_of"]

Texts = Mapping[str, Sequence[str]]


def homogeneity_of(
    runs: Sequence[FinishedRun], likeness: str, seed: int = stats.SEED
) -> Homogeneity:
    """Return how alike the samples of finished runs are, as they were scored.

    Args:
        runs: At least two, the base first.
        likeness: `words`, or `cosine` by the base's encoder, which a run has only in a language
            that the encoder reads.
        seed: Of the resamples.

    Raises:
        SettingsError: If there are fewer than two runs, or no such similarity.
        DataError: If they have no task or no prompt in common, or the responses of one cannot be
            read.
        EncoderError: If the encoder cannot be loaded.
    """
    if len(runs) < 2:
        raise SettingsError(f"homogeneity: expected at least 2 runs, got {len(runs)}")
    if likeness not in (WORDS, COSINE):
        raise SettingsError(f"homogeneity: expected {WORDS} or {COSINE}, got {likeness!r}")
    task = shared_task(runs)
    texts = valid_texts(runs, task)
    signatures = [own.signature for run in runs for own in run.tasks.values()]
    tokenizer = tokenizer_of_all(fields(one).get("tok", "en") for one in signatures)
    names = [run.name for run in runs]
    if likeness != COSINE:
        return homogeneity(names, texts, seed=seed, tokenizer=tokenizer)
    encoder = _encoder_of(runs[0], task)
    can_read = [_reads(encoder, run, task, own) for run, own in zip(runs, texts, strict=True)]
    found = homogeneity(
        names,
        texts,
        seed=seed,
        tokenizer=tokenizer,
        likeness=by_cosine(encoder),
        unread=frozenset(i for i, read in enumerate(can_read) if read is False),
    )
    return replace(found, notes=(*_about(encoder, runs, task, can_read), *found.notes))


def _encoder_of(run: FinishedRun, task: str) -> Encoder:
    given = run.tasks[task].settings
    source = find_encoder(str(given.get("encoder") or DEFAULT_ENCODER))
    return get_encoder(source, dtype=str(given.get("encoder_dtype") or DTYPES[0]))


def _languages(run: FinishedRun, task: str) -> list[str]:
    """Return the languages that a run's samples are in, as its scores were made."""
    tokenizer = fields(run.tasks[task].signature).get("tok", "en")
    return tokenizer.partition("-")[0].split("+")


def _reads(encoder: Encoder, run: FinishedRun, task: str, texts: Texts) -> bool | None:
    """Tell whether an encoder reads a run's samples; None where that is not known."""
    flat = [text for own in texts.values() for text in own]
    return reads(encoder, _languages(run, task), flat)


def _about(
    encoder: Encoder, runs: Sequence[FinishedRun], task: str, can_read: Sequence[bool | None]
) -> Iterator[str]:
    """Yield what cosines of an encoder are to be read with, a line each."""
    name = encoder.source.name
    for run, read in zip(runs, can_read, strict=True):
        languages = " and ".join(_languages(run, task))
        if read is False:
            yield (
                f"{run.name}: the encoder {name} does not read {languages}: its cosines are "
                "undefined; compare words (`--similarity words`), or score all runs with a "
                f"""multilingual encoder: --metadata '{{"encoder": "{MULTILINGUAL[0]}"}}'"""
            )
        elif read is None:
            yield (
                f"{run.name}: it is not known whether the encoder {name} reads {languages}: its "
                "cosines mean something only if it does"
            )
        own, used = fields(run.tasks[task].signature).get("emb"), encoder.signature
        if own not in (None, used):
            yield f"{run.name}: its scores are by the encoder {own}, its cosines here by {used}"
