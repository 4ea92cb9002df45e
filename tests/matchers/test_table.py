"""The table of matchers, and `overton matcher` for the one that asks a judge."""

import json
import random
import re

import numpy as np
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.errors import SettingsError, either
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.matchers.table import MATCHERS, asks_judge, check_matcher, make_matcher
from lm_eval_overton.settings.task import Settings, read_settings
from tests.judge_server import STATUS_OF, judging, key_of, value_of
from tests.matchers.test_matchers import FakeEncoder

FATES = ",".join([*["right"] * 9, "refusal", "error"])


def checked(metadata):
    settings = read_settings(metadata, "t")
    check_matcher(settings, "t")
    return settings


@pytest.mark.parametrize("kind", MATCHERS.values(), ids=lambda kind: kind.name)
def test_a_row_agrees_with_itself(kind):
    assert MATCHERS[kind.name] is kind
    assert kind.low <= kind.threshold <= kind.high
    steps = kind.thresholds
    assert (steps[0], steps[-1]) == (kind.low, kind.high)
    assert kind.threshold in steps
    assert np.all(np.diff(steps) > 0)
    assert asks_judge(Settings(matcher=kind.name)) is kind.asks_judge
    assert not (kind.asks_judge and kind.may_ask_judge)


def test_names_are_listed_as_a_choice():
    assert either(["embedding", "nli", "judge"]) == "embedding, nli or judge"
    assert either(["embedding", "nli"]) == "embedding or nli"
    assert either(["embedding"]) == "embedding"
    assert [name for name in MATCHERS if name in ("embedding", "nli", "judge")] == [
        "embedding",
        "nli",
        "judge",
    ]


def test_the_thresholds_that_are_told_apart():
    assert MATCHERS["judge"].thresholds.tolist() == [1, 2, 3, 4, 5]
    cosines = MATCHERS["embedding"].thresholds.tolist()
    assert (len(cosines), cosines[0], cosines[157]) == (201, -1.0, 0.57)
    assert len(MATCHERS["nli"].thresholds) == 101


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"threshold": 2, "matcher": "embedding"},
            "t: expected a threshold from -1 to 1 for the matcher embedding, got 2.0",
        ),
        (
            {"threshold": 0.5, "matcher": "judge", "judge": {"model": "m"}},
            "t: expected a threshold from 1 to 5 for the matcher judge, got 0.5",
        ),
        (
            {"threshold": -0.1, "matcher": "nli", "nli_model": "m"},
            "t: expected a threshold from 0 to 1 for the matcher nli, got -0.1",
        ),
        ({"matcher": "guess"}, f"t: expected matcher {either([*MATCHERS])}, got 'guess'"),
        (
            {"matcher": "nli"},
            "t: expected an nli_model for the matcher nli, got none; pass "
            '`--metadata \'{"matcher": "nli", "nli_model": "..."}\'`',
        ),
        (
            {"matcher": "judge"},
            "t: expected a judge that writes for the matcher judge, got none; pass "
            '`--metadata \'{"matcher": "judge", "judge": {"model": "...", ...}}\'`',
        ),
        (
            {"matcher": "judge", "judge": {"model": "m", "mode": "loglikelihood"}},
            "t: expected a judge that writes for the matcher judge, got labels or "
            'log-likelihoods; pass `--metadata \'{"matcher": "judge", "judge": {"model": "...", '
            "...}}'`",
        ),
    ],
)
def test_a_matcher_that_cannot_be_made_is_refused(metadata, message):
    with pytest.raises(SettingsError) as error:
        checked(metadata)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"threshold": 0},
        {"threshold": -1, "matcher": "embedding"},
        {"matcher": "nli", "nli_model": "m", "threshold": 0},
        {"matcher": "judge", "judge": {"model": "m"}, "threshold": 5},
    ],
)
def test_one_that_can_is_not(metadata):
    assert checked(metadata).matcher == metadata.get("matcher", "hybrid")


def test_a_matcher_that_asks_nobody_has_no_verdicts():
    made = make_matcher("embedding", FakeEncoder())
    assert made.verdicts([ViewpointQuestion(["a"], ["a"])]) == []


# ---------------------------------------------------------------------------- `overton matcher`


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))


def command(server, **changes):
    metadata = {"matcher": "judge", "judge": server.spec(), **changes}
    return main(["matcher", "--metadata", json.dumps(metadata)])


def said(row, fates):
    """Return what the server's judge says on a gold response: its ratings, or how it fails."""
    texts = {"prompt": row.prompt, "viewpoints": [*row.viewpoints], "response": row.response}
    [message] = viewpoints(len(row.viewpoints)).build(**texts)
    rng = random.Random(f"0 {key_of({'model': 'judge', 'messages': [message]})}")
    status = STATUS_OF[rng.choice(fates.split(","))]
    value = value_of(message["content"], rng)
    return [r["rating"] for r in value["ratings"]] if status == "parsed" else status


def f1(pairs, threshold):
    hits = sum(rating >= threshold and covered for rating, covered in pairs)
    found = sum(rating >= threshold for rating, _ in pairs)
    return 2 * hits / (found + sum(covered for _, covered in pairs))


def pairs_of(split, kinds, fates=FATES):
    """Return rating and label of each viewpoint of the responses that there is a verdict on."""
    rows = [row for row in gold_responses() if row.split == split and row.kind in kinds]
    rated = [(row, said(row, fates)) for row in rows]
    return [
        pair
        for row, ratings in rated
        if isinstance(ratings, list)
        for pair in zip(ratings, row.covered, strict=True)
    ]


def test_a_judge_is_measured_as_a_matcher(tmp_path, capsys):
    with judging(tmp_path / "log.jsonl", "--fates", FATES) as server:
        assert command(server) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"matcher: judge>=4\.0:judge@[0-9a-f]{8}\+text\+bar:4", lines[0])

    rows = gold_responses()
    verdicts = [said(row, FATES) for row in rows]
    refused, failed = verdicts.count("refused"), verdicts.count("failed")
    assert min(refused, failed) > 0
    assert lines[2] == (
        f"left out: {refused + failed} of {len(rows)} responses, without a rating of every "
        f"viewpoint (verdicts: {len(rows) - refused - failed} parsed, {refused} refused, "
        f"0 unreadable, {failed} failed)"
    )
    calibrate, report = pairs_of("calibrate", ("real", "planted")), pairs_of("report", ("real",))
    best = max((1, 2, 3, 4, 5), key=lambda step: f1(calibrate, step))
    assert lines[3].startswith("best threshold on the calibration half (")
    assert lines[3].endswith(f"{sum(c for _, c in calibrate)} covered viewpoints): {best:.2f}")
    assert lines[4].endswith(f"responses, {sum(c for _, c in report)} covered viewpoints):")
    hits = sum(rating >= 4 and covered for rating, covered in report)
    found = sum(rating >= 4 for rating, _ in report)
    assert lines[5].startswith(f"  precision: {hits / found:.3f} [")
    assert lines[6].startswith(f"  recall: {hits / sum(c for _, c in report):.3f} [")
    assert lines[7].startswith(f"  F1: {f1(report, 4):.3f} [")


def test_a_judge_that_always_answers_leaves_nothing_out(tmp_path, capsys):
    every = len(gold_responses())
    with judging(tmp_path / "log.jsonl") as server:
        assert command(server, threshold=3) == 0
        assert len(server.answers()) == every
        first = capsys.readouterr().out
        # Its replies are kept.
        assert command(server, threshold=3) == 0
        assert len(server.answers()) == every
    assert capsys.readouterr().out == first
    lines = first.splitlines()
    assert lines[0].startswith("matcher: judge>=3.0:judge@")
    assert lines[2].startswith("best threshold on the calibration half (174 responses, ")
    real = pairs_of("report", ("real",), fates="right")
    assert lines[6].startswith(f"  F1: {f1(real, 3):.3f} [")


def test_a_judge_that_never_answers_is_an_error(tmp_path, capsys):
    with judging(tmp_path / "log.jsonl", "--fates", "refusal") as server:
        assert command(server) == 2
    captured = capsys.readouterr()
    every = len(gold_responses())
    assert f"left out: {every} of {every} responses" in captured.out
    assert "error: matcher: expected verdicts on both halves of the gold" in captured.err


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"matcher": "judge"}, "matcher: expected a judge that writes for the matcher judge"),
        ({"matcher": "guess"}, f"matcher: expected matcher {either([*MATCHERS])}, got 'guess'"),
        (
            {"matcher": "judge", "judge": {"model": "m", "judgements": "tone"}},
            "matcher: expected judge.judgements to list some of quality",
        ),
    ],
)
def test_what_a_user_gets_wrong(metadata, message, capsys):
    assert main(["matcher", "--metadata", json.dumps(metadata)]) == 2
    assert message in capsys.readouterr().err
