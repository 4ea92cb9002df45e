"""What languages do to the values: the tokenizer of a run, and what its encoder cannot read."""

from dataclasses import replace

import pytest

from lm_eval_overton.matchers.embedding import EmbeddingMatcher
from lm_eval_overton.metrics.measures import REGISTRY, known
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.reading import read
from lm_eval_overton.metrics.score import PromptView, details, score_prompts
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.text import segmenter
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import EncoderSource, find_encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.words import Words
from tests.text.parallel_texts import all_answers, answers

ENCODING = {Need.EMBEDDINGS, Need.SENTENCES, Need.REFERENCE_EMBEDDINGS}
WITHOUT_MODEL = ["lexical_diversity", "jaccard", "rouge_l", "distinct_2", "mean_words"]
WITH_ENCODER = sorted(
    metric.name
    for metric in REGISTRY.values()
    if (metric.needs | (metric.controlled.needs if metric.controlled else set())) & ENCODING
)


def never_loaded(name: str = "sentence-transformers/all-MiniLM-L6-v2") -> Encoder:
    return Encoder(EncoderSource(name, None, "nowhere"))


def prompts(samples: list[list[str]], reference: list[list[str]] | None = None) -> list[Prompt]:
    return [
        Prompt({"id": str(i), "prompt": "?"}, [clean(raw) for raw in own], [clean(r) for r in refs])
        for i, (own, refs) in enumerate(zip(samples, reference or samples, strict=True))
    ]


def bench(encoder: Encoder | None = None) -> Bench:
    return Bench(2, (), encoder or never_loaded(), 1)


def test_english_leaves_the_bench_as_it_is():
    asked = prompts(answers("en"))
    reading = read(asked, bench())
    assert (reading.bench.tokenizer, reading.bench.reads, reading.alarms) == (ENGLISH, True, ())


@pytest.mark.parametrize("language", ["de", "ko", "ar", "th"])
def test_what_an_english_encoder_cannot_read_is_undefined_and_said(language):
    asked = prompts(answers(language))
    reading = read(asked, bench())
    assert reading.bench.tokenizer == Words((language,))
    rows = score_prompts(asked, [*WITHOUT_MODEL, *WITH_ENCODER], reading.bench, {*WITH_ENCODER})
    for row in rows:
        assert all(row[name] is None for name in WITH_ENCODER)
        assert all(row[f"{name}_worst"] is None for name in WITH_ENCODER)
        assert all(row[name] is not None for name in WITHOUT_MODEL)
    [alarm] = [alarm for alarm in reading.alarms if "encoder" in alarm]
    assert f"does not read {language}" in alarm
    assert "multilingual-e5-small" in alarm


def test_the_embedding_matcher_is_undefined_with_its_encoder():
    own = ["我喜欢苹果。", "量子力学描述微观粒子。"]
    doc = {"id": "q", "prompt": "城市？", "viewpoints": [{"text": "空气更干净。", "side": "yes"}]}
    prompt = Prompt(doc, [clean(text) for text in own], [clean(text) for text in own])
    encoder = never_loaded()
    given = replace(bench(encoder), matcher=EmbeddingMatcher(encoder))
    reading = read([prompt], given)
    names = sorted(m.name for m in REGISTRY.values() if Need.MATCHER in m.needs)
    [row] = score_prompts([prompt], names, reading.bench)
    assert {row[name] for name in names} == {None}
    assert "covered" not in details(PromptView(prompt, reading.bench), names)
    assert given.matcher.tokenizer == Words(("zh",))


def test_viewpoints_that_every_text_holds_word_for_word_are_covered():
    views = [{"text": text, "side": "yes"} for text in ("空气更干净。", "街道更安全！")]
    doc = {"id": "q", "prompt": "城市？", "viewpoints": views}
    encoder = get_encoder(find_encoder())
    given = replace(bench(encoder), matcher=EmbeddingMatcher(encoder))
    whole, half = clean("街道更安全！空气更干净。好。"), clean("空气更干净。好。")
    for samples, expected in (([whole, whole], 1.0), ([whole, half], None)):
        prompt = Prompt(doc, samples)
        [row] = score_prompts([prompt], ["coverage_at_1"], read([prompt], given).bench)
        assert row["coverage_at_1"] == expected


def test_texts_that_are_all_the_same_need_no_reading():
    asked = prompts([["Été comme hiver, j'achète des pêches à côté de l'église."] * 2])
    reading = read(asked, bench(get_encoder(find_encoder())))
    assert reading.bench.tokenizer == Words(("fr",))
    names = ["jaccard", "rouge_l", "cosine", "semantic_diversity", "units_at_1_clusters"]
    [row] = score_prompts(asked, names, reading.bench)
    assert [row[name] for name in names[:3]] == pytest.approx([1, 1, 1])
    assert row["semantic_diversity"] == pytest.approx(0, abs=1e-6)
    assert row["units_at_1_clusters"] is None
    assert reading.alarms


def test_one_prompt_with_different_texts_keeps_the_others_undefined():
    same = ["Ich mag die Katze, weil sie so leise ist."] * 2
    asked = prompts([same, answers("de")[0]])
    reading = read(asked, bench())
    rows = score_prompts(asked, ["semantic_diversity"], reading.bench)
    assert [row["semantic_diversity"] for row in rows] == [None, None]


def test_the_user_knows_better():
    asked = prompts(answers("de"))
    english = read(asked, bench(), "en")
    assert (english.bench.tokenizer, english.bench.reads, english.alarms) == (ENGLISH, True, ())
    assert read(prompts(answers("en")), bench(), "fr").bench.tokenizer == Words(("fr",))


def test_several_languages_are_taken_apart_together_and_said():
    reading = read(prompts([all_answers("en"), all_answers("ru")]), bench())
    assert reading.bench.tokenizer == Words(("en", "ru"))
    assert "several languages (en 50%, ru 50%)" in reading.alarms[0]


def test_a_few_foreign_texts_change_no_english_value():
    mostly = [all_answers("en") * 2, all_answers("fr")[:2]]
    reading = read(prompts(mostly), bench())
    assert (reading.bench.tokenizer, reading.bench.reads) == (ENGLISH, True)
    assert "fr 6%" in reading.alarms[0]


def test_of_an_unknown_encoder_it_is_said():
    encoder = never_loaded("me/mine")
    encoder.unknown_share = lambda texts: 0.0
    reading = read(prompts(answers("de")), bench(encoder))
    assert reading.bench.reads
    assert "not known whether the encoder me/mine reads de" in reading.alarms[0]


def test_missing_dictionaries_are_said(monkeypatch):
    monkeypatch.setattr(segmenter, "has_dictionary", lambda: False)
    reading = read(prompts(answers("zh")), bench())
    assert segmenter.INSTALL in reading.alarms[-1]
    assert "zh-pairs" in reading.bench.tokenizer.signature


def test_every_metric_of_embeddings_is_known():
    assert {"semantic_diversity", "semantic_diversity_qc", "vendi", "cosine_100w_ceiling"} <= {
        metric.name for metric in known(WITH_ENCODER)
    }
