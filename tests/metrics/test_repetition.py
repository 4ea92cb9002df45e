"""What samples of a prompt have in common by words, through the scoring."""

import json
import math

import pytest
from sacrebleu import sentence_bleu

from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.measures.anchors import METRICS as ANCHORS
from lm_eval_overton.metrics.measures.ead import EAD
from lm_eval_overton.metrics.measures.frame_share import FRAME_SHARE, skeleton
from lm_eval_overton.metrics.measures.self_bleu import SELF_BLEU
from lm_eval_overton.metrics.measures.self_repetition import SELF_REPETITION
from lm_eval_overton.metrics.metric import DIVERSITY
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.tokenizers import tokenizer_for
from tests.conftest import PAPER
from tests.released import FENCE, NoEncoder, samples

METRICS = (*ANCHORS, *EAD, SELF_BLEU, SELF_REPETITION, FRAME_SHARE)
NAMES = [metric.name for metric in METRICS]
SEA = "The sea is deep and cold in the long winter of the north."
HILL = "Some hills are green, and sheep walk over them all day long."
CITY = "Nobody sleeps where trams ring bells under bright windows at midnight."


def scored(raws, n=None, tokenizer=ENGLISH):
    bench = Bench(n or len(raws), (), NoEncoder(), seed=1, tokenizer=tokenizer)
    [row] = score_prompts([Prompt({}, [clean(raw) for raw in raws])], NAMES, bench)
    return row


# ------------------------------------------------------------------------------ by hand


def test_a_shared_opening_is_an_anchor():
    # 12 words and 5 of a sample's first: of "Sure, here is my answer:" each sample has 5 of 18.
    raws = [f"Sure, here is my answer: {own}" for own in (SEA, HILL, CITY)]
    words = [5 + len(own.split()) for own in (SEA, HILL, CITY)]
    row = scored(raws)
    expected = sum(5 / n for n in words) / 3
    assert row["anchor_share"] == row["shared_span_share"] == pytest.approx(expected)
    assert row["anchor_opening"] == 1


def test_what_few_share_is_no_anchor():
    # Of five samples two share all: one of the four others is less than half.
    row = scored([SEA, SEA, HILL, CITY, "A fifth one that says nothing like them."])
    assert row["anchor_share"] == 0
    assert row["shared_span_share"] == pytest.approx(2 / 5)


def test_a_frame_is_what_is_left_without_content_words():
    assert skeleton(["The", "Cat", "sat", "on", "the", "mat", "."], ENGLISH) == [
        "the", "_", "_", "on", "the", "_", ".",
    ]  # fmt: skip
    # No word in common but the frame "the _ _ on the _ ." and no run of it elsewhere.
    row = scored(["The old cat sat on the mat.", "The big dog lay on the rug."])
    assert row["frame_share"] == 1
    assert row["anchor_share"] == 0


def test_content_words_in_a_row_are_no_frame():
    assert scored(["ant bee cow dog elk fox gnu", "hen ibex jay kiwi lynx mole newt"]) | {
        "frame_share": None
    } == scored(["ant bee cow dog elk fox gnu", "hen ibex jay kiwi lynx mole newt"])


# ------------------------------------------------------------------------ how many samples


@pytest.mark.parametrize("metric", METRICS, ids=NAMES)
def test_fewer_than_n_samples_are_undefined(metric):
    assert metric.grows_with_n
    assert scored([SEA, HILL, None], n=3)[metric.name] is None
    assert scored([SEA, HILL, None], n=2)[metric.name] is not None


@pytest.mark.parametrize("metric", METRICS, ids=NAMES)
def test_more_than_n_samples_give_the_mean_over_subsets(metric):
    pairs = [(SEA, SEA), (SEA, HILL), (SEA, HILL)]
    expected = [scored(pair)[metric.name] for pair in pairs]
    value = scored([SEA, SEA, HILL], n=2)[metric.name]
    assert value == pytest.approx(math.fsum(expected) / 3, abs=1e-12)


def test_one_sample_shares_nothing_that_could_be_measured():
    row = scored([SEA], n=1)
    undefined = {name for name, value in row.items() if value is None}
    assert undefined == {*(metric.name for metric in ANCHORS), "self_bleu", "frame_share"}


# ----------------------------------------------------------------------------- trivial texts


def test_one_text_five_times_scores_worst_on_all_of_them():
    same, different = scored([SEA] * 3), scored([SEA, HILL, CITY])
    for metric in METRICS:
        worse, better = same[metric.name], different[metric.name]
        assert worse < better if metric.higher_is_better else worse > better, metric.name
    shares = [*(metric.name for metric in ANCHORS), "self_bleu", "frame_share"]
    assert {name: same[name] for name in shares} == dict.fromkeys(shares, 1)


def test_one_word_answers_that_are_the_same_look_free_of_anchors_alone():
    row = scored(["Yes."] * 3)
    assert [row[metric.name] for metric in ANCHORS] == [0, 0, 0]
    # The others see it, or say nothing.
    assert row["self_bleu"] == 1
    assert row["ead_1"] == pytest.approx(1 / 3, abs=1e-4)
    assert [row[name] for name in ("ead_2", "self_repetition", "frame_share")] == [None] * 3


def test_a_loop_is_no_variety():
    loop = ["ha " * 60, "ho " * 60, "hi " * 60]
    row, plain = scored(loop), scored([SEA, HILL, CITY])
    assert row["self_repetition"] > plain["self_repetition"]
    for n in (1, 2):
        assert row[f"ead_{n}"] < plain[f"ead_{n}"] / 5
    # Samples that loop apart from each other share nothing: length and loops have metrics.
    assert row["anchor_share"] == row["self_bleu"] == 0


def test_cutting_answers_short_gains_less_than_with_distinct_n():
    raws = [" ".join([SEA, HILL, CITY]), " ".join([HILL, CITY, SEA]), " ".join([CITY, SEA, HILL])]
    short = [" ".join(raw.split()[:12]) for raw in raws]
    assert scored(short)["ead_1"] > scored(raws)["ead_1"]
    assert scored(short)["self_bleu"] < scored(raws)["self_bleu"]


# --------------------------------------------------------------------------------- languages


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("zh", "我们应该保护环境和动物的家园。", "城市的夜晚灯光很美,人们喜欢散步。"),
        ("ja", "私たちは環境と動物を守るべきです。", "町の夜はとても明るくて人が多い。"),
        ("th", "เราควรปกป้องสิ่งแวดล้อมและสัตว์ป่าทั้งหมด", "เมืองตอนกลางคืนสว่างและผู้คนชอบเดินเล่น"),
        ("hi", "हमें पर्यावरण और जानवरों के घर को बचाना चाहिए।", "शहर की रात में रोशनी बहुत सुंदर लगती है।"),
    ],
)
def test_all_of_them_see_words_of_other_scripts(language, one, other):
    tokenizer = tokenizer_for([language])
    same, different = scored([one, one], None, tokenizer), scored([one, other], None, tokenizer)
    for metric in METRICS:
        worse, better = same[metric.name], different[metric.name]
        if metric is FRAME_SHARE:
            assert worse == 1
        else:
            assert worse < better if metric.higher_is_better else worse > better, metric.name


def test_frames_of_a_language_without_stop_words_are_undefined():
    row = scored([SEA, SEA], None, tokenizer_for(["und"]))
    assert row["frame_share"] is None
    assert row["anchor_share"] == 1


# ---------------------------------------------------------------------------- released outputs

GOLDEN = PAPER.parent / "golden" / "lima_oe_lexical_additions.json"
OF_GOLDEN = {
    "anchor_share": "anchor_share_5",
    "shared_span_share": "shared_5gram_any",
    "ead_1": "ead_1",
    "ead_2": "ead_2",
    "self_bleu": "self_bleu",
    "self_repetition": "self_repetition_4",
}


@pytest.mark.paper_data
@pytest.mark.skipif(not GOLDEN.is_file(), reason="no values of the released outputs")
@pytest.mark.parametrize(
    ("model", "stops"),
    [
        ("llama-2-base", FENCE),
        ("llama-2-icl", FENCE),
        ("llama-2-icl-chat", FENCE),
        ("llama-2-chat", ()),
        ("gpt-3.5-turbo", ()),
    ],
)
def test_the_values_of_the_released_outputs(model, stops):
    golden = json.loads(GOLDEN.read_text("utf-8"))[model]
    prompts = [Prompt({}, own) for own in samples(model, stops)]
    rows = score_prompts(prompts, list(OF_GOLDEN), Bench(5, stops, NoEncoder(), 1234))
    assert [i for i, row in enumerate(rows) if row["anchor_share"] is None] == golden["undefined"]
    defined = [row for i, row in enumerate(rows) if i not in golden["undefined"]]
    for ours, theirs in OF_GOLDEN.items():
        values = [row[ours] for row in defined]
        assert math.fsum(values) / len(values) == pytest.approx(golden[theirs], abs=1e-9), ours
    shares = [row["anchor_share"] for row in defined]
    assert shares == pytest.approx(golden["per_prompt_anchor_share_5"], abs=1e-9)


@pytest.mark.paper_data
def test_self_bleu_of_released_outputs_is_what_sacrebleu_says_prompt_by_prompt():
    own = samples("llama-2-chat", ())[:6]
    rows = score_prompts([Prompt({}, one) for one in own], ["self_bleu"],
                         Bench(5, (), NoEncoder(), 1234))  # fmt: skip
    for row, one in zip(rows, own, strict=True):
        texts = [sample.text for sample in one]
        scores = [sentence_bleu(t, texts[:i] + texts[i + 1 :]).score for i, t in enumerate(texts)]
        assert row["self_bleu"] == pytest.approx(sum(scores) / 500, abs=1e-12)


def test_they_are_reported_by_the_diversity_task_alone():
    assert all(REGISTRY[name].tasks == (DIVERSITY,) for name in NAMES)
    assert not any(REGISTRY[name].on_leaderboard for name in NAMES)
