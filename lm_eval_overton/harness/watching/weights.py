"""Whether a folder holds a finished save of a model, and what tells one save from another."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from lm_eval_overton.data.json_text import json_value

__all__ = ["ADAPTER", "CONFIG", "STATE", "fingerprint", "is_temporary", "lacking", "read_object"]

CONFIG, ADAPTER, STATE = "config.json", "adapter_config.json", "trainer_state.json"
# What transformers calls the weights of a model, and peft those of an adapter.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# How names begin or end of what is still being written.
_TEMPORARY = re.compile(r"(?i)^(\.|tmp[-_.]).*|.*(\.|[-_])(tmp|temp|partial|incomplete|download)$")
# Trainer writes its arguments with the weights, and its state after everything else.
ARGUMENTS, OF_TRAINER = "training_args.bin", re.compile(r"checkpoint-\d+")
# What lies in a save whose weights are divided among processes, and what puts them together.
_DIVIDED = {
    "zero_to_fp32.py": "python zero_to_fp32.py . .",
    "pytorch_model_fsdp_0": "accelerate merge-weights pytorch_model_fsdp_0 .",
}
# So many pieces of a file, spread over it, tell two of equal size apart.
PIECES, PIECE = 16, 65536


def is_temporary(name: str) -> bool:
    """Return whether a file or folder is called as what is not finished."""
    return bool(_TEMPORARY.fullmatch(name))


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file; an empty one where there is none to read."""
    try:
        found = json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def lacking(folder: Path) -> str | None:
    """Return what a folder lacks to be a finished save of a model or an adapter; None if nothing.

    Raises:
        OSError: If its files cannot be read.
    """
    temporary = next((path.name for path in folder.iterdir() if is_temporary(path.name)), None)
    if temporary and not temporary.startswith("."):
        return f"{temporary} is still being written"
    is_adapter = (folder / ADAPTER).is_file()
    config = ADAPTER if is_adapter else CONFIG
    if not read_object(folder / config):
        return f"{config} is not there, or by half"
    if lacks := _of_weights(folder, ADAPTER_WEIGHTS if is_adapter else WEIGHTS):
        return lacks
    is_of_trainer = OF_TRAINER.fullmatch(folder.name) and (folder / ARGUMENTS).is_file()
    if is_of_trainer and not read_object(folder / STATE):
        return f"{STATE} is not there, or by half"
    return None


def _of_weights(folder: Path, names: tuple[str, ...]) -> str | None:
    for name in names:
        index = folder / f"{name}.index.json"
        if index.is_file():
            return _of_shards(index)
        if (folder / name).is_file():
            return None if _is_whole(folder / name) else f"{name} is there by half"
    merge = next((how for name, how in _DIVIDED.items() if (folder / name).exists()), None)
    how = f"; in its folder, `{merge}` puts together those that are divided" if merge else ""
    return f"no weights ({' or '.join(names)}, or their index){how}"


def _of_shards(index: Path) -> str | None:
    shards = read_object(index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        return f"{index.name} is there by half"
    for name in sorted(set(map(str, shards.values()))):
        path = index.with_name(name)
        if not path.is_file():
            return f"{name} is not there, which {index.name} lists"
        if not _is_whole(path):
            return f"{name} is there by half"
    return None


def _is_whole(path: Path) -> bool:
    """Return whether a file of weights is as long as it says itself."""
    with path.open("rb") as file:
        head = file.read(8)
        if path.suffix != ".safetensors":
            # Zip files list at their end what they hold; older formats do not say it.
            is_zip = b"PK".startswith(head[:2])
            return zipfile.is_zipfile(path) if is_zip else True
        size, length = path.stat().st_size, int.from_bytes(head, "little")
        if len(head) < 8 or length > size:
            return False
        try:
            entries = json.loads(file.read(length))
            ends = [own["data_offsets"][1] for key, own in entries.items() if key != "__metadata__"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
    return bool(size == 8 + length + max(ends, default=0))


def fingerprint(folder: Path) -> str:
    """Return what is equal for copies of a save and unlike for another one.

    Raises:
        OSError: If its files cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".bin") or path.name in (CONFIG, ADAPTER):
            if path.name == ARGUMENTS or not path.is_file():
                continue
            digest.update(f"{path.name}:{path.stat().st_size};".encode())
            _update(digest, path)
    return digest.hexdigest()[:16]


def _update(digest: Any, path: Path) -> None:
    size = path.stat().st_size
    # A whole file that is short, else pieces at equal distances with both ends among them.
    last = max(0, size - PIECE)
    places = {last * i // (PIECES - 1) for i in range(PIECES)}
    with path.open("rb") as file:
        for place in sorted(places):
            file.seek(place)
            digest.update(file.read(PIECE))
