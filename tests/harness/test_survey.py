"""Surveys by log-probability: what is asked, what comes of models of known leanings."""

import json
import logging
import math
import re

import pytest
from lm_eval.api.model import LM

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.check import check
from lm_eval_overton.harness.replay import build
from lm_eval_overton.metrics.formulas import survey as formulas
from lm_eval_overton.metrics.measures import RANGES, REGISTRY
from lm_eval_overton.runs.finished import load_run
from lm_eval_overton.runs.responses import read_responses
from tests.harness.evaluating import evaluate, maker
from tests.tiny_models import KINDS, harness_model

TASK = "overton_survey"
ROWS = [
    {
        "id": "shops",
        "question": "Should shops open on Sundays?",
        "options": ["Yes", "No", "Perhaps", "No answer"],
        "distributions": {"Spain": [0.2, 0.6, 0.1, 0.1], "Chile": [0.4, 0.3, 0.3, 0]},
        "ordinal": [1, 3, 2, None],
        "refusal": [3],
        "respondents": {"Spain": 900, "Chile": 1100},
    },
    {
        "id": "rain",
        "question": "Do you like {options} and rain?",
        "options": ["Very much", "Not at all"],
        "distributions": {"Spain": [0.9, 0.1], "Peru": [0.3, 0.7]},
    },
    {"id": "own", "question": "Tea?", "options": ["Yes", "No"]},
]
OPTION = re.compile(r"^([A-Z])\. (.*)$", re.MULTILINE)


class Leaning(LM):
    """A model that prefers some texts of options, and some labels, by as much in logarithms."""

    def __init__(self, texts=None, labels=None, mass=0.8):
        super().__init__()
        self.texts, self.labels, self.mass = texts or {}, labels or {}, mass
        self.asked = []

    def loglikelihood(self, requests, disable_tqdm=False):
        self.asked += [request.args for request in requests]
        return [(self.log(*request.args), False) for request in requests]

    def log(self, context, letter):
        of = {label: self.weight(context, label, text) for label, text in OPTION.findall(context)}
        return math.log(self.mass * of[letter.strip()] / sum(of.values()))

    def weight(self, context, label, text):
        told = 2.0 if "Chile" in context and text == "Yes" else 0
        return math.exp(self.texts.get(text, 0) + self.labels.get(label, 0) + told)

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError

    loglikelihood_rolling = generate_until


@pytest.fixture
def made(tmp_path):
    return maker(TASK, "survey", tmp_path / "own.jsonl", ROWS)


def values(task, model, **options):
    entry = evaluate(task, model, **options)["configs"][TASK]["metadata"]["overton"]
    return {name: json.loads(own) for name, own in entry["values"].items()}


# ------------------------------------------------------------------------------- what is asked


def test_each_question_is_one_document_with_all_orders(made):
    task, model = made(), Leaning()
    evaluate(task, model, limit=1)
    contexts = list(dict.fromkeys(context for context, _ in model.asked))
    assert len(contexts) == 4
    assert contexts[0] == (
        "Question: Should shops open on Sundays?\nA. Yes\nB. No\nC. Perhaps\nD. No answer\nAnswer:"
    )
    assert OPTION.findall(contexts[1])[0] == ("A", "No")
    assert [letter for _, letter in model.asked[:4]] == [" A", " B", " C", " D"]
    assert task.n_requests == 16 + 4 + 4


@pytest.mark.parametrize(
    ("orders", "first", "n"),
    [
        ("identity", "A", 1),
        ("reverse", "AC", 2),
        ("cyclic", "ABC", 3),
        ("all", "AABBCC", 6),
    ],
)
def test_orders_are_those_that_were_asked_for(made, orders, first, n):
    rows = [{"id": "q", "question": "Q?", "options": list("ABC")}]
    task = made(rows, orders=orders)
    task.build_all_requests()
    shown = list(dict.fromkeys(own.args[0] for own in task.instances))
    assert len(shown) == n
    assert "".join(OPTION.findall(context)[0][1] for context in shown) == first
    assert f"|orders:{orders}|" in task.signature


def test_a_style_says_all_that_is_sent_and_texts_are_no_places_in_it(made):
    task = made(style="Q: {question}\n({group})\n\n{options}\n(", orders="identity")
    task.build_all_requests(samples=[1])
    assert task.instances[0].args[0] == (
        "Q: Do you like {options} and rain?\n\nA. Very much\nB. Not at all\n("
    )
    assert task.instances[0].args[1] == "A"
    assert task.signature != made(orders="identity").signature


def test_a_group_is_named_where_the_model_is_to_answer_as_it(made):
    task = made(steer=["Chile", "Peru"], orders="identity")
    task.build_all_requests()
    asked = [(own.doc["id"], own.args[0].splitlines()[0]) for own in task.instances[::2]]
    line = "Answer as people of this group would: "
    assert ("shops", line + "Chile") in asked
    assert ("shops", line + "Peru") not in asked
    assert ("rain", line + "Peru") in asked
    assert ("own", "Question: Tea?") in asked
    assert "|steer:" in task.signature


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("template", [False, True])
@pytest.mark.parametrize("style", [None, "{question}\n{options}\n\n("])
def test_no_label_is_empty_on_any_tokenizer(made, kind, template, style):
    model, task = harness_model(kind), made(style=style)
    evaluate(task, model, apply_chat_template=template)
    encoded = [model._encode_pair(*own.args) for own in task.instances]
    assert all(after for _, after in encoded)
    whole = {own.args[0] + own.args[1] for own in task.instances}
    assert len(whole) == len(task.instances)
    if template and style is None:
        assert {own.args[1] for own in task.instances} == {"A", "B", "C", "D"}
        assert "|frame:chat-letters|" in task.signature


# ---------------------------------------------------------------------------- what comes of it


def test_a_model_without_leanings_is_as_near_as_a_uniform_guess(made):
    own = values(made(), Leaning())
    assert own["survey_gain"][:2] == pytest.approx([0, 0], abs=1e-12)
    assert own["survey_match"] == own["survey_match_uniform"]
    assert own["opinion_entropy"] == pytest.approx([1, 1, 1])
    assert own["first_label_bias"] == pytest.approx([0, 0, 0])
    assert own["answer_mass"] == pytest.approx([0.8] * 3)
    assert own["survey_refusal_share"] == [pytest.approx(0.25), None, None]


@pytest.mark.parametrize("orders", ["cyclic", "all"])
def test_a_model_that_prefers_the_first_label_has_no_opinion(made, orders):
    own = values(made(orders=orders), Leaning(labels={"A": 3.0}))
    assert own["survey_gain"][:2] == pytest.approx([0, 0], abs=1e-12)
    assert own["survey_match"][:2] == pytest.approx(own["survey_match_uniform"][:2])
    # e^3 of e^3 + 3, and of e^3 + 1.
    e = math.exp(3)
    biases = [e / (e + 3) - 1 / 4, e / (e + 1) - 1 / 2, e / (e + 1) - 1 / 2]
    assert own["first_label_bias"] == pytest.approx(biases)
    assert own["order_agreement"] == pytest.approx([1 / 4, 1 / 2, 1 / 2])
    assert min(own["order_spread"]) > 0.2


def test_in_the_given_order_alone_the_same_bias_is_an_opinion(made):
    own = values(made(orders="identity"), Leaning(labels={"A": 3.0}))
    assert own["survey_gain"][0] < 0 < own["first_label_bias"][0]
    assert own["order_spread"] == own["order_agreement"] == [None] * 3


def test_a_model_of_the_people_s_opinion_is_met(made):
    shares = {"Very much": math.log(0.9), "Not at all": math.log(0.1)}
    [row] = [{**ROWS[1], "distributions": {"Spain": [0.9, 0.1]}}]
    own = values(made([row]), Leaning(shares))
    for name in ("survey_match", "survey_gain", "mode_match"):
        assert own[name] == pytest.approx([1])
    for name in ("survey_tv", "entropy_gap"):
        assert own[name] == pytest.approx([0], abs=1e-12)
    assert "survey_match_ordinal" not in own
    assert "survey_noise_floor" not in own


LEANING = {"Yes": 1.0, "No": 0.2, "Perhaps": -0.3, "No answer": -1, "Very much": 0.5}


def test_values_are_those_of_the_formulas(made):
    own = values(made(), Leaning(LEANING))
    weights = [math.exp(LEANING[text]) for text in ("Yes", "No", "Perhaps")]
    p = [weight / sum(weights) for weight in weights]
    spain, chile = [2 / 9, 6 / 9, 1 / 9], [0.4, 0.3, 0.3]
    distances = [formulas.js_distance(p, spain), formulas.js_distance(p, chile)]
    assert own["survey_match"][0] == pytest.approx(1 - sum(distances) / 2)
    places = [1, 3, 2]
    on_scale = [formulas.transport(p, group, places) for group in (spain, chile)]
    assert own["survey_match_ordinal"] == [pytest.approx(1 - sum(on_scale) / 2), None, None]
    other = 1 - formulas.js_distance(spain, chile)
    assert own["survey_match_others"][0] == pytest.approx(other)
    # Of Spain most say no, which is not what the model says; of Chile yes.
    assert own["mode_match"][0] == 0.5
    floors = [formulas.noise_floor(g, n, 1234) for g, n in ((spain, 900), (chile, 1100))]
    assert own["survey_noise_floor"] == [pytest.approx(sum(floors) / 2), None, None]


def test_the_mean_gain_is_of_sums_over_all_questions(made):
    task = made()
    result = evaluate(task, Leaning(LEANING))
    own = result["configs"][TASK]["metadata"]["overton"]["values"]
    tv = json.loads(own["survey_tv"])[:2]
    thirds, halves = formulas.uniform(3), formulas.uniform(2)
    least = [
        formulas.total_variation(thirds, [[2 / 9, 6 / 9, 1 / 9], [0.4, 0.3, 0.3]]).sum(),
        formulas.total_variation(halves, [[0.9, 0.1], [0.3, 0.7]]).sum(),
    ]
    expected = 1 - 2 * sum(tv) / sum(least)
    assert result["results"][TASK]["survey_gain,none"] == pytest.approx(expected)


def test_groups_count_as_much_as_their_weights(made):
    alone = {**ROWS[1], "distributions": {"Spain": [0.9, 0.1]}}
    heavy = {**ROWS[1], "weights": {"Spain": 1e12}}
    both = [values(made([row]), Leaning(LEANING)) for row in (alone, heavy)]
    for name in ("survey_match", "survey_tv", "survey_gain", "entropy_gap"):
        assert both[0][name] == pytest.approx(both[1][name])


def test_steering_is_measured_on_the_group_that_is_named(made):
    own = values(made(steer=["Chile"]), Leaning())
    # As it would, the model says e^2 : 1 : 1.
    shares = [math.exp(2) / (math.exp(2) + 2), *[1 / (math.exp(2) + 2)] * 2]
    match = 1 - formulas.js_distance(shares, [0.4, 0.3, 0.3])
    plain = 1 - formulas.js_distance([1 / 3] * 3, [0.4, 0.3, 0.3])
    assert own["steer_match"] == [pytest.approx(match), None, None]
    assert own["steer_gain"] == [pytest.approx(match - plain), None, None]


def test_the_scale_has_floors_of_its_own(made):
    own = values(made(), Leaning(LEANING))
    spain, chile, places = [2 / 9, 6 / 9, 1 / 9], [0.4, 0.3, 0.3], [1, 3, 2]

    def likeness(*shares):
        pairs = zip(shares, (spain, chile), strict=True)
        return 1 - sum(float(formulas.transport(*pair, places)) for pair in pairs) / 2

    floors = {
        "uniform": likeness([1 / 3] * 3, [1 / 3] * 3),
        "majority": likeness([0, 1, 0], [1, 0, 0]),
        "others": likeness(chile, spain),
    }
    for name, expected in floors.items():
        found = own[f"survey_match_ordinal_{name}"]
        assert found == [pytest.approx(expected), None, None]


def test_each_group_is_kept_with_its_floors(made, tmp_path):
    result = evaluate(made(steer=["Chile"]), Leaning(LEANING))
    entry = result["configs"][TASK]["metadata"]["overton"]
    own = {name: json.loads(column) for name, column in entry["values"].items()}
    shops, rain, tea = json.loads(entry["details"])
    assert "groups" not in tea
    kept = shops["groups"]
    assert kept["name"] == ["Spain", "Chile"]
    assert kept["people"] == [pytest.approx([2 / 9, 6 / 9, 1 / 9]), [0.4, 0.3, 0.3]]
    # Their means are the question's values.
    for name in ("match", "uniform", "majority", "others", "ceiling"):
        metric = f"survey_{name}" if name == "match" else f"survey_match_{name}"
        for i, question in enumerate((shops, rain)):
            mean = sum(question["groups"][name]) / 2
            assert own[metric][i] == pytest.approx(mean), name
    assert sum(kept["noise_floor"]) / 2 == pytest.approx(own["survey_noise_floor"][0])
    assert rain["groups"]["noise_floor"] == [None, None]
    assert kept["steered"][0] is None
    assert kept["match_steered"] == [None, pytest.approx(own["steer_match"][0])]
    (tmp_path / "results_x.json").write_text(json.dumps(result, default=str))
    details = load_run(tmp_path, RANGES).tasks[TASK].details
    assert details[0]["groups"] == kept


def test_steering_has_a_part_of_the_room_and_an_order_of_groups(made):
    people = {"Spain": [0.1, 0.9], "Chile": [0.9, 0.1], "Peru": [0.2, 0.8]}
    row = {**ROWS[1], "options": ["Yes", "No"], "distributions": people}
    own = values(made([row], steer=list(people)), Leaning())
    plain = [1 - formulas.js_distance([0.5, 0.5], own) for own in people.values()]
    told = [math.exp(2) / (math.exp(2) + 1), 1 / (math.exp(2) + 1)]
    gained = 1 - formulas.js_distance(told, people["Chile"]) - plain[1]
    assert own["steer_adaptability"] == [pytest.approx(gained / (3 - sum(plain)))]
    # Spain and Peru are answered for alike, and are near each other: 1, 2.5, 2.5 against 1, 2, 3.
    assert own["steer_structure"] == [pytest.approx(math.sqrt(3) / 2)]


def permuted(row, turn):
    def moved(values):
        return [values[i] for i in turn] if isinstance(values, list) else values

    groups = {group: moved(own) for group, own in row.get("distributions", {}).items()}
    own = {**row, "options": moved(row["options"]), "ordinal": moved(row.get("ordinal"))}
    own |= {"distributions": groups} if groups else {}
    return own | {"refusal": [turn.index(i) for i in row.get("refusal", ())]}


@pytest.mark.parametrize("model", [Leaning(LEANING), Leaning(labels={"A": 2.0}), Leaning()])
def test_the_order_of_options_in_the_file_changes_nothing(made, model):
    turns = {4: [2, 3, 0, 1], 2: [1, 0]}
    rows = [permuted(row, turns[len(row["options"])]) for row in ROWS]
    first, second = (values(made(own, steer=["Spain"]), model) for own in (ROWS, rows))
    assert first.keys() == second.keys()
    for name in first.keys() - {"prompts"}:
        assert first[name] == [pytest.approx(v, abs=1e-12) for v in second[name]], name


def test_few_on_the_labels_is_said_with_what_may_help(made, caplog):
    with caplog.at_level(logging.WARNING, logger="lm_eval.overton"):
        evaluate(made(), Leaning(mass=0.03))
    [said] = [r.getMessage() for r in caplog.records if "lies on the labels" in r.getMessage()]
    assert "only 0.03 of the probability" in said
    assert "--apply_chat_template" in said


@pytest.mark.parametrize("metadata", [{}, {"steer": ["Spain"]}])
def test_what_may_help_where_little_lies_on_the_labels_can_be_done(made, metadata):
    results = evaluate(made(**metadata), harness_model("gpt-2"), apply_chat_template=True)
    [alarm] = results["configs"][TASK]["metadata"]["overton"]["alarms"]
    # What has been done already is not proposed.
    assert "--apply_chat_template" not in alarm
    proposed = json.loads(alarm.split("--metadata '")[1].removesuffix("'"))
    assert made(**metadata, **proposed).signature


def test_what_is_left_of_it_is_in_range_and_read_as_other_results(made, tmp_path):
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    results = evaluate(made(steer=["Spain"]), Leaning(LEANING), evaluation_tracker=tracker)
    tracker.save_results_aggregated(results=results, samples=results.pop("samples"))
    found = load_run(tmp_path / "out", RANGES).tasks[TASK]
    names = {name for name, metric in REGISTRY.items() if "survey" in metric.tasks}
    assert names <= set(found.values)
    assert found.details[0]["shares"].keys() == {"Yes", "No", "Perhaps", "No answer"}
    assert sum(found.details[1]["shares"].values()) == pytest.approx(1)


@pytest.mark.parametrize("template", [False, True])
def test_one_forward_of_a_real_model_per_order(made, monkeypatch, template):
    model = harness_model("gpt-2")
    rows, call = [], model._model_call

    def counted(batch, **options):
        rows.append(len(batch))
        return call(batch, **options)

    monkeypatch.setattr(model, "_model_call", counted)
    result = evaluate(made(), model, apply_chat_template=template)
    assert sum(rows) == 4 + 2 + 2
    row = result["results"][TASK]
    assert 0 < row["survey_match,none"] <= 1
    assert row["survey_match_n,none"] == 2
    assert row["prompts,none"] == 3


def test_all_ranks_have_one_unit_of_gain(made):
    units = []
    for rank in range(2):
        task = made()
        task.build_all_requests(rank=rank, world_size=2)
        units.append(task.unit)
    limited = made()
    limited.build_all_requests(limit=1)
    assert units[0] == units[1] != limited.unit


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"survey": ""}, "expected survey to be a non-empty string"),
        ({"orders": "random"}, "expected orders cyclic, identity, reverse or all, got 'random'"),
        ({"style": "{question}"}, "expected a style with {options} in a line without"),
        ({"style": "{question} {options} {group}"}, "expected a style with {question} in a line"),
        ({"style": "{question} {options}", "steer": "Peru"}, "a style with {group} where"),
        ({"steer": "Mars"}, "to name groups of"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_one_line(made, metadata, said):
    with pytest.raises(SettingsError) as error:
        made(**metadata)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_all_orders_of_many_options_are_refused(made):
    rows = [{"id": "q", "question": "Q?", "options": list("ABCDEF")}]
    with pytest.raises(SettingsError, match="at most 5 options where all orders"):
        made(rows, orders="all")


def test_a_file_that_is_not_there_is_named(made, tmp_path):
    with pytest.raises(DataError, match=r"absent\.jsonl"):
        made(survey=str(tmp_path / "absent.jsonl"))


def test_check_says_how_much_is_asked(made, tmp_path):
    made()
    lines = list(check([TASK], {"survey": str(tmp_path / "own.jsonl")}))
    assert lines[0].startswith(f"ok {TASK}@1|data:own:")
    assert lines[0].endswith("(3 prompts, 24 log-probabilities)")


def test_responses_that_exist_have_no_log_probabilities(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"prompt": "Why?", "response": "So."}\n')
    with pytest.raises(SettingsError, match="expected a task that samples responses"):
        build(read_responses(path), TASK)


def test_a_server_that_completes_texts_says_what_the_model_does(made, tmp_path, monkeypatch):
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    local = harness_model("gpt-2")
    local.tokenizer.save_pretrained(tmp_path / "tokenizer")
    server = LocalCompletionsAPI(
        base_url="http://127.0.0.1:9/v1/completions",
        model="m",
        tokenizer=str(tmp_path / "tokenizer"),
        tokenizer_backend="huggingface",
    )
    sent = []

    def answer(messages, generate, **_):
        assert not generate
        sent.extend(messages)
        return {"choices": [echo(local, tokens, i) for i, tokens in enumerate(messages)]}

    monkeypatch.setattr(server, "model_call", answer)
    own, theirs = values(made(), local), values(made(), server)
    assert len(sent) == 24
    for name in ("survey_match", "answer_mass", "first_label_bias"):
        # The third question has no people.
        assert theirs[name][:2] == pytest.approx(own[name][:2], rel=1e-4), name


def echo(model, tokens, index):
    """What a server says of tokens with `echo` and `logprobs`: of each how likely it was."""
    import torch

    with torch.no_grad():
        logs = model.model(torch.tensor([tokens])).logits[0].log_softmax(-1)
    known = [None] + [float(logs[i, token]) for i, token in enumerate(tokens[1:])]
    top = [None] + [{"best": float(row.max())} for row in logs[:-1]]
    # One more token is generated, which is not asked for.
    return {"index": index, "logprobs": {"token_logprobs": [*known, 0], "top_logprobs": [*top, {}]}}
