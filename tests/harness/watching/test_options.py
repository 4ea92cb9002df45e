import json
import sys
from pathlib import Path

import pytest

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.watching.checkpoints import Checkpoint
from lm_eval_overton.harness.watching.options import read_options
from tests.harness.watching.made import checkpoint


def command(options, folder, task="overton_diversity"):
    return options.command(Checkpoint(folder.name, folder, 5), "abcd", task, Path("out"))


def model_of(words):
    # What is given as it is comes first.
    return json.loads(words[len(words) - words[::-1].index("--model_args")])


def test_options_are_handed_on_and_each_task_is_a_run(tmp_path):
    tasks = ["-t", "overton_diversity,overton_coverage", "overton_icl_knn"]
    model = ["--model_args", "dtype=float32,tokenizer=x", "--gen_kwargs", "temperature=1"]
    options = read_options([*tasks, "--limit", "3", *model])
    assert options.tasks == ("overton_diversity", "overton_coverage", "overton_icl_knn")
    # The sign of a path that the harness would take apart.
    words = command(options, tmp_path / "a,b=c", "overton_coverage")
    assert words[:4] == [sys.executable, "-m", "lm_eval", "run"]
    assert words.count("--tasks") == 1
    assert words[words.index("--tasks") + 1] == "overton_coverage"
    place = str(tmp_path / "a,b=c")
    assert model_of(words) == {"dtype": "float32", "tokenizer": "x", "pretrained": place}
    assert words[words.index("--limit") + 1] == "3"
    assert words[-3:] == ["-o", "out", "--log_samples"]


def test_the_harness_reads_what_it_is_given(tmp_path):
    from lm_eval._cli.harness import HarnessCLI

    options = read_options(["-M", "vllm", "-a", "dtype=bfloat16", "--limit", "3"])
    words = command(options, tmp_path / "a,b=c")
    read = HarnessCLI()._parser.parse_args(words[3:])
    assert read.model_args == {"dtype": "bfloat16", "pretrained": str(tmp_path / "a,b=c")}
    assert (read.tasks, read.model, read.limit) == (["overton_diversity"], "vllm", 3)


def test_a_configuration_file_counts(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "model_args: {pretrained: gpt2, dtype: float32}\ntasks: [overton_coverage]\n"
        "metadata: {n_samples: 3}\n"
    )
    options = read_options(["--config", str(path)])
    assert options.tasks == ("overton_coverage",)
    assert options.metadata == {"n_samples": 3}
    folder = tmp_path / "checkpoint-5"
    assert model_of(command(options, folder)) == {"dtype": "float32", "pretrained": str(folder)}
    with pytest.raises(DataError, match="--config: expected a readable file"):
        read_options(["--config", str(tmp_path / "none.yaml")])


def test_an_adapter_is_loaded_onto_its_base(tmp_path):
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    found = model_of(command(read_options([]), folder))
    assert found == {"pretrained": "org/base", "peft": str(folder)}
    found = model_of(command(read_options(["-a", "pretrained=here"]), folder))
    assert found == {"pretrained": "here", "peft": str(folder)}
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(DataError, match="base_model_name_or_path"):
        command(read_options([]), folder)


def test_an_adapter_brings_its_tokenizer_unless_another_one_is_named(tmp_path):
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    (folder / "tokenizer_config.json").touch()
    assert model_of(command(read_options([]), folder))["tokenizer"] == str(folder)
    assert model_of(command(read_options(["-a", "tokenizer=x"]), folder))["tokenizer"] == "x"


def test_an_adapter_is_given_as_each_kind_of_model_takes_it_or_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    found = model_of(command(read_options(["-M", "vllm"]), tmp_path))
    assert found == {"pretrained": "org/base", "lora_local_path": str(tmp_path)}
    with pytest.raises(
        SettingsError, match=r"expected a model that takes adapters .*got --model s"
    ):
        command(read_options(["--model", "sglang"]), tmp_path)
    path = tmp_path / "c.yaml"
    path.write_text("model: sglang\n")
    with pytest.raises(SettingsError, match="merge the adapter"):
        command(read_options(["--config", str(path)]), tmp_path)


def test_a_server_is_no_checkpoint():
    with pytest.raises(SettingsError, match="which asks a server for what that has loaded"):
        read_options(["-M", "local-completions", "-a", "base_url=http://x"])


def test_each_save_has_a_cache_of_its_own(tmp_path):
    words = command(read_options(["--use_cache", "c/replies"]), tmp_path / "checkpoint-5")
    assert words[words.index("--use_cache") + 1] == "c/replies-checkpoint-5-abcd"
    assert words.count("--use_cache") == 1


@pytest.mark.parametrize(
    "given", [["-o", "x"], ["--output", "x"], ["--task", "y"], ["--use_c", "z"]]
)
def test_what_is_the_watcher_s_to_set_is_refused(given):
    with pytest.raises(SettingsError, match="expected no --output_path after --"):
        read_options(given)


def test_what_the_harness_does_not_know_is_said_before_a_checkpoint_is_there(capsys):
    with pytest.raises(SystemExit) as ended:
        read_options(["--limt", "3"])
    assert ended.value.code == 2
    assert "--limt" in capsys.readouterr().err


def test_another_command_may_be_the_harness(tmp_path):
    words = command(read_options([], "accelerate launch -m lm_eval"), checkpoint(tmp_path / "5"))
    assert words[:5] == ["accelerate", "launch", "-m", "lm_eval", "run"]


def test_what_decides_the_results_is_told_from_what_does_not():
    plain = read_options(["--limit", "3"]).identity
    assert read_options(["--limit", "3", "-c", "x", "-t", "overton_coverage"]).identity == plain
    assert read_options(["--limit", "4"]).identity != plain
    assert read_options(["--limit", "3", "-a", "dtype=float32"]).identity != plain
