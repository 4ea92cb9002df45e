"""Compare how alike the paper's released samples are with what was found independently.

Command: ``python tests/benchmarks/homogeneity_paper.py``. It reads the released outputs
and the known values in ../shared, encodes the samples of four models on 25 prompts with the default
encoder, and prints each number beside the known one. Exits with 1 if one differs by more than .001.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

from lm_eval_overton.comparison.homogeneity import Homogeneity, homogeneity
from lm_eval_overton.comparison.homogeneity.alike import by_cosine
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.samples import clean, scored_texts

SHARED = Path(__file__).resolve().parents[3] / "shared"
STOPS = {
    "llama-2-base": ("```",),
    "llama-2-icl-chat": ("```",),
    "llama-2-chat": (),
    "gpt-3.5-turbo": (),
}
LIMIT = 1e-3


def samples(model: str, prompts: list[int]) -> dict[str, list[str]]:
    """Return a model's valid samples by prompt."""
    path = SHARED / "paper" / "LIMA-OE" / "outputs" / f"{model}.jsonl"
    entries = read_responses(path).entries
    return {
        str(p): scored_texts([clean(raw, STOPS[model]) for raw in entries[p].responses])
        for p in prompts
    }


def numbers(found: Homogeneity) -> dict[str, float]:
    """Return the numbers of the tables by their names in the file of known values."""
    runs = list(enumerate(found.runs))
    table = {
        f"{name} {run}|{other}": cells[i][j].estimate
        for name, cells in (("cosine", found.cells), ("shared_8grams", found.shared))
        for (i, run), (j, other) in product(runs, repeat=2)
    }
    mixing = {
        "nearest 4": found.overall.share.estimate,
        "chance_other_share": found.overall.chance,
    }
    return table | mixing


def main() -> int:
    """Print the numbers; return the exit status."""
    golden = json.loads((SHARED / "golden" / "lima_oe_homogeneity.json").read_text())
    texts = [samples(model, golden["prompts"]) for model in STOPS]
    found = numbers(homogeneity([*STOPS], texts, likeness=by_cosine(get_encoder(find_encoder()))))
    known = {
        f"{name} {pair}": value
        for name in ("cosine", "shared_8grams")
        for pair, value in golden[name].items()
    }
    known["nearest 4"] = golden["nearest"]["4"]["other_share"]
    known["chance_other_share"] = golden["chance_other_share"]
    for name, value in known.items():
        verdict = "ok" if abs(found[name] - value) <= LIMIT else "OUTSIDE"
        print(f"{name}: {found[name]:.4f}, known {value:.4f} {verdict}")
    return max(int(abs(found[name] - value) > LIMIT) for name, value in known.items())


if __name__ == "__main__":
    sys.exit(main())
