"""Make tests/golden/bertscore_tiny_roberta.json with transformers 4.40 and bert-score 0.3.13.

Usage, from the root of the repository, in an environment of its own (bert-score scores RoBERTa
differently on transformers 5, which is why these numbers are stored):

    python3 -m venv /tmp/venv440
    /tmp/venv440/bin/pip install "transformers==4.40.2" "tokenizers<0.20" "bert-score==0.3.13" \
        "numpy<2" torch
    /tmp/venv440/bin/python tests/golden/make_bertscore_golden.py

The tests import `write_checkpoint` from here, so that both sides score the same checkpoint.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("bertscore_tiny_roberta.json")
LAYERS = 4
NUM_LAYERS = 3
WINDOW = 48
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MERGES = ("Ġ t", "h e", "Ġt he", "i n", "Ġ a", "e r", "o n", "Ġ c", "a t", "Ġc at", "r e", "s t")

CANDIDATES = (
    "The cat sat on the mat.",
    "  the cat\n\nsat, on 2 mats  ",
    "Rain is expected in the north; the south stays dry.",
    "Ça dépend — voilà, 雨が降る 🌧",
    "a",
    "In the interest of the reader " * 12,
    # No "<mask>": transformers 4 drops the space before it, transformers 5 does not.
    "the </s> cat on the <s>mat",
)
REFERENCES = (
    "On the mat sat the cat.",
    "It will rain in the north, and the south will be dry.",
    "Another thing in store " * 11,
)


def byte_symbols() -> list[str]:
    """Return the character that byte-level BPE writes for each of the 256 bytes."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    return [chr(byte if byte in shown else next(hidden)) for byte in range(256)]


def write_checkpoint(folder: Path, *, window: int | None = WINDOW, **config: int) -> None:
    """Write a tiny RoBERTa with weights that do not depend on any library's version.

    Args:
        folder: An existing folder.
        window: The tokenizer's model_max_length; None leaves it out of the files.
        config: Replaces settings of the model's configuration.
    """
    write_tokenizer(folder, window)
    write_model(folder, **config)


def write_tokenizer(folder: Path, window: int | None) -> None:
    """Write the files of a byte-level BPE tokenizer with 12 merges."""
    merged = [merge.replace(" ", "") for merge in MERGES]
    tokens = [*SPECIAL, *byte_symbols(), *merged]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    settings = {"tokenizer_class": "RobertaTokenizer"}
    if window is not None:
        settings["model_max_length"] = window
    _write(folder / "vocab.json", json.dumps(vocabulary))
    _write(folder / "merges.txt", "\n".join(["#version: 0.2", *MERGES, ""]))
    _write(folder / "tokenizer_config.json", json.dumps(settings))


def write_model(folder: Path, **config: int) -> None:
    """Write the configuration and the weights of a tiny RoBERTa."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    settings = {
        "vocab_size": len(SPECIAL) + 256 + len(MERGES),
        "hidden_size": 32,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": WINDOW + 2,
        "type_vocab_size": 1,
    }
    model = RobertaModel(RobertaConfig(**{**settings, **config}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weights(name, tuple(parameter.shape))))
    model.save_pretrained(folder)


def weights(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the float32 weights of a parameter; its name is the seed, so order is no matter."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = rng.random(shape) - 0.5
    if "LayerNorm.weight" in name:
        return (1 + drawn / 2).astype(np.float32)
    # A large bias is common to all tokens and would make all similarities nearly 1.
    return (drawn / 5 if name.endswith("bias") else drawn).astype(np.float32)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Score every candidate against every reference, one pair at a time, and store the result."""
    import bert_score

    # bert-score 0.3.13 calls itself 0.3.12 in `__version__`.
    made_with = {name: version(name) for name in ("transformers", "bert-score", "torch", "numpy")}
    if not made_with["transformers"].startswith("4.40."):
        raise SystemExit(f"expected transformers 4.40, got {made_with['transformers']}; see above")
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder))
        scorer = bert_score.BERTScorer(model_type=folder, num_layers=NUM_LAYERS, device="cpu")
        pairs = [[scorer.score([c], [r]) for r in REFERENCES] for c in CANDIDATES]
    matrices = {
        name: [[pair[k].item() for pair in row] for row in pairs]
        for k, name in enumerate(("precision", "recall", "f1"))
    }
    golden = {"made_with": made_with, "num_layers": NUM_LAYERS, **matrices}
    _write(GOLDEN, json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
