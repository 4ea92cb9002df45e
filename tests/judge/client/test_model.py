"""Real models as judges: loaded here by their log-likelihoods, and behind `transformers serve`."""

import json
import shutil
from pathlib import Path

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data import load_prompts
from lm_eval_overton.harness.judging.run import judge_run
from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.cache import ReplyCache
from lm_eval_overton.judge.client.model import HarnessJudge
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.settings.judge import read_spec
from tests.conftest import wait_for
from tests.harness.test_serve import COMMAND, MISSING, Served
from tests.judge.client.test_http import OneAnswer
from tests.judge_server import judging

STANCE = JUDGEMENTS["stance"]

pytestmark = pytest.mark.run

TASK = "overton_coverage"
LABELS = ("yes", "no", "both", "other")
QUESTIONS = [doc for doc in load_prompts("contested").docs if doc["kind"] == "yes_no"][:4]
LONG = ("It depends. " * 400).strip()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def responses(tmp_path):
    """Short responses, and one that is longer than a small context."""
    path = tmp_path / "responses.jsonl"
    texts = ["Yes, of course.", "No, never.", LONG]
    rows = [{"prompt": doc["prompt"], "responses": texts} for doc in QUESTIONS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_judge(folder: Path, demo: Path, context: int) -> Path:
    """Write a checkpoint of random weights with the demo's tokenizer and a context of its own."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(demo / "base")
    tokenizer.model_max_length = context
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=context,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def spec(checkpoint: Path, **changes) -> dict:
    arguments = {"pretrained": str(checkpoint), "device": "cpu", "batch_size": 4}
    return {"model": "hf", "model_args": arguments, "mode": "loglikelihood", **changes}


def judged(path: Path) -> tuple[dict, list[list]]:
    """The row of a file that `overton judge` wrote, and the verdicts' values."""
    results = json.loads(path.read_text(), parse_constant=pytest.fail)
    row = {key.partition(",")[0]: v for key, v in results["results"][TASK].items()}
    report = results["configs"][TASK]["metadata"]["overton"]
    return row, [own["verdicts"]["stance"] for own in json.loads(report["details"])]


def prompt_of(question: dict, text: str) -> str:
    return STANCE.build_for_labels(prompt=question["prompt"], response=text)


class Independent:
    """The sum of a label's log-probabilities, with transformers alone."""

    def __init__(self, checkpoint: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self.model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()

    def label(self, prompt: str) -> str:
        scores = {label: self._score(prompt, f" {label}") for label in LABELS}
        return max(scores, key=scores.get)

    def _score(self, prompt: str, continuation: str) -> float:
        import torch

        before = len(self.tokenizer(prompt)["input_ids"])
        ids = torch.tensor([self.tokenizer(prompt + continuation)["input_ids"]])
        with torch.inference_mode():
            logs = self.model(ids).logits[0].log_softmax(-1)
        return sum(float(logs[i - 1, ids[0, i]]) for i in range(before, ids.shape[1]))


def test_a_loaded_judge_chooses_the_most_likely_label(responses, tmp_path, demo, capsys):
    checkpoint = write_judge(tmp_path / "judge", demo, 16384)
    arguments = ["judge", str(responses), "--task", TASK, "--judge", json.dumps(spec(checkpoint))]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    [path] = tmp_path.glob(f"judged_{TASK}_*.json")
    assert f"written to {path}" in shown
    assert "|p_both" in shown
    row, values = judged(path)
    independent = Independent(checkpoint)
    texts = ["Yes, of course.", "No, never.", LONG]
    expected = [[independent.label(prompt_of(q, text)) for text in texts] for q in QUESTIONS]
    assert values == expected
    # Random weights still tell the prompts apart.
    assert len({label for own in expected for label in own}) > 1
    assert (row["stance_parsed"], row["stance_failed"]) == (12, 0)
    yes = sum(label == "yes" for own in expected for label in own)
    assert row["p_yes"] == pytest.approx(yes / 12)

    # All is known: the model is not even loaded.
    shutil.rmtree(checkpoint)
    path.unlink()
    assert main(arguments) == 0
    [path] = tmp_path.glob(f"judged_{TASK}_*.json")
    assert judged(path) == (row, values)


def test_prompts_that_are_longer_than_the_context_count_as_failed(
    responses, tmp_path, demo, caplog
):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo / "base")
    short = [
        len(tokenizer(prompt_of(question, text))["input_ids"])
        for question in QUESTIONS
        for text in ("Yes, of course.", "No, never.")
    ]
    longer = len(tokenizer(prompt_of(QUESTIONS[0], LONG))["input_ids"])
    assert max(short) + 8 < longer
    checkpoint = write_judge(tmp_path / "judge", demo, max(short) + 8)
    [results] = judge_run(responses, TASK, {"judge": spec(checkpoint)})
    row, values = judged(Path(results["path"]))
    assert (row["stance_parsed"], row["stance_failed"]) == (8, 4)
    assert [own[2] for own in values] == [None] * 4
    assert "16 of 48 prompts are longer than its context and count as failed" in caplog.text
    # Every verdict there is bounds the shares: 8 of 12 are known.
    assert row["p_yes_best"] - row["p_yes_worst"] == pytest.approx(4 / 12)

    tiny = write_judge(tmp_path / "tiny", demo, 64)
    [results] = judge_run(responses, TASK, {"judge": spec(tiny, mode="text", max_tokens=8)})
    row, _ = judged(Path(results["path"]))
    assert (row["stance_failed"], row["p_yes"]) == (12, None)


def completions(server, demo: Path, **changes) -> dict:
    arguments = server.spec(**changes)["model_args"] | {"tokenizer": str(demo / "base")}
    arguments["base_url"] = server.url.replace("chat/", "")
    arguments["tokenizer_backend"] = "huggingface"
    return {"model": "local-completions", "model_args": arguments, "mode": "loglikelihood"}


def test_a_completions_server_gives_the_log_likelihoods_of_the_labels(
    responses, tmp_path, demo, caplog
):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo / "base")
    with judging(tmp_path / "log", "--bodies") as server:
        [results] = judge_run(responses, TASK, {"judge": completions(server, demo)})
        answers = server.answers()
        row, values = judged(Path(results["path"]))
        # Four labels of 12 responses, whatever their length: nothing was cut.
        assert len(answers) == 48
        assert (row["stance_parsed"], row["stance_failed"]) == (12, 0)
        logs = {tuple(e["body"]["prompt"][0]): e["value"] for e in answers}
        for question, own in zip(QUESTIONS, values, strict=True):
            for text, value in zip(("Yes, of course.", "No, never.", LONG), own, strict=True):
                prompt = prompt_of(question, text)
                before = len(tokenizer(prompt)["input_ids"])
                sent = {x: tuple(tokenizer(f"{prompt} {x}")["input_ids"]) for x in LABELS}
                # The last one is of the token that the server had to write.
                scores = {x: sum(logs[ids][before:-1]) for x, ids in sent.items()}
                assert value == max(scores, key=scores.get)
        assert all(entry["body"]["echo"] for entry in answers)

        # Within a context that is too short for the long ones, they are not sent.
        short = completions(server, demo, max_length=1500)
        [results] = judge_run(responses, TASK, {"judge": short})
        row, _ = judged(Path(results["path"]))
        assert (row["stance_parsed"], row["stance_failed"]) == (8, 4)
        assert len(server.answers()) == 48 + 32
    assert "16 of 48 prompts are longer than its context" in caplog.text


@pytest.mark.parametrize(
    "logprobs",
    # That of the one new token; none.
    [{"token_logprobs": [-1.5], "top_logprobs": [{"x": -1.5}]}, None],
)
def test_a_server_that_does_not_echo_gives_no_verdict(cache, demo, caplog, logprobs):
    answer = {"choices": [{"index": 0, "text": "x", "logprobs": logprobs}]}
    with OneAnswer((200, json.dumps(answer))) as server:
        arguments = {"tokenizer": str(demo / "base"), "tokenizer_backend": "huggingface"}
        own = server.spec(max_retries=5, **arguments)
        judge = {**own, "model": "local-completions", "mode": "loglikelihood"}
        texts = {"prompt": "Is it so?", "response": "No."}
        verdicts = HarnessJudge(read_spec(judge, "test")).ask([Question(STANCE, texts)])
    assert [verdict.status for verdict in verdicts] == ["failed"]
    # The first request says it for all labels; none is kept.
    assert len(server.bodies) == 1
    with ReplyCache(cache / "judge.sqlite") as kept:
        assert kept._file.execute("SELECT COUNT(*) FROM replies").fetchone() == (0,)
    assert caplog.text.count("the server ignores `echo` or `logprobs`; use the mode text") == 1


@pytest.mark.skipif(bool(MISSING), reason=f"transformers serve needs {', '.join(MISSING)}")
@pytest.mark.skipif(not COMMAND.exists(), reason=f"no {COMMAND}")
def test_a_served_checkpoint_writes_verdicts_that_are_counted(responses, tmp_path, demo, capsys):
    server = Served(demo / "chat", tmp_path / "serve.log")
    try:
        wait_for(f"{server.url}/v1/models", seconds=90)
        arguments = {"base_url": f"{server.url}/v1/chat/completions", "timeout": 60}
        arguments |= {"model": str(server.checkpoint), "num_concurrent": 2}
        judge = {"model": "local-chat-completions", "model_args": arguments, "max_tokens": 12}
        command = ["judge", str(responses), "--task", TASK, "--judge", json.dumps(judge)]
        # Twelve tokens of a toy are no verdict.
        assert main(command) == 2
        [path] = tmp_path.glob(f"judged_{TASK}_*.json")
        row, _ = judged(path)
        assert (row["stance_parsed"], row["stance_unreadable"]) == (0, 12)
        assert (row["p_both"], row["p_both_worst"], row["p_both_best"]) == (None, 0, 1)
        answered = server.answered()
        assert answered >= 12
        path.unlink()
        assert main(command) == 2
        assert server.answered() == answered
        [path] = tmp_path.glob(f"judged_{TASK}_*.json")
        assert judged(path)[0] == row
    finally:
        server.process.kill()
        server.process.wait()
    assert "|stance_unreadable" in capsys.readouterr().out
