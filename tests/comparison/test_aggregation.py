"""Aggregation is earned by covering more: not by length, by repeating the question, or by noise."""

import json
import random
import string
from dataclasses import replace

import pytest

from lm_eval_overton import reporting
from lm_eval_overton.comparison import Compared, compare
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.harness.replay import score
from lm_eval_overton.metrics.measures.about_samples import DEGENERATE_SHARE
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1
from lm_eval_overton.metrics.measures.reference import COVERED, ECHO, HELD_OUT_CHANCE, REPEATED
from lm_eval_overton.metrics.measures.units import UNITS_AT_1_WORDS
from lm_eval_overton.runs.responses import read_responses
from tests.comparison.test_compare import COVERAGE, DIVERSITY, noted, pair, run, task

MAY, MAY_NOT = "this may be called aggregation", "this may not be called aggregation"
NOT_KNOWN = "whether this is aggregation is not known"
LONGER = "longer, not broader: units_at_1_words rises by 10.500"
PROMPTS = "pqrstu"
UP, LOW = [21, 32, 41, 48, 20, 21], [10, 20, 30, 40, 10, 10]
LONG = {UNITS_AT_1_WORDS.name: [low + 10.5 for low in LOW]}
SHORT = {UNITS_AT_1_WORDS.name: LOW}


def verdict(base, other):
    """The one note on aggregation of a run of two tasks against its base."""
    [note] = noted(compare(run("base", *base), [run("chat", *other)]).pairs[0], "aggregation")
    return note


def words(split, repeated=0.2, chance=0.1, held_out_chance=0.05, echo=0.0):
    """What a run covers of its reference's words, on average equal to these."""
    metrics = (COVERED["split"], REPEATED, COVERED["chance"], HELD_OUT_CHANCE, ECHO)
    means = (split, repeated, chance, held_out_chance, echo)
    spread = (0.01, -0.01, 0.02, -0.02, 0.0, 0.0)
    return {
        metric.name: [mean + (by if metric is COVERED["split"] else 0) for by in spread]
        for metric, mean in zip(metrics, means, strict=True)
    }


def of_words(**columns):
    return verdict([task(ids=PROMPTS, **SHORT)], [task(ids=PROMPTS, **LONG, **words(**columns))])


def of_viewpoints(before, after, **echo):
    return verdict(
        [task(ids=PROMPTS, **SHORT), task(COVERAGE, ids=PROMPTS, coverage_at_1=before, **echo)],
        [task(ids=PROMPTS, **LONG), task(COVERAGE, ids=PROMPTS, coverage_at_1=after, **echo)],
    )


# ------------------------------------------------------------------------------ the base's words


def test_more_of_the_bases_words_beyond_chance_may_be_called_aggregation():
    # Of one answer .45 - .10 are beyond chance, of the base's .20 - .05: .20 more.
    note = of_words(split=0.45)
    assert note.startswith(
        f"{MAY}: what one answer covers of the words of base beyond chance rises"
    )
    assert "rises by 0.200 [" in note
    # All signs alike: 2 of 64.
    assert note.endswith("(p = 0.031, n = 6)")


@pytest.mark.parametrize(
    ("columns", "change"),
    [
        # As many of them as by chance: an answer that holds more of the language's words.
        ({"split": 0.45, "chance": 0.45}, -0.15),
        # More than another answer of the base, but .15 of it beyond chance as there.
        ({"split": 0.45, "chance": 0.3}, 0.0),
        # It repeats an answer of the base, which covers as much.
        ({"split": 0.45, "repeated": 0.4}, 0.0),
        # Beyond chance there is what the question says, and nothing else.
        ({"split": 0.45, "echo": 0.35}, 0.0),
        ({"split": 0.1}, -0.15),
    ],
)
def test_longer_answers_that_cover_no_more_are_not_broader(columns, change):
    note = of_words(**columns)
    assert note.startswith(f"{MAY_NOT}: {LONGER} [")
    assert (
        f"but what one answer covers of the words of base beyond chance changes by {change:.3f}"
        in (note.replace("-0.000", "0.000"))
    )


def test_where_nothing_rises_no_length_is_named():
    equal = [task(ids=PROMPTS, **SHORT)], [task(ids=PROMPTS, **SHORT, **words(0.2))]
    assert verdict(*equal).startswith(f"{MAY_NOT}: what one answer covers of the words of base")


def test_what_no_prompt_defines_or_too_few_do_shows_nothing():
    few = [[task(**{k: own[:4] for k, own in all_.items()})] for all_ in (SHORT, LONG | words(0.9))]
    note = verdict(*few)
    assert note.startswith(NOT_KNOWN)
    assert "beyond chance: expected at least 6 prompts that define it, got 4" in note


def test_what_is_measured_against_another_run_says_nothing_of_the_base():
    base = task(ids=PROMPTS, signed="reference:aa", reference_coverage_at_n=[0.4] * 6, **SHORT)
    other = task(ids=PROMPTS, signed="reference:aa", **words(0.9), **LONG)
    note = verdict([base], [replace(other, reference_run="a/sft")])
    assert note.startswith(NOT_KNOWN)
    assert "chat is measured against a/sft, which is not base" in note


def test_a_run_scored_before_there_were_all_baselines_is_to_be_scored_anew():
    old = {name: own for name, own in words(0.9).items() if name != ECHO.name}
    note = verdict([task(ids=PROMPTS, **SHORT)], [task(ids=PROMPTS, **LONG, **old)])
    assert f"no {ECHO.name} in chat: `overton score RESPONSES --task {DIVERSITY}" in note


# ------------------------------------------------------------------------------ the viewpoints


def test_more_viewpoints_than_the_base_may_be_called_aggregation():
    before, after = [0.1, 0.2, 0.1, 0.2, 0.1, 0.2], [0.3, 0.3, 0.2, 0.3, 0.3, 0.3]
    note = of_viewpoints(before, after)
    # .2, .1, .1, .1, .2, .1
    assert note.startswith(f"{MAY}: coverage_at_1 (what the question covers is not known) rises")
    assert "rises by 0.133 [" in note
    assert note.endswith("(p = 0.031, n = 6)")


def test_viewpoints_that_the_question_itself_covers_do_not_count():
    before, after, echo = (
        [0.1] * 6,
        [0.31, 0.29, 0.32, 0.28, 0.3, 0.3],
        {"coverage_echo": [0.3] * 6},
    )
    note = of_viewpoints(before, after, **echo)
    assert note.startswith(f"{MAY_NOT}: {LONGER} [")
    assert "but coverage_at_1 above coverage_echo changes by" in note
    note = of_viewpoints(before, [own + 0.2 for own in after], **echo)
    # More than the echo by .2, which is more than the base covers.
    assert note.startswith(f"{MAY}: coverage_at_1 above coverage_echo rises by 0.200 [")
    # What no matcher could say of the echo is no echo of 0.
    note = of_viewpoints(before, after, coverage_echo=[None] * 6)
    assert note.startswith(f"{MAY}: coverage_at_1 (what the question covers is not known)")


def test_a_loss_of_viewpoints_beside_a_gain_of_words_is_no_aggregation():
    both = [
        [task(ids=PROMPTS, **own), task(COVERAGE, ids=PROMPTS, coverage_at_1=covered)]
        for own, covered in ((SHORT, [0.5, 0.6] * 3), (LONG | words(0.45), [0.1, 0.3] * 3))
    ]
    note = verdict(*both)
    assert note.startswith(f"{MAY_NOT}: coverage_at_1")
    assert "changes by -0.350" in note
    assert "beyond chance rises by 0.200" in note


# ------------------------------------------------------------------------------ noise, and nothing


def test_with_more_noise_nothing_is_called_aggregation():
    noise = {DEGENERATE_SHARE.name: [0.2, 0, 0, 0.2, 0, 0]}
    none = {DEGENERATE_SHARE.name: [0] * 6}
    base = [task(ids=PROMPTS, **SHORT, **none)]
    note = verdict(base, [task(ids=PROMPTS, **LONG, **words(0.45), **noise)])
    assert note.startswith(
        f"{MAY_NOT}: degenerate_share rises by 0.067, so that the rest may be noise; what one"
    )
    assert verdict(base, [task(ids=PROMPTS, **LONG, **words(0.45), **none)]).startswith(MAY)


def test_without_any_coverage_the_commands_are_named():
    note = verdict([task(ids=PROMPTS, **SHORT)], [task(ids=PROMPTS, **LONG)])
    assert note.startswith(f"{NOT_KNOWN}: no {COVERAGE} in base and chat: `overton score RESPONSES")
    assert f"`overton score RESPONSES --task {DIVERSITY} --reference runs/base`" in note
    assert "; units_at_1_words rises by 10.500 [" in note
    assert note.endswith(", as it does for length alone")


def test_the_report_says_the_same(tmp_path):
    base, other = task(ids=PROMPTS, **SHORT), task(ids=PROMPTS, **LONG, **words(0.1))
    found = pair(base, other)
    compared = Compared((run("base", base), run("chat", other)), (found,))
    page = reporting.write(compared, tmp_path / "report.html", seed=1).read_text()
    assert "longer, not broader" in page


# ------------------------------------------------------------------------------ real runs

RNG = random.Random(7)
# What could be said of each of eight matters; answers hold some of it.
STEMS = ("plant", "storm", "paint", "march", "trade", "climb", "boat", "light")
ENDINGS = ("ing", "ed", "er", "ish", "ful", "less", "able", "ness")
MATTERS = [[f"{stem}{ending}" for ending in ENDINGS] for stem in STEMS]
ASKED = [f"What should we say of {own[0]} and {own[1]}?" for own in MATTERS]
FILLER = (
    "This is a very important matter that many people think about today",
    "There are certainly many different aspects that one could consider here in general",
    "It always depends on the context and on the situation at hand",
    "As always, further thought might be helpful for everyone",
)


def answer(matter, n):
    return f"It is {' and '.join(RNG.sample(MATTERS[matter], n))}."


def letters(n):
    return " ".join("".join(RNG.choices(string.ascii_lowercase, k=6)) for _ in range(n))


BASE = [[answer(i, 2) for _ in range(4)] for i in range(len(MATTERS))]
KINDS = {
    "base": lambda i, k: BASE[i][k],
    "letters": lambda i, k: letters(40),
    "empty": lambda i, k: ". ".join(RNG.sample(FILLER, 4)),
    "restating": lambda i, k: f"{ASKED[i]} {'. '.join(RNG.sample(FILLER, 4))}",
    "padded": lambda i, k: f"{BASE[i][k]} {'. '.join(RNG.sample(FILLER, 4))}",
    "aligned": lambda i, k: f"{answer(i, 6)} {RNG.choice(FILLER)}.",
    "joined": lambda i, k: " ".join(BASE[i][:3]),
}
BASELINES = (*COVERED.values(), REPEATED, HELD_OUT_CHANCE, ECHO)
METRICS = {own.name for own in (UNITS_AT_1_WORDS, DEGENERATE_SHARE, *BASELINES)}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Folders of runs whose answers are of each kind, held against those of the base."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, said in KINDS.items():
        rows = [
            {"id": f"p{i}", "prompt": asked, "responses": [said(i, k) for k in range(4)]}
            for i, asked in enumerate(ASKED)
        ]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        given = {"reference_run": str(folder / "base.jsonl")} if name != "base" else {}
        score(read_responses(path), DIVERSITY, metadata=given, output=folder / name, only=METRICS)
    return {name: load_run(folder / name) for name in KINDS}


@pytest.mark.parametrize("name", ["letters", "empty", "restating", "padded"])
def test_a_longer_run_that_says_nothing_of_what_the_base_says_is_not_broader(real, name):
    [note] = noted(compare(real["base"], [real[name]]).pairs[0], "aggregation")
    assert note.startswith(f"{MAY_NOT}: longer, not broader: units_at_1_words rises by")
    assert "changes by -0." in note


@pytest.mark.parametrize("name", ["aligned", "joined"])
def test_a_run_whose_answers_say_more_of_what_the_base_says_may_be_called_aggregation(real, name):
    [note] = noted(compare(real["base"], [real[name]]).pairs[0], "aggregation")
    assert note.startswith(f"{MAY}: what one answer covers of the words of base")


def test_what_is_held_against_another_run_says_nothing_of_this_one(real):
    # Words against random letters: nothing of those is said.
    [note] = noted(compare(real["letters"], [real["aligned"]]).pairs[0], "aggregation")
    assert note.startswith(NOT_KNOWN)


def test_real_answers_that_cover_more_of_the_viewpoints(tmp_path):
    runs = []
    for name, n in (("base", 1), ("chat", 3)):
        rows = [
            {
                "id": doc["id"],
                "prompt": doc["prompt"],
                "responses": [" ".join(own["text"] for own in doc["viewpoints"][:n])],
            }
            for doc in load_viewpoints("contested").docs[:6]
        ]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        only = {COVERAGE_AT_1.name, "coverage_echo"}
        score(read_responses(path), COVERAGE, output=tmp_path / name, only=only)
        runs.append(load_run(tmp_path / name))
    [note] = noted(compare(runs[0], runs[1:]).pairs[0], "aggregation")
    assert note.startswith(f"{MAY}: coverage_at_1")
