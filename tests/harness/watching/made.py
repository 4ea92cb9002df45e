"""Saves of a model as transformers and peft write them, without a model."""

import json
import os
import struct
import zipfile

OLD = 1e9


def weights(path, data=b"0123456789abcdef"):
    """A file of weights that says how long it is."""
    head = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, len(data)]}})
    path.write_bytes(struct.pack("<Q", len(head)) + head.encode() + data)
    return path


def zipped(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"x" * 100)
    return path


def checkpoint(folder, data=b"0123456789abcdef", old=True):
    """A finished save that has not changed for long."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    weights(folder / "model.safetensors", data)
    return aged(folder) if old else folder


def aged(folder):
    for path in folder.rglob("*"):
        os.utime(path, (OLD, OLD))
    return folder
