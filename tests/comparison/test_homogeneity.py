"""How alike the samples of several runs are: by hand, as runs change, and as released."""

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.comparison.homogeneity import homogeneity, homogeneity_of
from lm_eval_overton.comparison.homogeneity import runs as of_runs
from lm_eval_overton.comparison.homogeneity.alike import by_cosine
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.metrics.formulas.semantic import cosine_diversity
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.text import readable
from lm_eval_overton.text.encoder_source import EncoderSource
from lm_eval_overton.text.english import ENGLISH
from tests.conftest import PAPER
from tests.released import FENCE, samples

GOLDEN = PAPER.parent / "golden" / "lima_oe_homogeneity.json"
ANIMALS = "ant bee cow dog elk fox gnu hen"
NINE = f"{ANIMALS} owl"
ANSWERS = [NINE, "cow dog", "elk fox", "gnu hen", "ant hen"]


class Letters:
    """An encoder by the letters of a text."""

    source = EncoderSource("letters", None, "made")
    signature = "letters@0"

    def encode(self, texts):
        counts = [[1 + text.count(letter) for letter in "abcdefghnow"] for text in texts]
        rows = np.array(counts, dtype=np.float32).reshape(-1, 11)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


COSINE = {"likeness": by_cosine(Letters())}
BOTH = pytest.mark.parametrize("options", [{}, COSINE], ids=["words", "cosine"])


def estimates(cells):
    return np.array([[cell.estimate for cell in own] for own in cells])


def shares(found):
    return [own.share.estimate for own in (*found.mixing, found.overall)]


def chances(found):
    return [own.chance for own in (*found.mixing, found.overall)]


def of(*runs, **options):
    """The tables of runs, each a list of the samples of each prompt."""
    texts = [{f"p{i}": own for i, own in enumerate(run)} for run in runs]
    return homogeneity([f"run {i}" for i in range(len(runs))], texts, **options)


# ------------------------------------------------------------------------------------ by hand


def test_the_nearest_samples_and_what_they_share_are_counted_per_run():
    found = of([["ant bee cow", "ant bee dog"]], [["ant bee cow", "elk"]])
    # Nearest of a: the copy in b (1), the fellow (1/2; the copy across is as near: half). Of b:
    # the copy; of elk all three are at 0: two of three are others.
    assert shares(found) == pytest.approx([3 / 4, 5 / 6, 19 / 24])
    assert chances(found) == pytest.approx([2 / 3] * 3)


def test_collapse_is_what_is_above_the_base_prompt_by_prompt():
    a, b = [["ant", "bee"], ["ant bee", "ant"]], [["ant", "ant"], ["ant", "ant"]]
    found = of(a, b)
    # Within a 0 and 1/2; within b 1 and 1; across 1/2 and 3/4.
    assert estimates(found.cells) == pytest.approx(np.array([[0.25, 0.625], [0.625, 1.0]]))
    assert estimates(found.collapse) == pytest.approx(np.array([[0, 0.375], [0.375, 0.75]]))
    cell = found.collapse[0][1]
    # The prompts differ by 1/2 and 1/4.
    assert 0.25 <= cell.low < cell.estimate < cell.high <= 0.5


def test_eight_words_in_a_row_are_found_in_other_samples():
    other = "Ant, bee cow dog elk fox gnu hen pig."
    found = of([[NINE, "short"]], [[other, other]])
    # Of the two 8-grams of `NINE` one is in b; `short` has none; none stands in the other sample
    # of its run. Both samples of b hold the same two, of which `NINE` has one.
    assert estimates(found.shared) == pytest.approx(np.array([[0, 0.5], [0.5, 1]]))


def test_a_prompt_counts_for_shared_words_by_its_long_samples():
    same, short = [NINE, NINE], [NINE, "short"]
    found = of([same, short], [same, same])
    # Of the three long samples of a two have a twin: (1 + 1 + 0) / 3, not (1 + 0) / 2.
    assert estimates(found.shared)[0] == pytest.approx([2 / 3, 1])


def test_where_no_sample_has_eight_words_nothing_is_shared_or_not():
    found = of([["ant", "bee"]], [["ant", "bee"]])
    assert np.isnan(estimates(found.shared)).all()
    assert found.notes == ("shared 8-grams of run 0, run 1 are undefined: no sample has 8 words",)


# ------------------------------------------------------------------------------------ traps


@BOTH
def test_two_runs_with_the_same_samples(options):
    one = [ANSWERS] * 4
    found = of(one, one, **options)
    within = estimates(found.cells)[0, 0]
    # Of five pairs across one is of equal samples, four are as within.
    assert estimates(found.cells) == pytest.approx(
        np.array([[within, (4 * within + 1) / 5], [(4 * within + 1) / 5, within]])
    )
    # The twin of another run, then pairs of which one is of another run; by chance 5 / 9.
    assert chances(found) == pytest.approx([5 / 9] * 3)
    assert shares(found) == pytest.approx([5 / 8] * 3)


@BOTH
def test_a_run_of_one_repeated_answer(options):
    found = of([ANSWERS] * 3, [[NINE] * 5] * 3, **options)
    assert estimates(found.cells)[1, 1] == pytest.approx(1)
    assert estimates(found.cells)[0, 1] < 1
    # The nearest of a repeated answer are four of the five that are equal to it.
    assert found.mixing[1].share.estimate == pytest.approx(1 / 5)


def test_echoes_of_the_question_look_like_one_mind_and_letters_at_random_like_many():
    echoes = [[NINE] * 5] * 3
    found = of(echoes, echoes)
    assert estimates(found.cells) == pytest.approx(np.ones((2, 2)))
    assert estimates(found.shared) == pytest.approx(np.ones((2, 2)))
    # Equal copies of all runs are as near: which of them is whose is left to chance.
    assert shares(found) == pytest.approx(chances(found))
    rng = np.random.default_rng(1)
    at_random = [
        [[" ".join("".join(rng.choice(list("bcdfgh"), 7)) for _ in range(9)) for _ in range(5)]]
        for _ in range(2)
    ]
    found = of([ANSWERS], *at_random)
    assert estimates(found.cells)[1:, 1:] == pytest.approx(np.zeros((2, 2)))
    assert estimates(found.collapse)[1:, 1:].max() < 0
    assert estimates(found.shared)[1:, 1:] == pytest.approx(np.zeros((2, 2)))


@BOTH
def test_prompts_with_fewer_than_two_valid_samples_are_left_out_of_all_tables(options):
    whole = [ANSWERS, ANSWERS[:2], ANSWERS]
    found = of(whole, [[NINE, "bee"], ["ant"], []], **options)
    assert found.n == found.overall.share.n == found.shared[0][1].n == 1
    assert found.notes == (
        "1 of 3 prompts count, those with 2 valid samples of every run; fewer: run 1 on 2",
    )
    same = of(whole[:1], [[NINE, "bee"]], **options)
    assert (found.cells, found.collapse) == (same.cells, same.collapse)
    assert (found.mixing, found.overall) == (same.mixing, same.overall)
    assert same.notes == ()


@BOTH
def test_without_a_prompt_that_counts_all_is_undefined_and_said(options):
    found = of([["ant"]], [["ant", "bee"]], **options)
    for cells in (found.cells, found.collapse, found.shared):
        assert np.isnan(estimates(cells)).all()
    assert np.isnan([*shares(found), *chances(found)]).all()
    assert found.n == 0
    assert found.notes[0].startswith("0 of 1 prompts count, ")


def test_samples_without_a_content_word_are_like_nothing():
    found = of([["ant bee", "!", "?"]], [["ant bee", "ant", "."]])
    # Within a: 0, 0, undefined. Of a one sample has words: it has no fellow.
    assert estimates(found.cells)[0, 0] == 0
    assert np.isnan(shares(found)).all()
    assert found.notes[0] == (
        "source mixing is undefined: no prompt has 2 samples of every run that hold a content word"
    )


def test_runs_of_unequal_size_have_each_their_own_chance():
    found = of([ANSWERS], [ANSWERS[:2]])
    assert chances(found) == pytest.approx([2 / 6, 5 / 6, 7 / 12])
    assert found.overall.share.estimate == pytest.approx(np.mean(shares(found)[:2]))


def test_the_prompts_that_all_runs_have_count():
    texts = [{"p": ANSWERS, "q": ANSWERS}, {"r": ANSWERS, "q": ANSWERS[:3]}]
    assert homogeneity(["a", "b"], texts).n == 1
    with pytest.raises(DataError, match="expected a prompt that a, b all answer, got none"):
        homogeneity(["a", "b"], [{"p": ANSWERS}, {"q": ANSWERS}])


# ------------------------------------------------------------------------------------ properties

texts = st.lists(st.sampled_from(ANIMALS.split()), max_size=3).map(" ".join)
run_of_two = st.lists(st.lists(texts, min_size=2, max_size=3), min_size=2, max_size=2)
several = st.lists(run_of_two, min_size=2, max_size=4)


@BOTH
@given(runs=several, random=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_runs_orders_the_tables(options, runs, random):
    found = of(*runs, **options)
    order = random.sample(range(len(runs)), len(runs))
    again = of(*(runs[i] for i in order), **options)
    for name in ("cells", "shared"):
        table = estimates(getattr(found, name))
        np.testing.assert_allclose(
            estimates(getattr(again, name)), table[np.ix_(order, order)], atol=1e-9
        )
    assert estimates(found.cells) == pytest.approx(estimates(found.cells).T, nan_ok=True)
    expected = [shares(found)[i] for i in (*order, -1)]
    assert shares(again) == pytest.approx(expected, nan_ok=True)


@BOTH
@given(runs=several)
@settings(max_examples=15, deadline=None)
def test_a_copy_of_a_run_changes_no_cell_of_the_others(options, runs):
    found, more = of(*runs, **options), of(*runs, runs[-1], **options)
    n = len(runs)
    for name in ("cells", "collapse", "shared"):
        before, after = estimates(getattr(found, name)), estimates(getattr(more, name))
        np.testing.assert_allclose(after[:n, :n], before, atol=1e-12)
        np.testing.assert_allclose(after[n, : n - 1], before[-1, :-1], atol=1e-12)


@given(runs=several)
@settings(max_examples=15, deadline=None)
def test_within_is_one_minus_the_diversity_of_the_samples(runs):
    words, cosine = of(*runs), of(*runs, **COSINE)
    for i, run in enumerate(runs):
        angles = [1 - cosine_diversity(Letters().encode(own)) for own in run]
        assert cosine.cells[i][i].estimate == pytest.approx(np.mean(angles))
        bags = [[ENGLISH.content_words(text) for text in own] for own in run]
        overlaps = [1 - jaccard_diversity(own) for own in bags]
        if words.n == len(run):
            assert words.cells[i][i].estimate == pytest.approx(np.mean(overlaps))


# ------------------------------------------------------------------------------------ languages


@BOTH
def test_a_run_that_the_encoder_does_not_read_has_words_in_common_alone(options):
    run = [[NINE, NINE]]
    found = of(run, run, run, unread={1}, **options)
    assert np.isnan(estimates(found.cells)).tolist() == [
        [False, True, False],
        [True, True, True],
        [False, True, False],
    ]
    assert found.n == 1
    assert np.isnan(shares(found)).tolist() == [False, True, False, False]
    # Two runs are left.
    assert found.overall.chance == pytest.approx(2 / 3)
    assert (estimates(found.shared) == 1).all()


@BOTH
def test_without_the_base_there_is_no_collapse_and_without_two_runs_no_mixing(options):
    run = [ANSWERS]
    found = of(run, run, unread={0}, **options)
    assert np.isnan(estimates(found.collapse)).all()
    assert np.isnan(shares(found)).all()
    assert found.cells[1][1].n == 1
    assert np.isnan(estimates(of(run, run, unread={0, 1}, **options).cells)).all()


# ------------------------------------------------------------------------------------ runs


def finished(folder, name, answers, signed="tok:en", settings=None):
    """A run with a samples file in a folder."""
    path = folder / f"{name}.jsonl"
    rows = [
        {"id": f"p{i}", "prompt": f"Say {i}.", "responses": own} for i, own in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = TaskResult(
        "overton_diversity",
        name,
        f"overton_diversity@1|{signed}|stop:none|emb:letters@0",
        tuple(row["id"] for row in rows),
        {},
        {},
        ({},) * len(rows),
        Path("results.json"),
        samples=path,
        settings=settings or {},
    )
    return FinishedRun(name, folder, {own.task: own})


@pytest.fixture
def letters(monkeypatch):
    """The default encoder is one by letters, which was trained on English."""
    asked = []
    monkeypatch.setattr(of_runs, "find_encoder", asked.append)
    monkeypatch.setattr(of_runs, "get_encoder", lambda source, dtype: Letters())
    monkeypatch.setattr(readable, "_TRAINED_ON", (("letters", ("en",)),))
    return asked


def test_failed_and_empty_samples_do_not_count(tmp_path, letters):
    whole = finished(tmp_path, "whole", [[NINE, "ant bee", "cow"]])
    holes = finished(tmp_path, "holes", [[NINE, None, "", "ant bee", "  "]])
    found = homogeneity_of([whole, holes], "cosine")
    assert (found.likeness, found.n, found.notes) == ("cosine", 1, ())
    assert chances(found)[:2] == pytest.approx([2 / 4, 3 / 4])
    assert homogeneity_of([whole, holes], "words").n == 1


def test_the_bases_encoder_is_taken(tmp_path, letters):
    base = finished(tmp_path, "base", [ANSWERS], settings={"encoder": "some/encoder"})
    other = finished(tmp_path, "other", [ANSWERS])
    homogeneity_of([base, other], "cosine")
    homogeneity_of([other, base], "cosine")
    assert letters == ["some/encoder", "sentence-transformers/all-MiniLM-L6-v2"]


def test_a_language_that_the_encoder_does_not_read_is_said(tmp_path, letters):
    english = finished(tmp_path, "english", [ANSWERS])
    german = finished(tmp_path, "german", [ANSWERS], "tok:de-stop1")
    found = homogeneity_of([english, german], "cosine")
    assert math.isnan(found.cells[0][1].estimate)
    assert math.isnan(found.cells[1][1].estimate)
    assert found.cells[0][0].n == 1
    (note,) = found.notes
    assert note.startswith(
        "german: the encoder letters does not read de: its cosines are undefined"
    )
    assert homogeneity_of([english, german], "words").cells[0][1].n == 1


def test_an_encoder_that_nobody_knows_and_another_than_the_runs_are_said(
    tmp_path, letters, monkeypatch
):
    monkeypatch.setattr(readable, "_TRAINED_ON", ())
    monkeypatch.setattr(Letters, "unknown_share", lambda self, texts: 0.0, raising=False)
    monkeypatch.setattr(Letters, "signature", "letters@1")
    runs = [finished(tmp_path, name, [ANSWERS], tok) for name, tok in
            (("a", "tok:en"), ("b", "tok:de+fr-stop1"))]  # fmt: skip
    found = homogeneity_of(runs, "cosine")
    assert found.cells[1][1].n == 1
    assert found.notes == (
        "a: its scores are by the encoder letters@0, its cosines here by letters@1",
        "b: it is not known whether the encoder letters reads de and fr: its cosines mean "
        "something only if it does",
        "b: its scores are by the encoder letters@0, its cosines here by letters@1",
    )


def test_one_run_or_another_similarity_is_one_clear_line(tmp_path):
    run = finished(tmp_path, "a", [ANSWERS])
    with pytest.raises(SettingsError, match="homogeneity: expected at least 2 runs, got 1"):
        homogeneity_of([run], "words")
    with pytest.raises(SettingsError, match="expected words or cosine, got 'rouge'"):
        homogeneity_of([run, run], "rouge")


# ------------------------------------------------------------------------------------ released

MODELS = {"llama-2-base": FENCE, "llama-2-icl-chat": FENCE, "llama-2-chat": (), "gpt-3.5-turbo": ()}


def released(n):
    return [
        {str(p): [s.text for s in own if s.text] for p, own in enumerate(samples(*model)[:n])}
        for model in MODELS.items()
    ]


@pytest.fixture(scope="module")
def golden():
    if not GOLDEN.is_file():
        pytest.skip(f"needs {GOLDEN}")
    return json.loads(GOLDEN.read_text())


@pytest.mark.paper_data
def test_released_runs_share_as_many_8_grams_as_known(golden):
    found = homogeneity([*MODELS], released(len(golden["prompts"])))
    table = {
        f"{run}|{other}": found.shared[i][j].estimate
        for (i, run), (j, other) in product(enumerate(MODELS), repeat=2)
    }
    # The known shares are of words with letters that are not English ones too. Cosines take an
    # encoder a minute: tests/benchmarks/homogeneity_paper.py checks them.
    assert table == pytest.approx(golden["shared_8grams"], abs=1e-3)
    assert found.overall.chance == pytest.approx(golden["chance_other_share"])
