"""The harness notes the commit of the folder it runs in, and git complains where there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lm_eval import evaluator
from lm_eval.loggers import utils

__all__ = ["ask_git_quietly"]

# Where the harness looks up who asks git.
ASKED = "get_git_commit_hash"


def ask_git_quietly() -> None:
    """Let the harness ask git without what it says where it has no answer.

    Everything else stays as it is: the question, and what is noted without an answer.
    """
    if getattr(evaluator, ASKED, None) is getattr(utils, ASKED, evaluator):
        setattr(evaluator, ASKED, _commit)


def _commit() -> str | None:
    asked = ["git", "describe", "--always"]
    try:
        said = subprocess.run(asked, capture_output=True, check=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError):
        found: str | None = utils.get_commit_from_path(Path.cwd())
        return found
    return said.decode().strip()
