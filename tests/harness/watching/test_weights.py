import json

import pytest

from lm_eval_overton.harness.watching.weights import fingerprint, is_temporary, lacking
from tests.harness.watching.made import checkpoint, weights, zipped


def test_a_whole_save_lacks_nothing(tmp_path):
    assert lacking(checkpoint(tmp_path / "checkpoint-5")) is None
    folder = checkpoint(tmp_path / "bin")
    (folder / "model.safetensors").unlink()
    zipped(folder / "pytorch_model.bin")
    assert lacking(folder) is None


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "config.json"])
def test_no_part_of_a_file_is_taken_for_the_whole(tmp_path, name):
    folder = checkpoint(tmp_path / "a")
    path = folder / name
    if name.endswith(".bin"):
        (folder / "model.safetensors").unlink()
        zipped(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert name in (lacking(folder) or ""), length
    path.write_bytes(whole)
    assert lacking(folder) is None


def test_every_shard_that_the_index_lists_is_waited_for(tmp_path):
    folder = checkpoint(tmp_path / "a")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    weights(folder / names[0])
    # The shards come before their index.
    assert "no weights" in (lacking(folder) or "")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a"')
    assert lacking(folder) == f"{index.name} is there by half"
    index.write_text(json.dumps({"weight_map": {"a": names[0], "b": names[1], "c": names[0]}}))
    assert lacking(folder) == f"{names[1]} is not there, which {index.name} lists"
    (folder / names[1]).write_bytes(b"12")
    assert lacking(folder) == f"{names[1]} is there by half"
    weights(folder / names[1])
    assert lacking(folder) is None


def test_what_puts_divided_weights_together_is_named(tmp_path):
    folder = checkpoint(tmp_path / "checkpoint-5")
    (folder / "model.safetensors").unlink()
    (folder / "zero_to_fp32.py").touch()
    assert "`python zero_to_fp32.py . .` puts together" in (lacking(folder) or "")
    (folder / "zero_to_fp32.py").unlink()
    (folder / "pytorch_model_fsdp_0").mkdir()
    assert "`accelerate merge-weights pytorch_model_fsdp_0 .`" in (lacking(folder) or "")
    weights(folder / "model.safetensors")
    assert lacking(folder) is None


def test_an_adapter_is_a_save_of_its_own_kind(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "m"}')
    assert "adapter_model.safetensors" in (lacking(tmp_path) or "")
    weights(tmp_path / "adapter_model.safetensors")
    assert lacking(tmp_path) is None


def test_of_a_trainer_s_checkpoint_the_state_comes_last(tmp_path):
    folder = checkpoint(tmp_path / "checkpoint-5")
    (folder / "training_args.bin").write_bytes(b"x")
    assert "trainer_state.json" in (lacking(folder) or "")
    (folder / "trainer_state.json").write_text('{"global_step": 5}')
    assert lacking(folder) is None
    # What `save_model` writes at the end of a training has no state.
    final = checkpoint(tmp_path / "step-9")
    (final / "training_args.bin").write_bytes(b"x")
    assert lacking(final) is None


def test_a_file_that_is_called_unfinished_is(tmp_path):
    folder = checkpoint(tmp_path / "a")
    (folder / "optimizer.pt.tmp").touch()
    assert lacking(folder) == "optimizer.pt.tmp is still being written"


@pytest.mark.parametrize(
    ("name", "temporary"),
    [
        ("tmp-checkpoint-5", True),
        (".checkpoint-5", True),
        ("checkpoint-5.tmp", True),
        ("x.incomplete", True),
        ("checkpoint-5_tmp", True),
        ("checkpoint-5", False),
        ("template-5", False),
        ("chat_template.jinja", False),
        ("attempt", False),
    ],
)
def test_names_of_what_is_not_finished(name, temporary):
    assert is_temporary(name) == temporary


def test_a_copy_has_the_fingerprint_and_any_other_weight_has_not(tmp_path):
    data = bytes(3_000_000)
    own = fingerprint(checkpoint(tmp_path / "a", data))
    assert fingerprint(checkpoint(tmp_path / "b", data, old=False)) == own
    other = data[:-1] + b"1"
    assert fingerprint(checkpoint(tmp_path / "c", other)) != own
    middle = data[:1_400_000] + b"1" * 200_000 + data[1_600_000:]
    assert fingerprint(checkpoint(tmp_path / "d", middle)) != own
    (tmp_path / "b" / "optimizer.pt").write_bytes(b"1")
    assert fingerprint(tmp_path / "b") == own
