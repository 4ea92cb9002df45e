"""Stands in for the harness: hands out the results that lie in a checkpoint, and notes that it did.

A checkpoint with a file `exit` ends it with the code in there; one with `seconds` keeps it busy.
"""

import json
import shutil
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    given = {word: words[i + 1] for i, word in enumerate(words[:-1]) if word.startswith("-")}
    model = json.loads(given["--model_args"])
    checkpoint = Path(model["pretrained"])
    log = checkpoint.parent.parent / "harness.log"
    note(log, f"began {checkpoint.name} {given['--tasks']}")
    for name in ("seconds", "exit"):
        value = checkpoint / name
        if value.exists() and name == "seconds":
            time.sleep(float(value.read_text()))
        elif value.exists():
            print("Traceback (most recent call last):\nValueError: too\nlarge", file=sys.stderr)
            return int(value.read_text())
    shutil.copytree(checkpoint / "recorded", Path(given["-o"]) / "model")
    note(log, f"ended {checkpoint.name} {given['--tasks']}")
    return 0


def note(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
