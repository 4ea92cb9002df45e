"""The tables made from the sampled answers: what came, how they differ, what they cover."""

from __future__ import annotations

from lm_eval_overton import stats
from lm_eval_overton.metrics.formulas import against_reference
from lm_eval_overton.metrics.measures.about_samples import LIST_SHARE, MEAN_WORDS
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.reference import MISSING, REFERENCE_COVERAGE_AT_1
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import (
    OVERTON_INDEX_WORDS,
    UNITS_AT_1_WORDS,
    UNITS_AT_N_WORDS,
)
from lm_eval_overton.replicate.expected import UNPARSED
from lm_eval_overton.replicate.study import (
    N_SAMPLES,
    Samples,
    Study,
    mean_number,
    single_number,
    stops_of,
)
from lm_eval_overton.replicate.table import Cell, Row, Table
from lm_eval_overton.text.samples import Sample, asks_summary_first, cut_share, scored_texts

__all__ = ["cover_table", "diversity_table", "sample_table"]

BASE = "llama-2-base"
# Whose answers are held against the base model's words.
COVERING = ("llama-2-chat", "gpt-3.5-turbo", "llama-2-icl", "llama-2-icl-chat")

STATUSES = ("failed", "unparsed", "empty")
DIVERSITY = {
    "lexical diversity": LEXICAL_DIVERSITY.name,
    "semantic diversity": SEMANTIC_DIVERSITY.name,
    "words": MEAN_WORDS.name,
    "lists": LIST_SHARE.name,
    "words in 1": UNITS_AT_1_WORDS.name,
    "words in 5": UNITS_AT_N_WORDS.name,
    "Overton index": OVERTON_INDEX_WORDS.name,
}
COVER = (REFERENCE_COVERAGE_AT_1.name, MISSING["split"].name, MISSING["held_out"].name)


def sample_table(study: Study, dataset: str) -> Table:
    """Return what became of the released samples of every model."""
    columns = ("samples", *STATUSES, "prompts with duplicates", "cut at the limit")
    models = study.released.models(dataset)
    rows = [Row(model, _sample_cells(study, dataset, model)) for model in models]
    return Table(
        "What came",
        dataset,
        "How many samples there are; how many are failed requests, hold no answer after the "
        "summary that they begin with, or are empty once the stop string is cut off; on how many "
        "prompts two samples are equal letter by letter; and the share that the token limit cut "
        "short, known where the server kept the stop string.",
        columns,
        rows,
        [
            f"No samples of {model}: its folder holds none."
            for model in study.released.absent(dataset)
        ],
        dict.fromkeys((*STATUSES, "prompts with duplicates"), 0),
    )


def _sample_cells(study: Study, dataset: str, model: str) -> dict[str, Cell]:
    samples = study.samples(dataset, model)
    every = [sample for own in samples for sample in own]
    counts = {status: sum(s.status == status for s in every) for status in STATUSES}
    counts["prompts with duplicates"] = sum(map(_has_duplicates, samples))
    # The fence around a summary that comes first is not the end of the response.
    stops = () if asks_summary_first(model) else stops_of(model)
    cut = [cut_share(own, stops) for own in samples]
    return {
        "samples": len(every),
        **{name: single_number(dataset, name, model, count) for name, count in counts.items()},
        "cut at the limit": mean_number(dataset, "cut at the limit", model, cut),
    }


def _has_duplicates(samples: list[Sample]) -> bool:
    texts = scored_texts(samples)
    return len(set(texts)) < len(texts)


def diversity_table(study: Study, dataset: str) -> Table:
    """Return how much every model's samples differ, and how much one of them holds."""
    rows = []
    for model in study.released.models(dataset):
        rows.append(_diversity_row(study, dataset, model, study.samples(dataset, model)))
        if asks_summary_first(model):
            whole = study.samples(dataset, model, parsed=False)
            rows.append(_diversity_row(study, dataset, model + UNPARSED, whole))
    return Table(
        "Diversity",
        dataset,
        "Lexical diversity is 1 - mean Jaccard similarity of content words, semantic diversity "
        "1 - mean cosine of embeddings, over pairs of samples; lists is the share of samples with "
        "a list; then the distinct content words of one sample, of five together, and their ratio, "
        "the Overton index. A mean is over the prompts that define it; the last column counts "
        "those of the lexical diversity.",
        (*_measured(study), "prompts"),
        rows,
        [] if study.encoder else ["Semantic diversity: no encoder was asked for."],
        {"words": 1, "words in 1": 1, "words in 5": 1},
    )


def _measured(study: Study) -> list[str]:
    return [name for name in DIVERSITY if study.encoder or name != "semantic diversity"]


def _diversity_row(study: Study, dataset: str, name: str, samples: Samples) -> Row:
    columns = _measured(study)
    values = study.scores(samples, [DIVERSITY[column] for column in columns])
    cells: dict[str, Cell] = {
        column: mean_number(dataset, column, name, values[DIVERSITY[column]]) for column in columns
    }
    defined = sum(value is not None for value in values["lexical_diversity"])
    return Row(name, cells | {"prompts": defined})


def cover_table(study: Study, dataset: str) -> Table:
    """Return how much of the base model's content words the answers of others cover."""
    models = study.released.models(dataset)
    others = [model for model in COVERING if model in models]
    about = (
        "The units are the content words of the base model's samples. Missing: the share of the "
        "words of two base samples that three samples do not hold; in the base model's own row "
        "the three are its other samples. Covered by 1: the share of all its words that one "
        "answer holds; by chance: that one answer to another prompt holds. Over the prompts with "
        f"{N_SAMPLES} valid base samples."
    )
    columns = ("missing", "covered by 1", "covered by chance", "prompts")
    title = "What others cover of the base model's words"
    if BASE not in models or not others:
        return Table(title, dataset, about, columns, (), [f"No samples of {BASE} and others."])
    base = study.samples(dataset, BASE)
    held_out = study.scores(base, COVER[2:], base)[COVER[2]]
    kept = [i for i, value in enumerate(held_out) if value is not None]
    own: dict[str, Cell] = {
        "missing": mean_number(dataset, "missing", BASE, held_out),
        "prompts": len(kept),
    }
    rows = [Row(BASE, own)]
    rows += [Row(name, _cover_cells(study, dataset, name, base, kept)) for name in others]
    absent = [f"No samples of {model}." for model in COVERING if model not in models]
    return Table(title, dataset, about, columns, rows, absent)


def _cover_cells(
    study: Study, dataset: str, model: str, base: Samples, kept: list[int]
) -> dict[str, Cell]:
    samples = study.samples(dataset, model)
    values = study.scores(samples, COVER[:2], base)
    columns: dict[str, stats.Values] = {
        "covered by 1": [values[COVER[0]][i] for i in kept],
        "missing": [values[COVER[1]][i] for i in kept],
        "covered by chance": _chance(study, samples, base, kept),
    }
    cells: dict[str, Cell] = {
        column: mean_number(dataset, column, model, found) for column, found in columns.items()
    }
    return cells | {"prompts": len(kept)}


def _chance(study: Study, samples: Samples, base: Samples, kept: list[int]) -> list[float]:
    """Return, per kept prompt, what one answer to any other prompt covers of the base's words."""
    own = [study.words(prompt) for prompt in samples]
    theirs = [study.words(prompt) for prompt in base]
    return [
        against_reference.chance_coverage(
            own[:i] + own[i + 1 :], theirs[i], n_pool=N_SAMPLES, n=1, seed=stats.SEED
        )
        for i in kept
    ]
