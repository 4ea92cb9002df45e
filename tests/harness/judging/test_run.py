"""Real runs with a judge on a server, worked out from what the server says that it answered."""

import hashlib
import json
import math
import os
import re
import sqlite3
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data import load_prompts
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.judging.run import dry_run, judge_run, read_prices
from lm_eval_overton.harness.replay import score
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.metrics.measures import JUDGED
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.samples import clean
from tests.conftest import WarmStart
from tests.judge_server import ASPECTS, STATUS_OF, judging, key_of

pytestmark = pytest.mark.run

KEY = "sk-secret-0123456789abcdef"
TASK = "overton_diversity"
COVERAGE = "overton_coverage"
BAR = 4
MISSING = re.compile(r"quality: (\d+) of (\d+) verdicts are missing \(.*\); `overton judge (\S+)`")


@dataclass
class Place:
    """Where a run writes, and the environment that it runs in."""

    folder: Path
    warm: WarmStart | None = None

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def env(self) -> dict[str, str]:
        return {"OVERTON_CACHE_DIR": str(self.cache), "OPENAI_API_KEY": KEY}

    def lm_eval(self, demo: Path, limit: int, metadata: dict, ok: bool = True):
        command = ["--model", "hf"]
        command += ["--model_args", f"pretrained={demo / 'base'}", "--tasks", TASK]
        command += ["--limit", str(limit), "--batch_size", "16"]
        command += ["--gen_kwargs", "max_gen_toks=32", "--log_samples", "-o", str(self.out)]
        command += ["--metadata", json.dumps(metadata)]
        result = self.warm.run("lm_eval", command, self.env)
        assert (result.returncode == 0) == ok, result.stderr[-3000:]
        return result

    def row(self) -> dict:
        """The newest results of the run."""
        path = max(self.out.rglob("results_*.json"), key=lambda p: p.stat().st_mtime_ns)
        return plain(json.loads(path.read_text(), parse_constant=pytest.fail)["results"][TASK])

    def kept(self) -> int:
        """The number of replies in the cache."""
        with sqlite3.connect(self.cache / "judge.sqlite") as file:
            return file.execute("SELECT COUNT(*) FROM replies").fetchone()[0]

    def valid(self) -> list[tuple[str, list[str]]]:
        """Each prompt of the newest run with its valid samples."""
        path = max(self.cache.rglob("generations.jsonl"), key=lambda p: p.stat().st_mtime_ns)
        return valid_samples(path, TASK)

    def hashes(self) -> dict[Path, str]:
        """The contents of all files but the cache of replies."""
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith("judge.sqlite")
        }


def plain(row: dict) -> dict:
    """A task's values without the name of the filter."""
    return {key.partition(",")[0]: value for key, value in row.items()}


def valid_samples(path: Path, task: str) -> list[tuple[str, list[str]]]:
    found = read_responses(path, task)
    rows = []
    for entry in found.entries:
        samples = [clean(raw, found.stops) for raw in entry.responses]
        rows.append((entry.prompt, [s.text for s in samples if s.status == "valid"]))
    return rows


@contextmanager
def environment(**variables: str):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def key(judgement, **texts) -> str:
    """What the server's log calls a request."""
    return key_of({"model": "judge", "messages": judgement.build(**texts)})


class Log:
    """What became of each request, by the server's log."""

    def __init__(self, *logs: list[dict]) -> None:
        self.fates: dict[str, str] = {}
        self.values: dict[str, dict] = {}
        for answers in logs:
            fates: dict[str, str] = {}
            for entry in answers:
                fates.setdefault(entry["key"], entry["fate"])
                self.values[entry["key"]] = entry["value"]
            self.fates |= fates

    def status(self, key: str) -> str:
        return STATUS_OF[self.fates[key]]

    def value(self, key: str):
        """The verdict's value; None if there is none."""
        return self.values[key] if self.status(key) == "parsed" else None


def bounded(rows, worst, best):
    """The mean over prompts of means over samples, as it is, at worst and at best."""
    known = [[v for v in own if v is not None] for own in rows]
    filled = [
        [[stand_in if v is None else v for v in own] for own in rows] for stand_in in (worst, best)
    ]
    means = [fmean(fmean(own) for own in table if own) for table in (known, *filled)]
    return tuple(means)


def measured(row, name):
    return row[name], row[f"{name}_worst"], row[f"{name}_best"]


@pytest.fixture(scope="module")
def mixed(demo, warm, tmp_path_factory):
    """A run whose judge meets every fate: the server, the process and what it wrote."""
    place = Place(tmp_path_factory.mktemp("mixed"), warm)
    fates = ",".join([*STATUS_OF, "error", "refusal"])
    with judging(place.folder / "log", "--fates", fates, "--wait", "0.1", "--seed", "3") as server:
        result = place.lm_eval(demo, 10, {"judge": server.spec()})
        answers = server.answers()
    return place, server, result, answers


def quality_keys(samples):
    quality = JUDGEMENTS["quality"]
    return [[key(quality, prompt=p, response=text) for text in texts] for p, texts in samples]


def assert_quality(row, log, keys):
    """Counts, means and bounds are those of the log."""
    counts = Counter(log.status(key) for own in keys for key in own)
    assert {s: row[f"quality_{s}"] for s in counts} == counts
    total = sum(row[f"quality_{s}"] for s in ("parsed", "refused", "unreadable", "failed"))
    assert total == sum(map(len, keys))
    values = [[log.value(key) for key in own] for own in keys]
    for aspect in ASPECTS:
        scores = [[v and v[aspect] for v in own] for own in values]
        assert measured(row, aspect) == pytest.approx(bounded(scores, 1, 5))
        assert row[f"{aspect}_worst"] <= row[aspect] <= row[f"{aspect}_best"]
    passed = [[None if v is None else v["helpfulness"] >= BAR for v in own] for own in values]
    assert measured(row, "quality_pass_share") == pytest.approx(bounded(passed, 0, 1))
    return counts


def test_a_run_counts_every_verdict_as_the_servers_log_says(mixed):
    place, _, result, answers = mixed
    log, keys = Log(answers), quality_keys(place.valid())
    counts = assert_quality(place.row(), log, keys)
    # Each class occurs, so that nothing above was proven of none.
    assert set(counts) == {"parsed", "refused", "unreadable", "failed"}
    missing, total, folder = MISSING.search(result.stderr).groups()
    assert int(total) == sum(map(len, keys))
    assert int(missing) == int(total) - counts["parsed"]
    # The run that the user has, and not what is kept beside it.
    assert Path(folder).parent == place.out
    assert "|quality_refused" in result.stdout
    assert "|helpfulness_worst" in result.stdout


def test_quality_controlled_diversity_is_that_of_the_samples_that_pass(mixed):
    from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
    from lm_eval_overton.text.english import ENGLISH

    place, _, _, answers = mixed
    log, samples = Log(answers), place.valid()
    values, worst, best = [], [], []
    for (_, texts), own in zip(samples, quality_keys(samples), strict=True):
        scores = [log.value(key) and log.value(key)["helpfulness"] for key in own]
        # Those without a verdict do not pass, which is the first way, or any of them does.
        ways = product(*([s >= BAR] if s else [False, True] for s in scores))
        found = []
        for way in ways:
            bags = [
                ENGLISH.content_words(text)
                for text, passes in zip(texts, way, strict=True)
                if passes
            ]
            found.append(jaccard_diversity(bags))
        defined = [value for value in found if not math.isnan(value)]
        values += [value for value in found[:1] if value in defined]
        worst += [min(defined)] if defined else []
        best += [max(defined)] if defined else []
    row = place.row()
    assert row["lexical_diversity_qc_n"] == len(values)
    assert row["lexical_diversity_qc"] == (pytest.approx(fmean(values)) if values else None)
    assert row["lexical_diversity_qc_worst"] == pytest.approx(fmean(worst))
    assert row["lexical_diversity_qc_best"] == pytest.approx(fmean(best))


def test_the_key_arrives_at_the_server_and_is_in_no_file_of_the_run(mixed):
    place, _, result, answers = mixed
    assert {entry["authorization"] for entry in answers} == {f"Bearer {KEY}"}
    # The server echoed it in its errors.
    assert any(entry["fate"] == "error" for entry in answers)
    written = [path for path in place.folder.rglob("*") if path.is_file()]
    assert {"judge.sqlite", "generations.jsonl"} <= {path.name for path in written}
    assert any(path.name.startswith("samples_") for path in written)
    for path in written:
        # The server's own log is no file of the run.
        assert path.name == "log" or KEY.encode() not in path.read_bytes(), path
    assert KEY not in result.stderr + result.stdout


def test_overton_judge_asks_only_for_what_failed_and_writes_new_files_only(mixed):
    place, server, _, answers = mixed
    log, keys = Log(answers), quality_keys(place.valid())
    failed = {key for own in keys for key in own if log.status(key) == "failed"}
    before = place.hashes()
    with environment(**place.env):
        [plan] = dry_run(place.out, None, {})
    total = len({key for own in keys for key in own})
    expected = f"{TASK}: {total} requests, {total - len(failed)} of them answered before, "
    assert plan.startswith(f"{expected}{len(failed)} to send; about ")
    assert place.hashes() == before

    with judging(place.folder / "log2", port=server.port) as well:
        result = place.warm.overton("judge", str(place.out), env=place.env)
        assert result.returncode == 0, result.stderr
        again = well.answers()
    assert sorted(entry["key"] for entry in again) == sorted(failed)
    after = place.hashes()
    assert {path: after[path] for path in before} == before
    [new] = [path for path in after if path not in before and path.name != "log2"]
    assert str(new) in result.stdout
    assert KEY not in new.read_text() + result.stderr + result.stdout
    judged = json.loads(new.read_text(), parse_constant=pytest.fail)
    row = plain(judged["results"][TASK])
    counts = assert_quality(row, Log(answers, again), keys)
    assert counts["failed"] == 0
    assert "lexical_diversity" not in row
    # Nothing of the run but the judge's metrics is computed again.
    assert {"lexical_diversity_qc", "helpfulness"} <= set(row)


def pair_keys(name, prompt, reference, text):
    judgement = JUDGEMENTS[name]
    if name == "missing":
        return [key(judgement, prompt=prompt, reference=reference, alternative=text)]
    both = {"response_a": reference, "response_b": text}
    turned = {"response_a": text, "response_b": reference}
    return [key(judgement, prompt=prompt, **both), key(judgement, prompt=prompt, **turned)]


def topic_shares(value, sides):
    """The shares of the topics that stand on three sides."""
    counts = [len(value[side]) for side in sides]
    return [count / sum(counts) for count in counts]


def test_a_judge_that_dies_costs_verdicts_alone_and_they_are_completed(mixed, demo, warm, tmp_path):
    first, _, _, _ = mixed
    place = Place(tmp_path, warm)
    metadata = {"n_samples": 2, "reference_run": str(first.out)}
    with judging(tmp_path / "log", "--die-after", "9", "--seed", "8") as dying:
        spec = dying.spec(num_concurrent=2, timeout=5)
        result = place.lm_eval(demo, 3, {**metadata, "judge": spec})
        dying.process.wait(timeout=5)
        before = Log(dying.answers())
    samples = place.valid()
    references = dict(first.valid())
    quality = {
        key(JUDGEMENTS["quality"], prompt=prompt, response=text)
        for prompt, texts in samples
        for text in [*texts, *references[prompt]]
    }
    pairs = {
        name: [[pair_keys(name, p, references[p][0], t) for t in own] for p, own in samples]
        for name in ("missing", "topics")
    }
    paired = {key for table in pairs.values() for own in table for two in own for key in two}
    row = place.row()
    # Whatever else there is to know is known.
    assert row["prompts"] == 3
    assert 0 <= row["lexical_diversity"] <= 1
    assert row["missing_from_reference_n"] == 3
    assert row["topics_failed"] == sum(len(texts) for _, texts in samples)
    assert row["topics_both"] is None
    assert (row["topics_both_worst"], row["topics_both_best"]) == (0, 1)
    found = re.search(
        r"topics: (\d+) of (\d+) verdicts are missing .*`overton judge (\S+)`", result.stderr
    )
    assert found[1] == found[2] == str(row["topics_failed"])
    assert "The judge's server was given up" in result.stderr
    kept = place.kept()
    # Of the last two under way at once one may have been lost.
    assert 9 - 1 <= kept <= 9

    with judging(tmp_path / "log2", "--seed", "8", port=dying.port) as back:
        # The command that the log names.
        with environment(**place.env):
            assert main(["judge", found[3]]) == 0
        answers = back.answers()
    assert len(answers) == len(quality | paired) - kept
    log = Log(before_answers(before), answers)
    [path] = tmp_path.rglob(f"judged_{TASK}_*.json")
    row = plain(json.loads(path.read_text(), parse_constant=pytest.fail)["results"][TASK])
    assert row["topics_parsed"] == row["missing_parsed"] == row["quality_parsed"] == 6
    scores = [[log.value(own[0])["score"] for own in table] for table in pairs["missing"]]
    assert row["missing_info"] == pytest.approx(bounded(scores, 1, 5)[0])
    sides = ("only_reference", "both", "only_sample")
    shares, apart = [], []
    for own in pairs["topics"]:
        there = [topic_shares(log.value(a), ("only_a", "both", "only_b")) for a, _ in own]
        back_again = [topic_shares(log.value(b), ("only_b", "both", "only_a")) for _, b in own]
        twos = list(zip(there, back_again, strict=True))
        shares.append([[(x + y) / 2 for x, y in zip(a, b, strict=True)] for a, b in twos])
        # Half the sum of the distances: 0 for equal shares, 1 for none in common.
        apart.append([sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 2 for a, b in twos])
    for i, side in enumerate(sides):
        expected = fmean(fmean(share[i] for share in own) for own in shares)
        assert row[f"topics_{side}"] == pytest.approx(expected)
    assert row["topics_disagreement"] == pytest.approx(fmean(map(fmean, apart)))
    assert 0 < row["topics_disagreement"] < 1


def before_answers(log):
    return [{"key": key, "fate": fate, "value": log.values[key]} for key, fate in log.fates.items()]


# ------------------------------------------------------------- within this process, on responses

QUESTIONS = [doc for doc in load_prompts("contested").docs if doc["kind"] == "yes_no"][:6]


@pytest.fixture
def responses(tmp_path):
    path = tmp_path / "responses.jsonl"
    rows = [
        {"prompt": doc["prompt"], "responses": [f"Answer {i} to {doc['id']}." for i in range(5)]}
        for doc in QUESTIONS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name, value in Place(tmp_path).env.items():
        monkeypatch.setenv(name, value)
    return Place(tmp_path)


@pytest.fixture
def start(tmp_path):
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(judging(tmp_path / "log", *options))


def test_stances_of_recorded_responses_are_those_of_the_log(responses, place, start):
    server = start("--fates", "right,right,refusal,error")
    [results] = judge_run(responses, COVERAGE, {"judge": server.spec()})
    row, log = plain(results["results"][COVERAGE]), Log(server.answers())
    labels = []
    for prompt, texts in valid_samples(responses, COVERAGE):
        keys = [key(JUDGEMENTS["stance"], prompt=prompt, response=text) for text in texts]
        labels.append([log.value(key) and log.value(key)["stance"] for key in keys])
    for stance in ("yes", "no", "both", "other"):
        shares = [[None if label is None else label == stance for label in own] for own in labels]
        assert measured(row, f"p_{stance}") == pytest.approx(bounded(shares, 0, 1))
    assert row["stance_refused"] > 0
    assert row["stance_failed"] > 0
    assert Path(results["path"]).parent == responses.parent


def test_the_judge_matcher_covers_from_a_rating_of_4_on(responses, place, start):
    server = start("--fates", "right,right,right,refusal")
    metadata = {"matcher": "judge", "judge": {**server.spec(), "judgements": ["stance"]}}
    found = read_responses(responses)
    results = score(found, COVERAGE, metadata=metadata)
    row, log = plain(results["results"][COVERAGE]), Log(server.answers())
    covered = []
    for doc in QUESTIONS:
        texts = [viewpoint["text"] for viewpoint in doc["viewpoints"]]
        own = []
        for entry in next(e.responses for e in found.entries if e.prompt == doc["prompt"]):
            judgement = viewpoints(len(texts))
            asked = key(judgement, prompt=doc["prompt"], viewpoints=texts, response=entry)
            value = log.value(asked)
            own.append(value and fmean(r["rating"] >= 4 for r in value["ratings"]))
        covered.append(own)
    # A missing verdict leaves its sample out, and covers nothing or everything in the bounds.
    assert any(share is None for own in covered for share in own)
    assert measured(row, "coverage_at_1") == pytest.approx(bounded(covered, 0, 1))
    assert row["coverage_at_1_worst"] < row["coverage_at_1"] < row["coverage_at_1_best"]
    signature = results["configs"][COVERAGE]["metadata"]["overton"]["signature"]
    assert "|match:judge>=4.0:judge@" in signature
    asked = len(server.answers())
    again = score(found, COVERAGE, metadata=metadata)["results"][COVERAGE]
    assert plain(again) == row
    assert len(server.answers()) == asked


class Told:
    """A run of the harness in this process on its dummy model."""

    def __init__(self, task, caplog, **metadata):
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager

        caplog.set_level("INFO")
        folder = str(tasks_folder())
        manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
        results = simple_evaluate("dummy", tasks=[task], task_manager=manager, limit=2)
        self.row = plain(results["results"][task])
        self.text = caplog.text


@pytest.mark.parametrize("task", [TASK, COVERAGE])
def test_without_a_judge_one_line_says_how_to_get_its_metrics(place, caplog, task):
    told = Told(task, caplog)
    assert not set(told.row) & (JUDGED | {"quality_parsed", "stance_parsed"})
    [line] = [line for line in told.text.splitlines() if "no judged metrics" in line]
    [folder] = re.findall(r"run `overton judge (\S+) --judge FILE`", line)
    assert (Path(folder) / "generations.jsonl").exists()


def test_a_local_judge_waits_for_overton_judge(place, caplog, demo):
    spec = {"model": "hf", "model_args": {"pretrained": str(demo / "base"), "device": "cpu"}}
    told = Told(COVERAGE, caplog, judge={**spec, "mode": "loglikelihood"})
    assert not set(told.row) & JUDGED
    [folder] = re.findall(r"run `overton judge (\S+)`", told.text)
    # The run remembers its judge.
    [results] = judge_run(Path(folder), None, {})
    assert plain(results["results"][COVERAGE])["stance_parsed"] == 10


def test_a_judge_that_was_never_there_is_no_success(place, responses, capsys):
    # Nobody listens on the discard port.
    arguments = {"base_url": "http://127.0.0.1:9/v1/chat/completions", "model": "m"}
    spec = {"model": "local-chat-completions", "model_args": {**arguments, "max_retries": 1}}
    assert main(["judge", str(responses), "--judge", json.dumps(spec)]) == 2
    shown = capsys.readouterr()
    # What there is to know is written all the same.
    assert "written to " in shown.out
    assert "error: overton_diversity: expected verdicts, got none" in shown.err


def test_a_judge_that_cannot_be_set_up_is_told_before_anything_is_generated(place, caplog):
    spec = {
        "model": "local-completions",
        "model_args": {"base_url": "http://x", "model": "no/such"},
    }
    with pytest.raises(SettingsError, match="expected a judge that can be set up"):
        Told(COVERAGE, caplog, judge={**spec, "mode": "loglikelihood"})
    assert not list(place.folder.rglob("generations.jsonl"))


def test_judging_twice_at_once_writes_two_files(place, responses, start):
    judge = start().spec()
    files = {next(judge_run(responses, COVERAGE, {"judge": judge}))["path"] for _ in range(2)}
    assert len(files) == 2
    assert all(Path(path).exists() for path in files)


def test_overton_judge_names_a_judge_that_it_cannot_load(place, responses, capsys):
    spec = {"model": "hf", "model_args": {"pretrained": str(place.folder / "nowhere")}}
    assert main(["judge", str(responses), "--judge", json.dumps(spec)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert "judge: expected a judge that can be set up, got hf with" in error


def test_a_key_in_the_arguments_is_refused_in_one_line(place, responses, caplog, capsys, start):
    server = start()
    judge = server.spec(api_key=KEY)
    with pytest.raises(SettingsError, match="without credentials, got 'api_key'"):
        Told(TASK, caplog, judge=judge)
    assert "Running generate_until" not in caplog.text
    arguments = [["check", "--tasks", TASK], ["judge", str(responses)], ["score", str(responses)]]
    for command in arguments:
        assert main([*command, "--metadata", json.dumps({"judge": judge})]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith(f"error: {TASK}: expected judge.model_args without credentials")
        assert error.endswith("so give the key in the environment (OPENAI_API_KEY)")
        assert KEY not in error
    assert KEY not in caplog.text
    assert not server.answers()


def test_a_run_without_a_judge_needs_one_named(place, responses):
    with pytest.raises(SettingsError, match="name it with --judge"):
        list(judge_run(responses, None, {}))


def test_a_judge_that_can_judge_nothing_is_refused(place, responses, demo):
    spec = {"model": "hf", "model_args": {"pretrained": "x"}, "mode": "loglikelihood"}
    with pytest.raises(SettingsError, match="one that can judge none of them"):
        list(judge_run(responses, TASK, {"judge": spec}))


def test_a_plan_has_a_price(place, responses, start, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("judge: {input: 1000000, output: 0}\n")
    spec = {**start().spec(), "max_tokens": 10}
    [line] = dry_run(responses, COVERAGE, {"judge": spec}, prices=prices)
    found = re.fullmatch(
        rf"{COVERAGE}: 30 requests, 0 of them answered before, 30 to send; about (\d+) input "
        r"tokens and 300 output tokens \(at most 300\); cost about (\d+).00",
        line,
    )
    # One unit of money per token.
    assert found[1] == found[2]
    texts = [
        JUDGEMENTS["stance"].build(prompt=prompt, response=text)[0]["content"]
        for prompt, own in valid_samples(responses, COVERAGE)
        for text in own
    ]
    # Four characters per token.
    assert int(found[1]) == sum(map(len, texts)) // 4
    assert read_prices(prices, "judge") == {"input": 1e6, "output": 0}
