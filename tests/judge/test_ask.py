import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import load_prompts
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.judging.stage import JudgingStage, to_judge
from lm_eval_overton.harness.replay import score
from lm_eval_overton.judge.ask import (
    Judged,
    LabelsJudge,
    Question,
    ask_in_both_orders,
    judge_prompts,
    swapped,
)
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.judge import read_spec
from lm_eval_overton.text.samples import clean
from tests.conftest import PAPER
from tests.released import NoEncoder

DOCS = [{"id": "a", "prompt": "Is it so?"}, {"id": "b", "prompt": "Is it not?"}]
STATUS = ("refused", "unreadable", "failed")


class Listed:
    """A judge that takes down its questions and gives the verdicts of a list, or one for all."""

    signature = "listed"

    def __init__(self, *verdicts):
        self.verdicts = list(verdicts)
        self.questions = []

    def ask(self, questions):
        self.questions += questions
        if not self.verdicts:
            return [Verdict("parsed", 3, "3")] * len(questions)
        return [self.verdicts.pop(0) for _ in questions]


def judged(name, *texts, **changes):
    positions = list(range(len(texts)))
    return Judged(name, f"Prompt {name}?", texts, changes.pop("positions", positions), **changes)


def topics(only_a, both, only_b):
    """A verdict with so many topics on each side."""
    counts = {"only_a": only_a, "only_b": only_b, "both": both}
    sides = {side: [{"name": "t", "helpfulness": 3}] * count for side, count in counts.items()}
    return Verdict("parsed", sides, "{}")


def test_each_valid_sample_of_each_prompt_is_asked_about_once():
    judge = Listed(*(Verdict("parsed", i, str(i)) for i in range(3)))
    prompts = [judged("p", "x", "y", positions=[0, 3]), judged("q", "z", positions=[1])]
    found = judge_prompts(judge, prompts, ["quality"])
    assert [[v.value for v in own["quality"]] for own in found] == [[0, 1], [2]]
    assert [question.texts for question in judge.questions] == [
        {"prompt": "Prompt p?", "response": "x"},
        {"prompt": "Prompt p?", "response": "y"},
        {"prompt": "Prompt q?", "response": "z"},
    ]
    # A verdict's place counts the samples that are not valid as well.
    assert [question.where for question in judge.questions] == [("p", 0), ("p", 3), ("q", 1)]


def test_what_does_not_apply_to_a_prompt_is_not_asked_there():
    prompts = [
        judged("plain", "x"),
        judged("contested", "x", contested=True),
        judged("compared", "x", reference="r"),
    ]
    judge = Listed()
    found = judge_prompts(judge, prompts, ["quality", "stance", "missing"])
    assert [sorted(own) for own in found] == [
        ["quality"],
        ["quality", "stance"],
        ["missing", "quality"],
    ]
    [asked] = [q for q in judge.questions if q.judgement.name == "missing"]
    assert asked.texts == {"prompt": "Prompt compared?", "reference": "r", "alternative": "x"}


def test_the_questions_fit_their_judgements():
    judge = Listed()
    own = judged("p", "x", reference="r", contested=True)
    judge_prompts(judge, [own], ["quality", "stance", "missing"])
    judge.verdicts = [topics(1, 1, 1)] * 2
    judge_prompts(judge, [own], ["topics"])
    for question in judge.questions:
        assert question.judgement.build(**question.texts)[0]["role"] == "user"
        assert set(question.quoted) <= {"Prompt p?", "x", "r"}


def test_a_prompt_without_valid_samples_has_no_verdicts():
    judge = Listed()
    assert judge_prompts(judge, [judged("p")], ["quality"]) == [{"quality": []}]
    assert judge.questions == []


def test_topics_are_asked_in_both_orders_and_averaged():
    # There: 2 only in the reference, 1 in both, 1 only in the sample: .5, .25, .25. Exchanged, "a"
    # is the sample: 1 of its own, 1 in both, 2 of the reference: .5, .25, .25 turned back.
    # Second sample: there 1, 1, 0: .5, .5, 0; exchanged 2, 1, 1 is .25, .25, .5 turned back.
    # Means (.375, .375, .25); disagreement (.25 + .25 + .5) / 2 = .5.
    judge = Listed(topics(2, 1, 1), topics(1, 1, 0), topics(1, 1, 2), topics(2, 1, 1))
    [found] = judge_prompts(judge, [judged("p", "x", "y", reference="r")], ["topics"])
    first, second = [verdict.value for verdict in found["topics"]]
    sides = ("only_reference", "both", "only_sample")
    assert [first["shares"][side] for side in sides] == [0.5, 0.25, 0.25]
    assert first["disagreement"] == 0
    assert [second["shares"][side] for side in sides] == [0.375, 0.375, 0.25]
    assert second["disagreement"] == 0.5
    shown = [(q.texts["response_a"], q.texts["response_b"]) for q in judge.questions]
    assert shown == [("r", "x"), ("r", "y"), ("x", "r"), ("y", "r")]


@pytest.mark.parametrize("status", STATUS)
def test_topics_need_both_orders(status):
    lost = Verdict(status, None, None)
    for verdicts in ((topics(1, 1, 1), lost), (lost, topics(1, 1, 1))):
        [found] = judge_prompts(Listed(*verdicts), [judged("p", "x", reference="r")], ["topics"])
        assert found["topics"] == [lost]


def test_no_topic_at_all_is_no_verdict():
    judge = Listed(topics(0, 0, 0), topics(1, 0, 0))
    [found] = judge_prompts(judge, [judged("p", "x", reference="r")], ["topics"])
    assert found["topics"][0].status == "unreadable"


def test_topics_that_exist_in_one_order_have_no_disagreement():
    judge = Listed(topics(1, 1, 2), None)
    [found] = judge_prompts(judge, [judged("p", "x", reference="r")], ["topics"])
    assert found["topics"][0].value == {
        "shares": {"only_reference": 0.25, "both": 0.25, "only_sample": 0.5},
        "disagreement": None,
    }
    judge = Listed(None, None)
    [found] = judge_prompts(judge, [judged("p", "x", reference="r")], ["topics"])
    assert found["topics"] == [None]


COUNTS = st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_topic_shares_sum_to_one_and_disagreement_is_a_share(there, back):
    [found] = judge_prompts(
        Listed(topics(*there), topics(*back)), [judged("p", "x", reference="r")], ["topics"]
    )
    value = found["topics"][0].value
    assert sum(value["shares"].values()) == pytest.approx(1)
    assert -1e-12 <= value["disagreement"] <= 1 + 1e-12
    # Equal answers in both orders agree fully.
    if [n / sum(there) for n in there] == [n / sum(back) for n in reversed(back)]:
        assert value["disagreement"] == 0


def test_a_swapped_question_has_no_label_and_keeps_its_repeat():
    texts = {"prompt": "p", "response_a": "x", "response_b": "y"}
    question = Question(JUDGEMENTS["equivalence"], texts, ("p", 0), repeat=2)
    back = swapped(question)
    assert back.texts == {"prompt": "p", "response_a": "y", "response_b": "x"}
    assert (back.where, back.repeat) == (None, 2)
    # A label has no sides to turn.
    same = Verdict("parsed", "same", "same")
    assert ask_in_both_orders(Listed(same, same), [question]) == [(same, same)]


# ------------------------------------------------------------------------------------- labels


def labels_judge(tmp_path, n_samples=2, n_reference=None, **files):
    spec = {"labels": {}, "name": "us"}
    for name, rows in files.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"labels": row}) + "\n" for row in rows))
        spec["labels"][name] = str(path)
    return LabelsJudge(read_spec(spec, "t"), DOCS, n_samples, n_reference)


def test_labels_answer_by_prompt_and_sample(tmp_path):
    judge = labels_judge(tmp_path, stance=[["yes", "no"], [None, "both"]])
    prompts = [judged("a", "x", "y"), judged("b", "z", positions=[1])]
    prompts = [Judged(p.id, p.prompt, p.texts, p.positions, contested=True) for p in prompts]
    found = judge_prompts(judge, prompts, ["stance"])
    assert [[v.value for v in own["stance"]] for own in found] == [["yes", "no"], ["both"]]
    assert judge.signature == "us|labels|bar:4"


def test_a_sample_without_a_label_has_no_verdict(tmp_path):
    judge = labels_judge(tmp_path, missing=[[3, None], [1, 2]])
    own = Judged("a", "?", ["x", "y"], [0, 1], "r")
    [found] = judge_prompts(judge, [own], ["missing"])
    assert found["missing"] == [Verdict("parsed", 3, None), None]
    # Nor has one that no label was given for, or a question that is about no sample.
    question = Question(JUDGEMENTS["missing"], {}, ("a", 7))
    assert judge.ask([question, Question(JUDGEMENTS["missing"], {})]) == [None, None]


def test_labels_of_the_reference_are_its_own(tmp_path):
    low, high = [{"helpfulness": 1}] * 2, [{"helpfulness": 5}] * 2
    judge = labels_judge(tmp_path, quality=[low, low], reference_quality=[high, high])
    own, theirs = (Judged("a", "?", ["x"], [0], of_reference=of) for of in (False, True))
    found = judge_prompts(judge, [own, theirs], ["quality"])
    assert [v["quality"][0].value["helpfulness"] for v in found] == [1, 5]


def test_a_reference_may_have_another_number_of_samples(tmp_path):
    labels = {"quality": [[{"depth": 1}] * 2] * 2, "reference_quality": [[{"depth": 5}] * 3] * 2}
    judge = labels_judge(tmp_path, n_samples=2, n_reference=3, **labels)
    theirs = Judged("b", "?", ["x", "y", "z"], [0, 1, 2], of_reference=True)
    [found] = judge_prompts(judge, [theirs], ["quality"])
    assert [v.value["depth"] for v in found["quality"]] == [5, 5, 5]
    with pytest.raises(DataError, match="expected 1 label for its prompt or 2"):
        labels_judge(tmp_path, n_samples=2, **labels)


def test_labels_of_a_run_and_of_a_reference_with_more_samples_are_scored(tmp_path):
    def lines(name, *rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    docs = [{"prompt": f"Why {i}?"} for i in range(2)]
    own = lines("own.jsonl", *({**doc, "responses": ["red tree", "blue tree"]} for doc in docs))
    reference = lines("other.jsonl", *({**doc, "responses": ["red", "a", "b"]} for doc in docs))
    labels = {
        "quality": lines("own_labels.jsonl", *[{"labels": [{"helpfulness": 5}] * 2}] * 2),
        "reference_quality": lines(
            "other_labels.jsonl", *[{"labels": [{"helpfulness": 5}, {"helpfulness": 5}, None]}] * 2
        ),
    }
    metadata = {"n_samples": 2, "reference_run": reference, "judge": {"labels": labels}}
    names = {"missing_from_reference_split_qc"}
    results = score(read_responses(Path(own)), "overton_diversity", metadata=metadata, only=names)
    counts = results["configs"]["overton_diversity"]["metadata"]["overton"]["judge"]["counts"]
    # A null is no verdict that anyone was asked for.
    assert {name: own["parsed"] for name, own in counts.items()} == {
        "quality": 4,
        "reference_quality": 4,
    }


def test_labels_of_other_prompts_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected 2 lines, one per prompt"):
        labels_judge(tmp_path, stance=[["yes", "no"]])


# -------------------------------------------------------------------------------------- stage


def a_prompt(raws, reference=(), kind=None):
    doc = {"id": "a", "prompt": "Is it so?", "kind": kind}
    return Prompt(doc, [clean(r, ()) for r in raws], [clean(r, ()) for r in reference])


def test_the_judge_gets_the_valid_samples_with_their_places():
    own = to_judge(a_prompt(["x", None, "  ", "y"], [None, "r", "s"], "yes_no"))
    assert own == Judged("a", "Is it so?", ["x", "y"], [0, 3], "r", True)
    theirs = to_judge(a_prompt(["x"], [None, "r", "s"]), of_reference=True)
    assert theirs == Judged("a", "Is it so?", ["r", "s"], [1, 2], "r", False, True)
    assert to_judge(a_prompt(["x"])).reference is None


@pytest.mark.parametrize(
    ("spec", "has_reference", "names"),
    [
        ({"model": "m"}, True, ("quality", "missing", "topics")),
        ({"model": "m"}, False, ("quality",)),
        ({"model": "m", "judgements": ["topics", "stance"]}, True, ("topics",)),
        ({"model": "m", "mode": "loglikelihood"}, True, ("missing",)),
        ({"labels": {"missing": "x", "reference_quality": "y"}}, True, ("missing",)),
    ],
)
def test_a_stage_asks_what_is_of_use_and_can_be_asked(spec, has_reference, names):
    useful = ("quality", "missing", "topics")
    stage = JudgingStage.of(Listed(), read_spec(spec, "t"), useful, has_reference)
    assert stage.names == names
    assert stage.counts[:4] == [f"{names[0]}_{s}" for s in ("parsed", *STATUS)]
    assert ("helpfulness" in stage.left_out) is ("quality" not in names)
    assert ("reference_quality_failed" in stage.counts) is (has_reference and "quality" in names)


def test_a_stage_asks_about_the_reference_too():
    judge = Listed(*(Verdict("parsed", {"helpfulness": i}, "") for i in range(3)))
    stage = JudgingStage(judge, ("quality",), ("reference_quality",))
    [found] = stage.judged([a_prompt(["x"], ["r", "s"])])
    assert [v.value["helpfulness"] for v in found.verdicts["quality"]] == [0]
    assert [v.value["helpfulness"] for v in found.reference_verdicts["quality"]] == [1, 2]


def test_verdicts_on_the_reference_are_counted_and_missed_by_themselves():
    lost = Verdict("failed", None, None)
    judge = Listed(Verdict("parsed", {"helpfulness": 5}, ""), lost, lost)
    spec = read_spec({"model": "m", "judgements": ["quality"]}, "t")
    stage = JudgingStage.of(judge, spec, ("quality",), has_reference=True)
    prompts = stage.judged([a_prompt(["x"], ["r", "s"])])
    [row] = score_prompts(prompts, stage.counts, Bench(2, (), NoEncoder(), 1))
    counts = stage.counted({name: [value] for name, value in row.items()})
    assert {name: (own["parsed"], own["failed"]) for name, own in counts.items()} == {
        "quality": (1, 0),
        "reference_quality": (0, 2),
    }
    [alarm] = stage.alarms(counts, None)
    assert alarm.startswith("reference_quality: 2 of 2 verdicts are missing (refused 0, ")


class Broken:
    signature = "broken"

    def ask(self, questions):
        raise RuntimeError("out of memory")


def test_a_judge_that_breaks_costs_its_verdicts_alone(caplog):
    [found] = JudgingStage(Broken(), ("quality", "stance")).judged([a_prompt(["x", "y", None])])
    assert [v.status for v in found.verdicts["quality"]] == ["failed", "failed"]
    assert "out of memory" in caplog.text


def test_a_judge_that_breaks_keeps_what_it_said_before(caplog):
    class Breaking(Broken):
        def ask(self, questions):
            if questions[0].judgement.name == "stance":
                raise RuntimeError("out of memory")
            return [Verdict("parsed", {"helpfulness": 3}, "") for _ in questions]

    prompt = a_prompt(["x"], kind="yes_no")
    [found] = JudgingStage(Breaking(), ("quality", "stance")).judged([prompt])
    assert [found.verdicts[name][0].status for name in ("quality", "stance")] == [
        "parsed",
        "failed",
    ]


def test_a_judge_that_cannot_be_set_up_is_the_users_error():
    class Unusable(Broken):
        def ask(self, questions):
            raise SettingsError("judge: expected a judge that can be set up, got none")

    with pytest.raises(SettingsError, match="expected a judge that can be set up"):
        JudgingStage(Unusable(), ("quality",)).judged([a_prompt(["x"])])


def test_what_is_missing_is_said_with_its_remedy():
    counts = {
        "quality": {"parsed": 7, "refused": 1, "unreadable": 0, "failed": 2},
        "stance": {"parsed": 3, "refused": 0, "unreadable": 0, "failed": 0},
    }
    stage = JudgingStage(Listed(), ("quality", "stance"))
    assert stage.alarms(counts, "overton judge out") == [
        "quality: 3 of 10 verdicts are missing (refused 1, unreadable 0, failed 2); "
        "`overton judge out` asks again for those that failed"
    ]
    counts["quality"] = {"parsed": 7, "refused": 1, "unreadable": 2, "failed": 0}
    [alarm] = stage.alarms(counts, "overton judge out")
    assert alarm.endswith(
        "(refused 1, unreadable 2, failed 0); `overton judge out --retry-unreadable` asks again "
        "for those that cannot be read, which more max_tokens, `structured` or another judge may "
        "mend"
    )
    [alarm] = stage.alarms(counts, None)
    assert "`overton judge RUN --retry-unreadable`" in alarm
    counts["quality"] = {"parsed": 7, "refused": 3, "unreadable": 0, "failed": 0}
    [alarm] = stage.alarms(counts, None)
    assert alarm.endswith("refusals are kept: another judge may give verdicts")


@pytest.mark.parametrize(
    ("judge", "command"),
    [
        (None, "overton judge 'my runs/a' --judge FILE"),
        ({"base_url": "http://127.0.0.1:80/v1"}, "overton judge 'my runs/a'"),
        ({"base_url": "https://judge.example/v1"}, "overton judge 'my runs/a' --yes"),
        ({}, "overton judge 'my runs/a'"),
    ],
)
def test_the_command_that_completes_a_run_can_be_run_as_it_is(judge, command):
    spec = None if judge is None else read_spec({"model": "m", "model_args": judge}, "t")
    stage = JudgingStage.of(None, spec, ("quality",), has_reference=False)
    assert stage.command(Path("my runs/a")) == command


# --------------------------------------------------------------------------- released labels


def released(model, judged_model=None, **metadata):
    """The scores of a model's released LIMA-OE responses with their released quality labels."""
    folder = PAPER / "LIMA-OE"
    labels = {"quality": str(folder / "eval-quality" / "outputs" / f"{model}.jsonl")}
    found = read_responses(folder / "outputs" / f"{model}.jsonl")
    results = score(
        found,
        "overton_diversity",
        prompts=str(folder / "prompts.jsonl"),
        stops=["```"] if "chat" not in model else [],
        metadata={"judge": {"labels": labels}, **metadata},
        only={"lexical_diversity", "lexical_diversity_qc", "helpfulness", "quality_pass_share"},
    )
    overton = results["configs"]["overton_diversity"]["metadata"]["overton"]
    values = {name: json.loads(text) for name, text in overton["values"].items()}
    return results["results"]["overton_diversity"], values


@pytest.mark.paper_data
def test_released_qualities_give_the_loss_that_quality_control_leaves():
    base_row, base = released("llama-2-base")
    chat_row, chat = released("llama-2-chat")
    name = "lexical_diversity_qc"
    assert base_row[f"{name}_n,none"] == 36
    both = [i for i in range(50) if base[name][i] is not None and chat[name][i] is not None]
    assert len(both) == 36

    def change(metric):
        return sum(chat[metric][i] - base[metric][i] for i in both) / len(both)

    # As METRICS.md has them, to the printed digit.
    assert round(change("lexical_diversity"), 3) == -0.205
    assert round(change(name), 3) == -0.172
    assert round(chat_row["helpfulness,none"], 2) == 4.88
    # 3.03 over all 250 labels; the one empty sample, a 1, is not scored here.
    assert round(base_row["helpfulness,none"], 2) == 3.04


STANCES_BOTH = {
    "llama-2-base": 0.078,
    "llama-2-icl": 0.512,
    "gpt-3.5-turbo": 0.526,
    "llama-2-icl-gpt-3.5": 0.575,
}


def stance_samples(model, n_prompts):
    """The released responses; where they were not released, five that stand for them."""
    path = PAPER / "ConflictingQA" / "outputs" / f"{model}.jsonl"
    if not path.exists():
        return [[clean("An answer.", ())] * 5] * n_prompts
    stops = ("```",) if "llama" in model else ()
    return [[clean(r, stops) for r in entry.responses] for entry in read_responses(path).entries]


@pytest.mark.paper_data
@pytest.mark.parametrize(("model", "share"), STANCES_BOTH.items())
def test_released_stances_give_the_printed_shares_of_both(model, share):
    folder = PAPER / "ConflictingQA"
    docs = load_prompts(str(folder / "prompts.jsonl")).docs
    path = folder / "eval-stance" / "outputs" / f"{model}.jsonl"
    judge = LabelsJudge(read_spec({"labels": {"stance": str(path)}}, "t"), docs, 5)
    prompts = [
        to_judge(Prompt({**doc, "kind": "yes_no"}, own))
        for doc, own in zip(docs, stance_samples(model, len(docs)), strict=True)
    ]
    found = judge_prompts(judge, prompts, ["stance"])
    verdicts = [verdict for own in found for verdict in own["stance"]]
    # 434 questions of 5 samples; two of the base model's are empty and not judged.
    assert len(verdicts) == (2168 if model == "llama-2-base" else 2170)
    assert {verdict.status for verdict in verdicts} == {"parsed"}
    both = sum(verdict.value == "both" for verdict in verdicts)
    assert round(both / len(verdicts), 3) == share
