"""Runs modules as commands in processes that have imported the harness already.

A run of a tiny model takes a second and the imports before it eight. This process imports once, and
does once what every run does on its first text. Every order, a line of JSON on standard input, is
run in a fork of it for each of its environments, all at once, and their exit code is written to
standard output. What the command does is what `python -m MODULE ...` does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

SECONDS = 600
# The exit code of what was run.
ended = SimpleNamespace(code=0)
IMPORTED = (
    "datasets",
    "pytablewriter",
    "sklearn.cluster",
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


def prepare(vectors: Path) -> None:
    """Read once what every run reads: patterns, word lists, the default encoder."""
    from lm_eval_overton.errors import EncoderError
    from lm_eval_overton.text.encoder import Encoder, get_encoder
    from lm_eval_overton.text.encoder_source import find_encoder
    from lm_eval_overton.text.english import ENGLISH
    from lm_eval_overton.text.refusals import is_refusal
    from tests.kept_vectors import forward_of

    Encoder._forward = forward_of(vectors)  # type: ignore[method-assign]
    ENGLISH.content_words("So it is.")
    is_refusal("So it is.")
    # Without the offline package each run says so itself.
    with contextlib.suppress(EncoderError):
        encoder = get_encoder(find_encoder())
        assert encoder.model
        assert encoder.signature


def become(order: dict, env: dict[str, str]) -> None:
    """Run the ordered module as the main program of this process."""
    signal.alarm(SECONDS)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(order["folder"])
    for descriptor, name in enumerate((os.devnull, order["stdout"], order["stderr"])):
        opened = os.open(name, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = [order["module"], *order["args"]]
    ended.code = 1
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        ended.code = 0
    except SystemExit as end:
        ended.code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def leave() -> None:
    """End after all else that is done at the end, and leave the memory to the system.

    To take apart what was imported costs more than most runs: its pages are shared until then.
    """
    from lm_eval_overton.harness import exit_code

    sys.stdout.flush()
    sys.stderr.flush()
    # Here ends what a command of the harness has to say at its end.
    os._exit(exit_code.FAILED if exit_code._lines else ended.code)


def main() -> None:
    """Import, say so, and run what is ordered until the input ends."""
    # What is registered first is called last.
    atexit.register(leave)
    for name in IMPORTED:
        importlib.import_module(name)
    prepare(Path(sys.argv[1]))
    # Collecting garbage among what was imported would copy its pages in every fork.
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        children = []
        for env in order["envs"]:
            children.append(os.fork())
            if children[-1] == 0:
                become(order, env)
                return
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(next(filter(None, codes), 0), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
