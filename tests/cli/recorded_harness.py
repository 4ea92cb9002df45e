"""Stands in for the harness: hands out the results that lie in a checkpoint, and notes that it did.

A checkpoint with a file `exit` ends it with the code in there. One with `seconds` keeps it busy,
and one with `waits` does until that file is gone. One with `gone` is removed.
"""

import json
import shutil
import sys
import time
from pathlib import Path

ORDERS = ("seconds", "gone", "exit")


def main(words: list[str]) -> int:
    given = {word: words[i + 1] for i, word in enumerate(words[:-1]) if word.startswith("-")}
    model = json.loads(given["--model_args"])
    checkpoint = Path(model["pretrained"])
    log = checkpoint.parent.parent / "harness.log"
    note(log, f"began {checkpoint.name} {given['--tasks']}")
    asked = {
        name: (checkpoint / name).read_text() for name in ORDERS if (checkpoint / name).exists()
    }
    time.sleep(float(asked.get("seconds", 0)))
    while (checkpoint / "waits").exists():
        time.sleep(0.01)
    if "gone" in asked:
        shutil.rmtree(checkpoint)
    if "exit" in asked:
        print("Traceback (most recent call last):\nValueError: too\nlarge", file=sys.stderr)
        return int(asked["exit"])
    shutil.copytree(checkpoint / "recorded", Path(given["-o"]) / "model")
    note(log, f"ended {checkpoint.name} {given['--tasks']}")
    return 0


def note(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
