import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import DataError
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.metrics.formulas import against_reference as cov
from lm_eval_overton.metrics.measures import JUDGED, REFERENCE
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from tests.runs.made import results, write

TASK = "overton_coverage"
SEED = 1234
UNJUDGED = REFERENCE - JUDGED
NAMES = sorted(UNJUDGED)
PROMPTS = PromptSet(
    "two", 1, "0123abcd", [{"id": "p1", "prompt": "Why?"}, {"id": "p2", "prompt": "Who am I?"}]
)


def sample(identifier, prompt, *answers, until=("```", "<0123abcd.0>")):
    """A row of the harness's samples file."""
    return {
        "doc_id": 0,
        "doc": {"id": identifier, "prompt": prompt},
        "arguments": {"gen_args_0": {"arg_0": "framed", "arg_1": {"until": list(until)}}},
        "resps": [[answer] for answer in answers],
        "filter": "none",
    }


# ------------------------------------------------------------------------- loading the responses


def texts(place, stops=None, prompts=PROMPTS):
    found = load_reference(str(place), TASK, prompts, stops)
    return {key: [s.text for s in own] for key, own in found.items()}


def test_responses_are_matched_by_id_where_a_line_has_no_prompt(tmp_path):
    path = write(tmp_path / "r.jsonl", {"id": "p2", "responses": ["b"]}, {"id": 7, "responses": []})
    assert texts(path) == {"p2": ["b"]}


def test_responses_are_matched_by_text_whatever_the_ids_say(tmp_path):
    path = write(
        tmp_path / "r.jsonl",
        {"id": "p1", "prompt": " WHO  am\nI? ", "responses": ["b"]},
        {"id": "p2", "prompt": "why?", "responses": ["a"]},
    )
    assert texts(path) == {"p1": ["a"], "p2": ["b"]}


def test_a_line_per_prompt_without_id_and_text_is_matched_by_position(tmp_path):
    path = write(tmp_path / "r.jsonl", {"responses": ["a"]}, {"responses": ["b", None]})
    assert texts(path) == {"p1": ["a"], "p2": ["b", ""]}
    loaded = load_reference(str(path), TASK, PROMPTS, None)
    assert [s.status for s in loaded["p2"]] == ["valid", "failed"]


def test_responses_of_a_reference_that_hold_no_answer_are_told(tmp_path, caplog):
    path = write(
        tmp_path / "r.jsonl",
        {"id": "p1", "responses": ["a", None, " "]},
        {"id": "p2", "responses": ["b", "<think>hm", "c"]},
    )
    assert texts(path) == {"p1": ["a", "", ""], "p2": ["b", "", "c"]}
    assert caplog.messages == [
        f"{path}: 3 of 6 responses hold no answer (1 failed, 1 empty, 1 unparsed) and do not count"
    ]


def test_the_stops_of_a_samples_file_cut_its_responses_unless_others_are_given(tmp_path):
    write(
        tmp_path / f"samples_{TASK}_1.jsonl",
        sample("p1", "Why?", "Because.\n```\n# Query", "So;\nwhat", "<0123abcd.0>"),
    )
    # The stop that sets a request apart was never a stop of the frame.
    assert texts(tmp_path) == {"p1": ["Because.", "So;\nwhat", "<0123abcd.0>"]}
    assert texts(tmp_path, [";"]) == {"p1": ["Because.\n```\n# Query", "So", "<0123abcd.0>"]}
    assert texts(tmp_path, []) == {
        "p1": ["Because.\n```\n# Query", "So;\nwhat", "<0123abcd.0>"],
    }


def test_the_tasks_own_rows_and_stops_are_taken_from_a_generations_file(tmp_path):
    header = {"overton_generations": 1, "tasks": {TASK: {"stops": ["END"]}, "other": {}}}
    rows = [
        {"task": "other", "id": "p1", "prompt": "Why?", "responses": ["not mine"]},
        {"task": TASK, "id": "p1", "prompt": "Why?", "responses": ["mine END."]},
    ]
    generations = write(tmp_path / "cache" / "generations.jsonl", header, *rows)
    write(tmp_path / "out" / "results_1.json", results(generations, TASK))
    assert texts(tmp_path / "out") == texts(generations) == {"p1": ["mine"]}


SUMMARY_FIRST = "In short.\n```\n\n# Answer:\n```\nBecause.\n```\n"


def test_of_a_reference_that_wrote_a_summary_first_the_answer_alone_counts(tmp_path):
    header = {"overton_generations": 1, "tasks": {TASK: {"frame": "chat-summary-answer"}}}
    row = {"task": TASK, "id": "p1", "prompt": "Why?", "responses": [SUMMARY_FIRST, "In short."]}
    assert texts(write(tmp_path / "g.jsonl", header, row)) == {"p1": ["Because.", ""]}
    named = tmp_path / "samples_overton_icl_summary_cot_2026-01-01T00.jsonl"
    assert texts(write(named, sample("p1", "Why?", SUMMARY_FIRST))) == {"p1": ["Because."]}


def test_a_folder_s_own_samples_of_the_task_go_before_those_of_diversity(tmp_path):
    write(tmp_path / "samples_overton_diversity_2026-01-02.jsonl", sample("p1", "Why?", "plain"))
    write(tmp_path / "samples_overton_icl_knn_2026-01-03.jsonl", sample("p1", "Why?", "shown"))
    assert texts(tmp_path) == {"p1": ["plain"]}
    write(tmp_path / f"samples_{TASK}_2026-01-01.jsonl", sample("p1", "Why?", "asked alike"))
    assert texts(tmp_path) == {"p1": ["asked alike"]}


def test_a_folder_of_in_context_answers_alone_is_no_reference(tmp_path):
    task = "overton_icl_knn"
    path = tmp_path / "run" / "generations.jsonl"
    row = {"task": task, "id": "p1", "prompt": "Why?", "responses": ["shown"]}
    write(path, {"overton_generations": 1, "tasks": {task: {}}}, row)
    message = (
        f"{path}: expected the reference's answers to {TASK}, got those to {task}; name the file "
        "itself if they are meant"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        texts(tmp_path)
    assert texts(path) == {"p1": ["shown"]}


def test_responses_to_none_of_the_prompts_are_refused(tmp_path):
    path = write(tmp_path / "r.jsonl", {"id": "p1", "prompt": "When?", "responses": ["a"]})
    with pytest.raises(DataError, match="expected responses to at least one prompt of two, got"):
        texts(path)


# ------------------------------------------------------------------------------------ the metrics


class NoEncoder:
    def encode(self, texts):
        raise AssertionError("words need no encoder")


class Said(Matcher):
    """Finds a viewpoint where a response holds its words."""

    threshold = 0.5
    signature = "said"

    def scores(self, questions):
        return [
            np.array([[float(v in r) for v in views] for r in own]).reshape(len(own), len(views))
            for own, views, _ in questions
        ]


def prompt(own, reference, **doc):
    return Prompt(doc, [clean(t) for t in own], [clean(t) for t in reference])


def values(prompts, n, matcher=None, names=NAMES):
    return score_prompts(prompts, names, Bench(n, (), NoEncoder(), SEED, matcher))


def test_reference_metrics_of_two_prompts():
    first = prompt(
        ["ant", "ant", "cow elk", "fox"],
        ["ant bee", "ant bee", "cow dog", "cow dog"],
        id="p1",
        prompt="Is it an ant?",
    )
    other = prompt(["ant bee", "yak", "gnu", "emu"], [], id="p2")
    row, undefined = values([first, other], n=4)
    # The pools are the 6 pairs of reference samples: once {ant, bee}, once {cow, dog}, and four
    # times all four words. They are covered by 1 sample, and by the 4 - 2 = 2 that remain.
    expected = {
        # Of {ant, bee, cow, dog}: 1, 1, 1 and 0; together ant and cow.
        "reference_coverage_at_1": 3 / 16,
        "reference_coverage_at_n": 2 / 4,
        "missing_from_reference": 2 / 4,
        # {ant, bee}: 2 of 4 samples hold half; {cow, dog}: 1 of 4; all: 3/16.
        "reference_coverage_at_1_split": (1 / 4 + 1 / 8 + 4 * 3 / 16) / 6,
        # The two samples that remain hold nothing of the first two pools, half of the others.
        "reference_coverage_at_1_held_out": (0 + 0 + 4 * 1 / 2) / 6,
        # "ant bee" is one of four answers to the other prompt.
        "reference_coverage_at_1_chance": (1 / 4 + 0 + 4 * 1 / 8) / 6,
        # No sample holds both words of a reference's: as held out.
        "reference_coverage_at_1_repeated": (0 + 0 + 4 * 1 / 2) / 6,
        # The reference has no answer to the other prompt.
        "reference_coverage_at_1_held_out_chance": None,
        # The prompt names the ant.
        "reference_coverage_at_1_echo": (1 / 2 + 0 + 4 * 1 / 4) / 6,
        # A pair of samples misses ant with chance 1/6 and cow with 1/2.
        "missing_from_reference_split": 1 - (5 / 12 + 1 / 4 + 4 * 1 / 3) / 6,
        "missing_from_reference_held_out": 1 - (0 + 0 + 4 * 1.0) / 6,
        # A pair of the other prompt's answers holds "ant bee" with chance 1/2.
        "missing_from_reference_chance": 1 - (1 / 2 + 0 + 4 * 1 / 4) / 6,
        # One answer covers 3/16; one held-out sample of the reference 1/3.
        "reference_samples_worth": 1,
    }
    assert row == pytest.approx(expected)
    assert set(row) == UNJUDGED
    assert undefined == dict.fromkeys(UNJUDGED)


@pytest.mark.parametrize(
    ("own", "worth"),
    [
        # It covers nothing.
        ("fox", 0),
        # 1/4 of the whole and of one half the half: (1/2 + 0 + 4/4) / 6 = 1/4 < 1/3.
        ("ant", 1),
        # Of each half the half: 1/2. One sample covers 1/3 of it, two 2/3.
        ("ant cow", 2),
        # All, which no two samples of the reference reach.
        ("ant bee cow dog", None),
    ],
)
def test_how_many_samples_of_the_reference_an_answer_is_worth(own, worth):
    reference = ["ant bee", "ant bee", "cow dog", "cow dog"]
    [row] = values([prompt([own] * 4, reference)], n=4)
    assert row["reference_samples_worth"] == worth


def test_a_prompt_without_valid_samples_of_either_run_is_undefined():
    both = ["ant", "bee"]
    rows = values([prompt([], both), prompt(both, []), prompt(["ant"], ["..."])], n=2)
    own = {name: value for name, value in rows[0].items() if value is not None}
    # No baseline needs own samples. "bee" is held out from "ant" and has nothing of it; of the
    # answers to either other prompt half hold the word of a pool, of the reference's none does,
    # and nothing was asked.
    assert own == {
        "reference_coverage_at_1_held_out": 0.0,
        "missing_from_reference_held_out": 1.0,
        "reference_coverage_at_1_chance": pytest.approx(0.5),
        "missing_from_reference_chance": pytest.approx(0.5),
        "reference_coverage_at_1_held_out_chance": 0.0,
        "reference_coverage_at_1_echo": 0.0,
    }
    assert rows[1:] == [dict.fromkeys(NAMES)] * 2


def test_too_few_samples_leave_only_what_needs_fewer_defined():
    # n = 4: the pool takes two of the reference's three samples, one remains.
    [row] = values([prompt(["ant", "bee"], ["ant", "bee", "cow"])], n=4)
    assert row["reference_coverage_at_1"] == pytest.approx(1 / 3)
    assert row["reference_coverage_at_n"] is None
    # Pools {ant, bee}, {ant, cow}, {bee, cow}: 1/2, 1/4 and 1/4.
    assert row["reference_coverage_at_1_split"] == pytest.approx(1 / 3)
    # The third word is in no pool that the other two make.
    assert row["reference_coverage_at_1_held_out"] == 0.0
    assert row["missing_from_reference_split"] == pytest.approx(1 - 2 / 3)
    assert row["missing_from_reference_held_out"] is None


WORDS = ("ant", "bee", "cow", "dog", "elk", "fox")
responses_ = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), max_size=6
)


def called_directly(own, reference, others, others_reference, asked, n):
    """The same values from the pure functions, None where they are NaN."""
    sizes = {"n_pool": n // 2, "seed": SEED}
    more = {**sizes, "n": n - n // 2}
    one = {**sizes, "n": 1}
    split = cov.split_coverage(own, reference, **one)
    expected = {
        "reference_coverage_at_1": cov.reference_coverage_at_1(own, reference),
        "reference_coverage_at_n": cov.reference_coverage_at_n(own, reference, n),
        "missing_from_reference": cov.missing_from_reference(own, reference, n),
        "reference_coverage_at_1_split": split,
        "reference_coverage_at_1_held_out": cov.held_out_coverage(reference, **one),
        "reference_coverage_at_1_chance": cov.chance_coverage(others, reference, **one),
        "reference_coverage_at_1_repeated": cov.repeated_coverage(own, reference, **sizes),
        "reference_coverage_at_1_held_out_chance": cov.chance_coverage(
            others_reference, reference, **one
        ),
        "reference_coverage_at_1_echo": cov.split_coverage([asked], reference, **one),
        "missing_from_reference_split": 1 - cov.split_coverage(own, reference, **more),
        "missing_from_reference_held_out": 1 - cov.held_out_coverage(reference, **more),
        "missing_from_reference_chance": 1 - cov.chance_coverage(others, reference, **more),
        "reference_samples_worth": cov.reference_samples_worth(
            split, cov.held_out_curve(reference, **sizes)
        ),
    }
    return {name: None if math.isnan(value) else value for name, value in expected.items()}


# The first text loads the tokenizers.
@settings(deadline=None)
@given(responses_, responses_, responses_, st.integers(2, 5))
def test_values_on_words_are_those_of_the_pure_functions(own, reference, other, n):
    row, _ = values([prompt(own, reference, prompt="an ant"), prompt(other, own)], n)
    sets = [[ENGLISH.content_words(text) for text in given] for given in (own, reference, other)]
    of_other = [[sets[2]], [sets[0]]] if other else [[], []]
    assert row == pytest.approx(called_directly(*sets[:2], *of_other, {"ant"}, n))


@settings(deadline=None)
@given(responses_, responses_, responses_, st.integers(2, 5))
def test_values_on_viewpoints_are_those_of_the_pure_functions(own, reference, other, n):
    views = [{"text": word, "side": "yes"} for word in WORDS[:4]]
    row, _ = values(
        [
            prompt(own, reference, viewpoints=views, prompt="an ant"),
            prompt(other, own, viewpoints=views[:1]),
        ],
        n,
        Said(),
    )

    def units(texts):
        return [{word for word in WORDS[:4] if word in text} for text in texts]

    # The other prompt's answers are matched to this prompt's viewpoints.
    of_other = [[units(other)], [units(own)]] if other else [[], []]
    sets = units(own), units(reference)
    assert row == pytest.approx(called_directly(*sets, *of_other, {"ant"}, n))


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=4, max_size=4), st.randoms())
def test_a_run_against_itself_misses_nothing(own, random):
    [row] = values([prompt(own, random.sample(own, len(own)))], n=4)
    assert row["reference_coverage_at_n"] == 1.0
    assert row["missing_from_reference"] == 0.0
    # It has an advantage over held-out samples: its own are in the pool.
    split, held_out = (row[f"reference_coverage_at_1_{kind}"] for kind in ("split", "held_out"))
    assert split >= held_out - 1e-12


def test_a_prompt_of_its_own_takes_no_part_in_its_chance():
    same = [prompt(["ant", "ant"], ["ant", "ant"]), prompt(["bee", "bee"], ["bee", "bee"])]
    rows = values(same, n=2, names=["reference_coverage_at_1_chance"])
    assert rows == [{"reference_coverage_at_1_chance": 0.0}] * 2
    assert values(same[:1], n=2, names=["reference_coverage_at_1_chance"]) == [
        {"reference_coverage_at_1_chance": None}
    ]
