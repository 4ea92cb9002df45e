"""The task of questions all of whose answers are known, by samples and by log-probabilities."""

import json
import logging
import math

import pytest
import torch

from lm_eval_overton.cli import main
from lm_eval_overton.comparison.notes import NOTED
from lm_eval_overton.data.enumerable import load_enumerable
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.enumerable import EnumerableTask, ExactTask
from lm_eval_overton.harness.replay import build, task_class
from lm_eval_overton.metrics.formulas import closed_answers as closed
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.signature import differing
from tests.harness.evaluating import evaluate
from tests.tiny_models import causal, harness_model

TASK = "overton_enumerable"
EXACT = {"answers": "loglikelihood"}
OWN = [
    {"id": "ab", "prompt": "Which one?", "answers": [["A"], ["AB"], ["yes"], ["y", "Wh"]]},
    {"id": "c", "prompt": "And now?", "answers": ["C", "D"], "weights": [3, 1]},
]


def built(**metadata):
    cls, config = task_class(TASK)
    config["metadata"] = {**config["metadata"], **metadata}
    return cls(config=config)


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def own(tmp_path):
    return str(written(tmp_path / "own.jsonl", OWN))


# ------------------------------------------------------------------------------------- settings


def test_twenty_short_samples_are_drawn_at_temperature_one():
    task = built()
    assert isinstance(task, EnumerableTask)
    assert task.settings.n_samples == 20
    assert built(n_samples=7).settings.n_samples == 7
    assert task.generation["temperature"] == 1
    assert task.generation["max_gen_toks"] == 32
    assert "|answers:sampled|" in task.signature
    # Nothing is encoded.
    assert "|emb:" not in task.signature
    assert built(encoder_device="cpu").signature == task.signature


def test_the_mode_and_the_user_s_own_file_are_in_the_signature(own):
    assert isinstance(built(**EXACT), ExactTask)
    assert "|answers:loglikelihood|" in built(**EXACT).signature
    assert built(answer_sets=own).signature.startswith("overton_enumerable@1|data:own:")
    assert built(answer_sets=own, **EXACT).signature.startswith("overton_enumerable@1|data:own:")
    assert built(answers="sampled").signature == built().signature
    # Runs of different modes are not compared.
    differ = differing(built().signature, built(**EXACT).signature)
    assert differ["answers"] == ("sampled", "loglikelihood")
    assert "answers" not in NOTED


def test_prompts_for_other_tasks_leave_the_packaged_questions(tmp_path, caplog):
    caplog.set_level(logging.INFO, "lm_eval.overton")
    other = written(tmp_path / "open.jsonl", [{"prompt": "Why paint?"}])
    for metadata in ({}, EXACT):
        task = built(prompts=str(other), **metadata)
        assert task.prompt_set.docs == load_enumerable("enumerable").docs
        assert "keeps its packaged prompts enumerable" in caplog.text


def test_a_mode_that_is_none_and_a_file_without_answers_are_one_line(tmp_path, capsys):
    other = written(tmp_path / "open.jsonl", [{"prompt": "Why paint?"}])
    for metadata, message in (
        ({"answers": "verbalized"}, "expected answers sampled or loglikelihood, got 'verbalized'"),
        ({"answer_sets": str(other)}, 'expected "answers", a list of at least two answers'),
        ({"answer_sets": str(other), **EXACT}, 'expected "answers", a list of at least two'),
        ({"answer_set": "x.jsonl"}, "did you mean 'answer_sets'?"),
    ):
        assert main(["check", "--tasks", TASK, "--metadata", json.dumps(metadata)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line


def test_check_says_what_each_mode_asks_for(capsys):
    n = sum(len(names) for doc in load_enumerable("enumerable").docs for names in doc["answers"])
    assert main(["check", "--tasks", TASK]) == 0
    assert "(64 prompts)" in capsys.readouterr().out
    assert main(["check", "--tasks", TASK, "--metadata", json.dumps(EXACT)]) == 0
    assert f"(64 prompts, {n} log-probabilities)" in capsys.readouterr().out


# ---------------------------------------------------------------------------- recorded responses


def scored(path, output, *more):
    assert main(["score", str(path), "--task", TASK, "-o", str(output), *more]) == 0
    [results] = output.rglob("results_*.json")
    return json.loads(results.read_text())


@pytest.fixture
def days(tmp_path):
    """Two runs of one packaged question: one that always says Monday, and one that takes turns."""
    [doc] = [doc for doc in load_enumerable("enumerable").docs if doc["id"] == "closed-weekday"]
    names = [own[0] for own in doc["answers"]]
    replies = {
        "tuned": ["Monday."] * 19 + ["Not Monday, Tuesday"],
        "base": [f"**{names[i % 7]}**" for i in range(20)],
    }
    return {
        name: written(tmp_path / f"{name}.jsonl", [{"prompt": doc["prompt"], "responses": own}])
        for name, own in replies.items()
    }


def test_recorded_replies_are_scored_against_the_packaged_answers(days, tmp_path):
    found = scored(days["tuned"], tmp_path / "out")
    row = found["results"][TASK]
    assert row["answer_validity,none"] == 19 / 20
    assert row["answer_coverage,none"] == pytest.approx(1 / 7)
    assert row["top_answer_share,none"] == 1
    assert row["usable_unique,none"] == 1 / 20
    assert row["answer_kl,none"] == pytest.approx(math.log(7))
    entry = found["configs"][TASK]["metadata"]["overton"]
    assert "|n:20|" in entry["signature"]
    # A word is what was asked for, in whatever language.
    assert not any("one or two words" in alarm for alarm in entry.get("alarms", []))


def test_fewer_replies_are_scored_at_their_number(tmp_path, own):
    rows = [{"id": "ab", "responses": ["A", "AB", "y"]}, {"id": "c", "responses": ["C", "D", None]}]
    found = scored(written(tmp_path / "r.jsonl", rows), tmp_path / "out", "--prompts", own)
    row = found["results"][TASK]
    assert "|n:3|" in found["configs"][TASK]["metadata"]["overton"]["signature"]
    assert row["answer_coverage,none"] == 3 / 4
    assert row["answer_coverage_n,none"] == 1
    assert row["answer_validity,none"] == 1


def test_recorded_replies_have_no_log_probabilities(days):
    found = read_responses(days["base"], TASK)
    with pytest.raises(SettingsError, match="only a model gives log-probabilities"):
        build(found, TASK, metadata=EXACT)


def test_compare_and_the_report_show_the_favourite(days, tmp_path, capsys):
    for name, path in days.items():
        scored(path, tmp_path / name)
    runs = [f"{name}={tmp_path / name}" for name in ("base", "tuned")]
    capsys.readouterr()
    assert main(["compare", *runs]) == 0
    said = capsys.readouterr().out
    assert TASK in said
    assert "top_answer_share" in said
    page = tmp_path / "report.html"
    assert main(["report", *runs, "-o", str(page)]) == 0
    assert "Choice among known answers" in page.read_text()


# ----------------------------------------------------------------------------- by log-probability


def by_brute_force(context, names):
    """The probability of each name: over all texts of two tokens, of the longest it begins with."""
    model, tokenizer = causal("gpt-2")
    start = tokenizer.encode(context, add_special_tokens=False)
    wanted = {tuple(tokenizer.encode(f" {n}", add_special_tokens=False)): n for n in names}
    assert {len(tokens) for tokens in wanted} == {1, 2}
    n = len(tokenizer)
    with torch.no_grad():
        first = model(torch.tensor([start])).logits[0, -1].double().softmax(-1)
        rows = torch.tensor([[*start, token] for token in range(n)])
        second = model(rows).logits[:, -1].double().softmax(-1)
    sums = dict.fromkeys(names, 0.0)
    for token, row in enumerate((first[:, None] * second).tolist()):
        for after, mass in enumerate(row):
            name = wanted.get((token, after)) or wanted.get((token,))
            if name:
                sums[name] += mass
    return sums


def test_probabilities_are_those_of_a_brute_force_sum(own):
    task = built(answer_sets=own, **EXACT)
    results = evaluate(task, harness_model("gpt-2"))
    context = task.doc_to_text(OWN[0])
    sums = by_brute_force(context, ["A", "AB", "yes", "y", "Wh"])
    assert context.endswith("```\n\n# Answer:")
    # "AB" begins with the token of "A", and "yes" does not with that of "y".
    masses = [sums["A"], sums["AB"], sums["yes"], sums["y"] + sums["Wh"]]
    row = results["samples"][TASK][0]
    assert row["answer_set_mass"] == pytest.approx(math.fsum(masses), rel=1e-4)
    own_shares, chances = closed.of_total(masses), closed.target(None, 4)
    assert row["answer_match"] == pytest.approx(closed.match(own_shares, chances), abs=1e-5)
    assert row["top_answer_share"] == pytest.approx(max(own_shares), rel=1e-4)
    assert 0 < row["answer_entropy"] <= 1
    weighted = results["samples"][TASK][1]
    assert weighted["answer_match"] < 0.9
    [alarm] = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    assert "of the probability lies on the known answers" in alarm


def test_the_masses_of_all_packaged_questions_add_up_to_at_most_one():
    results = evaluate(built(**EXACT), harness_model("llama-3"), limit=5)
    rows = results["samples"][TASK]
    assert len(rows) == 5
    assert all(0 <= row["answer_set_mass"] <= 1 for row in rows)
    assert set(results["results"][TASK]) >= {"answer_kl,none", "answer_entropy,none"}
    assert not any("validity" in name for name in results["results"][TASK])


def test_a_chat_template_hands_over_before_the_answer(own):
    task, model = built(answer_sets=own, **EXACT), harness_model("llama-3")
    results = evaluate(task, model, apply_chat_template=True)
    assert "|frame:chat|" in task.signature
    sent = results["samples"][TASK][1]["arguments"][0]
    assert "".join(sent).endswith("And now?<|end|>\n<|assistant|>\nC")


def test_answers_that_are_one_to_the_model_are_refused(tmp_path):
    rows = [{"id": "q", "prompt": "Which?", "answers": ["7", "8"]}]
    task = built(answer_sets=str(written(tmp_path / "own.jsonl", rows)), **EXACT)
    # Its tokenizer has no digits.
    with pytest.raises(SettingsError, match="tell apart, got '7' and '8' of 'q'; sample instead"):
        evaluate(task, harness_model("sentencepiece"))
