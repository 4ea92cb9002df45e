"""A model that is being trained is asked something, and its training goes on as if it were not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["untouched"]

# What of a module says how it answers.
CONFIGURATIONS = ("config", "generation_config")


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Put everything back that asking a model changes and its training rests on.

    That is which of its modules are in training mode, its configurations (the KV cache among
    them), its generation settings, and the state of the random numbers of Python, NumPy and torch
    on all devices. Gradient checkpointing rests while its modules are not in training mode.

    Args:
        model: A torch module.
    """
    modes = [(module, module.training) for module in model.modules()]
    configurations = [(own, dict(vars(own))) for own in _configurations(model)]
    states = [(write, read()) for read, write in _random_states()]
    try:
        yield
    finally:
        for write, state in states:
            write(state)
        for own, before in configurations:
            vars(own).clear()
            vars(own).update(before)
        for module, mode in modes:
            module.training = mode


def _configurations(model: Any) -> list[Any]:
    """Return the configurations of a model and of its parts, each once."""
    found = (getattr(module, name, None) for module in model.modules() for name in CONFIGURATIONS)
    return list({id(own): own for own in found if hasattr(own, "__dict__")}.values())


def _random_states() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """Yield what reads and what writes the state of each source of random numbers."""
    import numpy as np
    import torch

    yield random.getstate, random.setstate
    yield np.random.get_state, np.random.set_state
    yield torch.get_rng_state, torch.set_rng_state
    device: Any = torch.get_device_module()
    # Seeding is of all devices; some kinds of them have but one.
    for kind in ("rng_state_all", "rng_state"):
        if hasattr(device, f"get_{kind}"):
            yield getattr(device, f"get_{kind}"), getattr(device, f"set_{kind}")
            return
