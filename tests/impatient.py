"""Runs a command whose client waits for fractions of a second, as one that is tested has to.

Command: ``python -m tests.impatient [--stop-after N] MODULE ARGUMENT...`` does what ``python -m
MODULE ARGUMENT...`` does, with shorter waits between the requests to a server, with a few of the
metrics where there is the choice, and for a minute at most. ``--stop-after`` presses Ctrl-C, so to
speak, after so many replies.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from typing import Any

from torch.utils import collect_env

from lm_eval_overton.client import http, outcome
from lm_eval_overton.harness import task
from lm_eval_overton.harness.judging import run as judging

SECONDS = 60
WAITS = {
    http: {
        "FIRST_BACKOFF_S": 0.01,
        "LONGEST_BACKOFF_S": 0.05,
        "SILENT_WAIT_S": 0.2,
        "ALONE_S": 0.5,
    },
    outcome: {"LONGEST_WAIT_S": 5.0, "LONGEST_PUT_OFF_S": 1.0, "LONGEST_BUSY_S": 0.5},
}
METRICS = ("lexical_diversity", "mean_words", "failed_rate", "empty_rate", "cut_share")
VERDICTS = {"helpfulness", "clarity", "factuality", "depth", "engagement"}


def hurry() -> None:
    """Shorten the waits and what takes long beside them."""
    for module, waits in WAITS.items():
        for name, seconds in waits.items():
            assert hasattr(module, name)
            setattr(module, name, seconds)
    judging.JUDGED = judging.JUDGED & VERDICTS
    everything = task.wanted

    def few(config: Any, kind: Any) -> Any:
        asked = everything(config, kind)
        return [one for one in asked if one.name in METRICS] or asked

    task.wanted = few
    # The harness notes with all results what is installed, and asks a dozen programs.
    collect_env.get_pretty_env_info = lambda: "not asked in tests"


def stop_after(count: int) -> None:
    """Interrupt this process once it has had so many replies."""
    # What a shell starts in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    whole, read = 0, http.read

    def counting(*args: Any) -> Any:
        nonlocal whole
        whole += 1
        if whole == count:
            os.kill(os.getpid(), signal.SIGINT)
        return read(*args)

    http.read = counting


def main() -> None:
    """Run the command."""
    arguments = sys.argv[1:]
    if arguments[0] == "--stop-after":
        stop_after(int(arguments[1]))
        arguments = arguments[2:]
    hurry()
    signal.alarm(SECONDS)
    sys.argv = arguments
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        code: Any = 0
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    raise SystemExit(code)


if __name__ == "__main__":
    main()
