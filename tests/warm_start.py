"""Runs modules as commands in processes that have imported the harness already.

A run of a tiny model takes two seconds and the imports before it eight. This process imports
once; every order, a line of JSON on standard input, is run in a fork of it, and the exit code
is written to standard output. What the command does is what `python -m MODULE ...` does.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path

SECONDS = 600
IMPORTED = (
    "datasets",
    "torch",
    "transformers",
    "transformers.generation.utils",
    "transformers.models.llama.modeling_llama",
    "sentence_transformers",
    "lm_eval._cli",
    "lm_eval.evaluator",
    "lm_eval.tasks",
    "lm_eval.models.huggingface",
    "lm_eval.models.openai_completions",
    "lm_eval_overton.cli",
    "lm_eval_overton.harness.coverage",
    "lm_eval_overton.harness.task",
)


def become(order: dict) -> None:
    """Run the ordered module as the main program of this process."""
    signal.alarm(SECONDS)
    os.environ.clear()
    os.environ.update(order["env"])
    for descriptor, name in enumerate((os.devnull, order["stdout"], order["stderr"])):
        opened = os.open(name, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = [order["module"], *order["args"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, say so, and run what is ordered until the input ends."""
    for name in IMPORTED:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
