"""Every setting that can change a score changes the signature of a task; nothing else does."""

import importlib.metadata
import json
import shutil
from dataclasses import replace

import pytest

from lm_eval_overton.data import packaged_path
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.settings.signature import differing, fields

LOCAL = {"pretrained": "gpt2"}
SERVER = {"model": "gpt2", "base_url": "http://localhost:8000/v1/chat/completions"}


def signature(metadata=LOCAL, gen_kwargs=None, name="overton_diversity", **build):
    """The signature of a task that the harness built as it does for these options."""
    cls, config = task_class(name)
    config["metadata"] = {**config["metadata"], **metadata}
    task = cls(config=config)
    if gen_kwargs:
        task.set_config(key="generation_kwargs", value=gen_kwargs, update=True)
    if build.get("apply_chat_template"):
        build["chat_template"] = lambda messages, **_: messages[-1]["content"]
    task.build_all_requests(limit=1, **build)
    return task.signature


def changed(one, other):
    """The names of the parts in which two signatures differ."""
    first, second = (dict(p.split(":", 1) for p in s.split("|")[1:]) for s in (one, other))
    names = {name for name in first | second if first.get(name) != second.get(name)}
    return names | ({"task"} if one.split("|")[0] != other.split("|")[0] else set())


# ------------------------------------------------------------------------- what changes a score


def test_the_signature_of_a_run_with_defaults():
    data = signature().split("|")[1]
    versions = f"lm_eval:{importlib.metadata.version('lm-eval')}|v:"
    start = (
        f"overton_diversity@1|{data}|frame:query-answer|n:5|stop:fence|tok:en|reasoning:strip|"
        "emb:all-MiniLM-L6-v2@"
    )
    assert signature().startswith(start)
    assert f"|seed:1234|{versions}" in signature()
    assert signature().endswith("|max:700|rep:1|temp:0.5|top_k:0|top_p:1")
    assert signature() == signature()


@pytest.mark.parametrize(
    ("metadata", "part"),
    [
        ({"n_samples": 6}, "n"),
        ({"seed": 7}, "seed"),
        ({"version": 2}, "task"),
        ({"reasoning": "keep"}, "reasoning"),
        ({"reasoning_tags": ["<muse>", "</muse>"]}, "reasoning"),
    ],
)
def test_own_settings(metadata, part):
    assert changed(signature(), signature(LOCAL | metadata)) == {part}


def test_the_words_of_a_prompt_and_the_file_s_name(tmp_path):
    own, edited, renamed = (tmp_path / name for name in ("a.jsonl", "b/a.jsonl", "c.jsonl"))
    edited.parent.mkdir()
    own.write_text('{"prompt": "Why?"}\n')
    edited.write_text('{"prompt": "Why not?"}\n')
    shutil.copy(own, renamed)
    packaged = packaged_path("open_ended")
    signatures = [signature(LOCAL | {"prompts": str(p)}) for p in (own, edited, renamed, packaged)]
    assert len({signature(), *signatures}) == 5
    assert all(changed(signature(), other) == {"data"} for other in signatures)


def test_the_words_of_a_reference_run(tmp_path):
    first = json.loads(packaged_path("open_ended").read_text().split("\n")[0])["prompt"]
    places = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for place in places:
        place.write_text(json.dumps({"prompt": first, "responses": ["So.", place.stem]}) + "\n")
    one, other = (signature(LOCAL | {"reference_run": str(place)}) for place in places)
    assert changed(signature(), one) == changed(one, other) == {"reference"}
    moved = shutil.copy(places[0], tmp_path / "c.jsonl")
    assert signature(LOCAL | {"reference_run": str(moved)}) == one


def test_the_encoder_s_weights(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    # Folders of one name elsewhere: only the weights tell them apart.
    (tmp_path / "elsewhere").mkdir()
    other = shutil.copytree(tmp_path / "two", tmp_path / "elsewhere" / "one")
    first, second = (signature(LOCAL | {"encoder": str(p)}) for p in (tmp_path / "one", other))
    assert "|emb:one@" in first
    assert "|emb:one@" in second
    assert changed(signature(), first) == changed(first, second) == {"emb"}


@pytest.mark.parametrize(
    ("gen_kwargs", "part"),
    [
        ({"temperature": 0.7}, "temp"),
        ({"temperature": 0.5000001}, "temp"),
        ({"top_p": 0.9}, "top_p"),
        ({"top_k": 50}, "top_k"),
        ({"min_p": 0.1}, "min_p"),
        ({"repetition_penalty": 1.1}, "rep"),
        ({"max_gen_toks": 64}, "max"),
        ({"max_new_tokens": 64}, "max"),
        ({"until": ["###"]}, "stop"),
        ({"until": "###"}, "stop"),
        ({"until": ["fence"]}, "stop"),
        ({"until": ["```", "\n"]}, "stop"),
    ],
)
def test_generation_settings(gen_kwargs, part):
    assert changed(signature(), signature(gen_kwargs=gen_kwargs)) == {part}


def test_stops_that_look_alike_in_one_line():
    given = [["a", "b"], ["a+b"], ["a|b"], ["a b"], ["\n"], ["\\n"], ["```"], ["fence"], ["none"]]
    assert len({signature(gen_kwargs={"until": until}) for until in given}) == len(given)


def test_the_room_for_examples():
    def icl(strategy, **metadata):
        return signature(SERVER | metadata, name=f"overton_icl_{strategy}")

    assert changed(icl("fixed"), icl("fixed", max_context=9000)) == {"max_context"}
    # An answer of 700 tokens leaves no room for any example.
    none = changed(icl("fixed"), icl("fixed", max_context=900))
    assert none == {"max_context", "without_examples"}
    assert icl("zeroshot") == icl("zeroshot", max_context=900)


def test_the_frame():
    # Without a frame of a base model there is no stop of it either.
    chat = signature(apply_chat_template=True)
    assert changed(signature(), chat) == {"frame", "stop"}
    assert "|frame:chat|" in chat


def test_the_system_instruction():
    plain, short, long = (signature(system_instruction=s) for s in (None, "Be brief.", "Be long."))
    assert changed(plain, short) == changed(short, long) == {"system"}
    assert plain == signature(system_instruction="") == signature()
    assert "Be brief." not in short


def test_seeds_of_servers():
    auto, off = signature(SERVER), signature(SERVER | {"api_seeds": "off"})
    assert changed(auto, off) == {"api_seeds"}
    assert changed(auto, signature(SERVER | {"seed": 7})) == {"seed"}


def test_a_seed_among_the_generation_settings_of_a_server():
    assert changed(signature(SERVER), signature(SERVER, {"seed": 7})) == {"seed"}


def test_local_models_and_servers_are_asked_differently():
    # Servers refuse the neutral values that keep a checkpoint's own ones out.
    assert changed(signature(), signature(SERVER)) == {"rep", "top_k", "api_seeds"}


def test_the_harness_s_version(monkeypatch):
    before = signature()
    version = importlib.metadata.version
    fake = {"lm-eval": "0.5.0"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: fake.get(name) or version(name))
    assert changed(before, signature()) == {"lm_eval"}
    assert "|lm_eval:0.5.0|" in signature()


def test_the_package_s_version(monkeypatch):
    before = signature()
    monkeypatch.setattr("lm_eval_overton.harness.provenance.__version__", "9.9.9")
    assert changed(before, signature()) == {"v"}


def test_a_matcher_and_its_threshold(tmp_path):
    def coverage(metadata):
        return signature(LOCAL | metadata, name="overton_coverage")

    def nli(name):
        folder = tmp_path / name
        folder.mkdir()
        labels = {"0": "contradiction", "1": "entailment"}
        config = {"model_type": "bert", "id2label": labels}
        (folder / "config.json").write_text(json.dumps(config))
        return {"matcher": "nli", "nli_model": str(folder)}

    one, other = nli("one"), nli("other")
    assert changed(coverage({}), coverage({"threshold": 0.7})) == {"match"}
    assert changed(coverage({}), coverage(one)) == {"match"}
    assert changed(coverage(one), coverage(other)) == {"match"}
    assert changed(coverage(one), coverage(one | {"threshold": 0.7})) == {"match"}


def test_what_is_the_same_and_how_good_it_is(tmp_path):
    model = tmp_path / "pairs"
    model.mkdir()
    labels = {0: "different", 1: "same"}
    (model / "config.json").write_text(json.dumps({"model_type": "bert", "id2label": labels}))
    assert "|same:rouge1>0.458|m:3|" in signature()
    assert changed(signature(), signature(LOCAL | {"equivalence": "exact"})) == {"same"}
    assert changed(signature(), signature(LOCAL | {"distinct_m": 4})) == {"m"}
    chosen = {"equivalence": "classifier", "equivalence_model": str(model)}
    assert changed(signature(), signature(LOCAL | chosen)) == {"same"}
    lower = signature(LOCAL | {"equivalence_threshold": 0.4})
    assert changed(signature(), lower) == {"same"}
    # A task without classes has nothing to do with it.
    coverage = signature(LOCAL, name="overton_coverage")
    assert coverage == signature(LOCAL | {"equivalence": "exact"}, name="overton_coverage")
    # Signatures of before there were classes mean the same as the default.
    before = signature().replace("|same:rouge1>0.458|m:3", "")
    assert differing(before, signature()) == {}


def test_a_model_of_inference_for_diversity(tmp_path):
    def nli(name, *labels):
        folder = tmp_path / name
        folder.mkdir()
        config = {"model_type": "bert", "id2label": dict(enumerate(labels))}
        (folder / "config.json").write_text(json.dumps(config))
        return LOCAL | {"nli_model": str(folder)}

    one, other = (nli(name, "entailment", "contradiction") for name in ("one", "other"))
    assert changed(signature(), signature(one)) == {"nli"}
    assert changed(signature(one), signature(other)) == {"nli"}
    # One that tells no contradiction measures nothing.
    assert signature(nli("two", "entailment", "not_entailment")) == signature()


def test_a_model_that_is_no_nli_model_is_refused_before_anything_is_generated():
    with pytest.raises(SettingsError, match="expected a sequence-classification model"):
        signature(LOCAL | {"matcher": "nli", "nli_model": "no/where"}, name="overton_coverage")


# ---------------------------------------------------------------------------- what changes none


@pytest.mark.parametrize(
    ("model", "argument"),
    [
        (LOCAL, {"pretrained": "other"}),
        (LOCAL, {"revision": "abc"}),
        (LOCAL, {"dtype": "bfloat16"}),
        (LOCAL, {"batch_size": 64}),
        (LOCAL, {"device": "cuda:1"}),
        (LOCAL, {"encoder_device": "cpu"}),
        (SERVER, {"model": "other"}),
        (SERVER, {"base_url": "http://elsewhere/v1/completions"}),
        (SERVER, {"num_concurrent": 4}),
        (SERVER, {"api_key": "sk-test"}),
    ],
)
def test_the_model_is_named_elsewhere_in_the_results(model, argument):
    assert signature(model | argument) == signature(model)


@pytest.mark.parametrize(
    "gen_kwargs",
    [{"temperature": 0.5}, {"do_sample": True}, {"max_tokens": 700}, {"until": ["```"]}],
)
def test_a_default_that_is_given_again(gen_kwargs):
    assert signature(gen_kwargs=gen_kwargs) == signature()


def test_the_order_of_settings():
    one, other = {"top_p": 0.9, "temperature": 0.7}, {"temperature": 0.7, "top_p": 0.9}
    assert signature(gen_kwargs=one) == signature(gen_kwargs=other)


def test_a_copy_of_the_encoder_s_folder(tmp_path):
    folders = [tmp_path / "a" / "mine", tmp_path / "b" / "mine"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
    one, other = (signature(LOCAL | {"encoder": str(folder)}) for folder in folders)
    assert one == other


def test_a_key_of_a_server_is_in_no_signature():
    assert "sk-test" not in signature(SERVER | {"api_key": "sk-test"})


def test_a_metric_s_new_definition(monkeypatch):
    plain = signature()
    changed_metric = replace(REGISTRY["vendi"], version=2)
    monkeypatch.setitem(REGISTRY, "vendi", changed_metric)
    assert changed(plain, signature()) == {"metrics"}
    assert "vendi-2" in fields(signature())["metrics"].split("+")


def test_the_language_of_the_responses():
    assert changed(signature(), signature(LOCAL | {"language": "de"})) == {"tok"}
    assert signature(LOCAL | {"language": "en-GB"}) == signature()


def test_a_signature_without_a_tokenizer_was_made_with_the_english_one():
    without = signature().replace("|tok:en", "")
    assert differing(signature(), without) == {}
    other = signature().replace("tok:en", "tok:letters")
    assert differing(other, without) == {"tok": ("letters", "unset")}
