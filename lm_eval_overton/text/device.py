"""Where a model computes that no setting puts anywhere."""

from __future__ import annotations

import os

__all__ = ["own_device"]


def own_device() -> str:
    """Return this process's own card, or `cpu` where there is none.

    Under data parallelism each process keeps to its own card, as the evaluated model does; one
    that is shown fewer cards than there are processes counts them round, as accelerate does.
    """
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
