"""The step of the training that the name of a checkpoint says."""

from __future__ import annotations

import re

__all__ = ["step_in"]

# The last of these in a name counts: epoch_1_step_500 is of step 500.
_STEP = re.compile(
    r"(?i)(?:^|[^a-z])(?:global_?step|checkpoint|ckpt|step|iter|iteration|epoch)[-_=]?(\d+)"
    r"(?![.\d])"
)
_NUMBER = re.compile(r"\d+")


def step_in(name: str) -> int | None:
    """Return the step that the name of a checkpoint's folder says; None if it says none."""
    if found := _STEP.findall(name):
        return int(found[-1])
    return int(name) if _NUMBER.fullmatch(name) else None
