import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import EncoderError
from lm_eval_overton.text import bertscore
from lm_eval_overton.text.bertscore import BertScorer
from tests.golden.make_bertscore_golden import (
    CANDIDATES,
    GOLDEN,
    LAYERS,
    NUM_LAYERS,
    REFERENCES,
    WINDOW,
    write_checkpoint,
    write_model,
    write_tokenizer,
)

TOLERANCE = 1e-5
LONG = "In the interest of the reader " * 12


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny-roberta")
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def scorer(checkpoint):
    return BertScorer(str(checkpoint), NUM_LAYERS, device="cpu")


@pytest.fixture
def encoded(monkeypatch):
    """The number of texts of every forward pass."""
    sizes = []
    forward = BertScorer._forward

    def counting(self, batch):
        sizes.append(len(batch))
        return forward(self, batch)

    monkeypatch.setattr(BertScorer, "_forward", counting)
    return sizes


def score(scorer, candidate, reference):
    scores = scorer.pairs([[candidate]], [[reference]])[0]
    return [matrix.item() for matrix in (scores.precision, scores.recall, scores.f1)]


def assert_golden(scorer):
    golden = json.loads(GOLDEN.read_text("utf-8"))
    scores = scorer.pairs([CANDIDATES], [REFERENCES])[0]
    for name in ("precision", "recall", "f1"):
        np.testing.assert_allclose(getattr(scores, name), golden[name], rtol=0, atol=TOLERANCE)


# Agreement with bert-score


def test_golden_values_of_bert_score_on_transformers_4(scorer):
    assert_golden(scorer)


def test_golden_values_from_a_tokenizer_json(checkpoint, tmp_path):
    from transformers import AutoTokenizer

    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(tmp_path)
    (tmp_path / "vocab.json").unlink()
    (tmp_path / "merges.txt").unlink()
    assert_golden(BertScorer(str(tmp_path), NUM_LAYERS, device="cpu"))


def test_golden_values_with_a_tokenizer_that_knows_no_limit(tmp_path):
    # bert-score raises OverflowError here; the position table has room for WINDOW tokens.
    write_checkpoint(tmp_path, window=None)
    assert_golden(BertScorer(str(tmp_path), NUM_LAYERS, device="cpu", batch_size=3))


@pytest.mark.parametrize("family", ["bert", "bart"])
def test_other_families_agree_with_bert_score(family, tmp_path):
    reference = pytest.importorskip("bert_score")
    {"bert": write_bert, "bart": write_bart}[family](tmp_path)
    theirs = reference.BERTScorer(model_type=str(tmp_path), num_layers=1, device="cpu")
    ours = BertScorer(str(tmp_path), 1, device="cpu").pairs([CANDIDATES], [REFERENCES])[0]
    for i, candidate in enumerate(CANDIDATES):
        precision, recall, f1 = theirs.score([candidate] * len(REFERENCES), list(REFERENCES))
        np.testing.assert_allclose(ours.precision[i], precision, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(ours.recall[i], recall, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(ours.f1[i], f1, rtol=0, atol=TOLERANCE)


def write_bert(folder):
    from transformers import BertConfig, BertModel

    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *("##" + letter for letter in letters), ".", ",", "the", "cat", "##at"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    limits = {"tokenizer_class": "BertTokenizer", "model_max_length": WINDOW}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits), "utf-8")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=WINDOW,
    )
    BertModel(config).save_pretrained(folder)


def write_bart(folder):
    from transformers import BartConfig, BartModel

    write_tokenizer(folder, WINDOW)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BartTokenizer", "model_max_length": WINDOW}), "utf-8"
    )
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    config = BartConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=WINDOW,
    )
    BartModel(config).save_pretrained(folder)


def test_layers_are_those_of_bert_score():
    listed = pytest.importorskip("bert_score.utils").model2layers
    theirs = {name.rpartition("/")[2]: layer for name, layer in listed.items()}
    assert {name: theirs[name] for name in bertscore.LAYERS} == bertscore.LAYERS


# Values


def test_a_text_is_like_itself(scorer):
    assert score(scorer, CANDIDATES[0], CANDIDATES[0]) == pytest.approx([1, 1, 1], abs=1e-6)


def test_white_space_around_a_text_is_no_matter(scorer):
    padded = f"\n {CANDIDATES[0]}  "
    assert score(scorer, padded, REFERENCES[0]) == score(scorer, CANDIDATES[0], REFERENCES[0])


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_precision_and_recall_change_places(scorer, a, b):
    forward, backward = score(scorer, a, b), score(scorer, b, a)
    assert [forward[1], forward[0], forward[2]] == pytest.approx(backward, abs=1e-6, nan_ok=True)
    defined = bool(a.strip() and b.strip())
    assert all((-1 <= value <= 1 + 1e-6) == defined for value in forward)


def test_an_empty_text_is_undefined(scorer):
    scores = scorer.pairs([["", "the cat", " \n"]], [["a cat", ""]])[0]
    for matrix in (scores.precision, scores.recall, scores.f1):
        assert np.isnan(matrix).tolist() == [[True, True], [False, True], [True, True]]
    # The empty neighbours change nothing.
    assert scores.f1[1, 0] == pytest.approx(score(scorer, "the cat", "a cat")[2], abs=1e-6)


def test_an_overlong_text_is_cut_and_said_to_be(scorer):
    assert scorer.is_cut(LONG)
    assert not scorer.is_cut(CANDIDATES[0])
    assert not scorer.is_cut("")
    # 46 tokens fit beside the begin and end tokens, so what follows cannot be seen.
    assert score(scorer, LONG + "x", REFERENCES[0]) == score(scorer, LONG, REFERENCES[0])


def test_the_longest_text_that_fits_is_not_cut(scorer):
    # "Ġa" is one token and the letter "b" another: 1 + 45 tokens, with begin and end WINDOW.
    assert not scorer.is_cut("a" + "b" * (WINDOW - 3))
    assert scorer.is_cut("a" + "b" * (WINDOW - 2))


def test_no_candidate_or_no_reference_gives_an_empty_matrix(scorer):
    scores = scorer.pairs([[], ["a"]], [["a", "b"], []])
    assert [own.f1.shape for own in scores] == [(0, 2), (1, 0)]
    assert scorer.pairs([], []) == []


# One encoding per text


def test_every_text_is_encoded_once(scorer, encoded, monkeypatch):
    # So few that each prompt is a chunk of its own.
    monkeypatch.setattr(bertscore, "_TEXTS_AT_A_TIME", 2)
    candidates = [["a", "b", "a"], ["c", "b"], ["d"], ["a", "e"]]
    references = [["r", "s"], ["r", "t"], ["d"], ["a", "s"]]
    scores = scorer.pairs(candidates, references)
    assert sum(encoded) == len(set("abcdersta"))
    assert [own.f1.shape for own in scores] == [(3, 2), (2, 2), (1, 1), (2, 2)]
    assert scores[3].f1[1, 1] == pytest.approx(score(scorer, "e", "s")[2], abs=1e-6)


def test_a_chunk_ends_when_enough_texts_are_held(monkeypatch):
    monkeypatch.setattr(bertscore, "_TEXTS_AT_A_TIME", 3)
    texts = [["a", "b"], ["b", "c"], ["d"], ["e"], ["f"], ["g"]]
    assert list(bertscore._chunks(texts)) == [[0, 1], [2, 3, 4], [5]]


def test_equal_texts_get_equal_vectors(scorer, encoded):
    first, second, again = scorer.encode(["the cat", "a mat", "the cat"])
    assert sum(encoded) == 2
    assert first is again
    assert first.vectors.shape[1] == second.vectors.shape[1] == 32
    assert first.weights.sum().item() == pytest.approx(1)
    # Begin and end have no weight, the tokens between share it equally.
    assert first.weights[[0, -1]].tolist() == [0, 0]
    np.testing.assert_allclose(first.vectors.norm(dim=1), 1, rtol=1e-5)


# Settings and errors


def test_the_layer_follows_from_a_known_name(tmp_path):
    from transformers import RobertaConfig

    for name, layer in {"roberta-large": 17, "my-model": 24}.items():
        RobertaConfig(num_hidden_layers=24).save_pretrained(tmp_path / name)
        assert BertScorer(str(tmp_path / name)).num_layers == layer


def test_the_signature_names_model_weights_and_layer(checkpoint, scorer):
    other = BertScorer(str(checkpoint), LAYERS)
    assert scorer.signature.startswith(f"{checkpoint.name}@")
    assert scorer.signature.endswith(f"-L{NUM_LAYERS}")
    assert scorer.signature != other.signature


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_layer_that_the_model_lacks(checkpoint):
    with pytest.raises(EncoderError, match="between 0 and 4") as error:
        BertScorer(str(checkpoint), LAYERS + 1)
    assert "got 5; choose another num_layers" in one_line(error)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(EncoderError, match="expected an encoder of the transformers") as error:
        BertScorer(str(tmp_path))
    assert "bertscore" in one_line(error)


def test_a_model_without_a_number_of_layers(tmp_path):
    from transformers import CLIPConfig

    CLIPConfig().save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="AttributeError") as error:
        BertScorer(str(tmp_path))
    one_line(error)


def test_unreadable_weights(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(EncoderError, match="SafetensorError") as error:
        BertScorer(str(tmp_path), NUM_LAYERS).encode(["a"])
    one_line(error)


def test_weights_of_another_architecture(tmp_path):
    write_tokenizer(tmp_path, WINDOW)
    write_model(tmp_path, num_hidden_layers=2)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}), "utf-8")
    with pytest.raises(EncoderError, match="would be random") as error:
        BertScorer(str(tmp_path), 3).encode(["a"])
    assert "encoder.layer.2" in one_line(error)


def test_a_tokenizer_without_padding(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    no_padding = {"tokenizer_class": "RobertaTokenizer", "pad_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(no_padding), "utf-8")
    with pytest.raises(EncoderError, match="padding token") as error:
        BertScorer(str(tmp_path)).encode(["a"])
    one_line(error)


def test_wrong_arguments(checkpoint, scorer):
    with pytest.raises(ValueError, match="references for each of the 2 prompts, got 1"):
        scorer.pairs([["a"], ["b"]], [["a"]])
    with pytest.raises(ValueError, match="batch_size of at least 1, got 0"):
        BertScorer(str(checkpoint), batch_size=0)


def test_the_import_loads_no_model_library():
    code = (
        "import sys, lm_eval_overton.text.bertscore;"
        "print(sorted({'torch', 'transformers', 'bert_score'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
