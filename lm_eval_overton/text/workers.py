"""One model on several devices: a process for each, which holds a copy of its own.

The data parallelism of the harness gives each process prompts of its own, and needs none of this.
It is for one process with several cards (an evaluated model behind a server, or finished samples).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.stats.progress import progress

__all__ = ["Workers", "device_here", "named_devices", "require_devices"]

# Jobs per device at least, so that none waits long for the last.
JOBS_PER_DEVICE = 4

_Work = Callable[[Any], Any]
_of_this_process: list[_Work] = []


def named_devices(given: str | None) -> tuple[str, ...]:
    """Return the devices that a setting names, such as `cuda:0,cuda:1`; none where it is None."""
    return tuple(name.strip() for name in given.split(",")) if given else ()


def require_devices(names: Sequence[str]) -> None:
    """Raise unless torch has each of some devices; nothing is placed on a card.

    Args:
        names: Of `named_devices`.

    Raises:
        SettingsError: If one is empty, no device, or not there.
    """
    for name in names:
        if reason := _why_not(name):
            raise SettingsError(
                "encoder_device: expected a device of torch, or several with a comma between, such "
                f"as 'cuda:0,cuda:1', got {name!r}: {reason}"
            )


def device_here(devices: Sequence[str]) -> str | None:
    """Return where this process loads its own copy; None where no device is named.

    Where there are several, others do the work, and this one only splits texts into tokens.

    Raises:
        SettingsError: As `require_devices`.
    """
    require_devices(devices)
    return "cpu" if len(devices) > 1 else next(iter(devices), None)


def _why_not(name: str) -> str:
    """Return why a device cannot be used; empty if it can."""
    import torch

    try:
        device = torch.device(name)
        if device.type == "cuda":
            # A card that is used before the evaluated model is loaded would break engines that
            # fork.
            n = torch.cuda.device_count()
            return "" if (device.index or 0) < n else f"there are {n} cards"
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return "it holds no numbers" if device.type == "meta" else ""


class Workers:
    """Processes that do one kind of work, each on a device; they start with the first job.

    Args:
        devices: Of torch; one may be named more than once.
        begin: Makes the work of a process, given its device; a function that can be pickled.

    Raises:
        SettingsError: If torch has no such device.
    """

    def __init__(self, devices: Sequence[str], begin: Callable[[str], _Work]) -> None:
        require_devices(devices)
        self.devices = devices
        context = get_context("spawn")
        places = context.Queue()
        for device in devices:
            places.put(device)
        threads = max(1, (os.cpu_count() or 1) // len(devices))
        self._pool = ProcessPoolExecutor(
            len(devices), context, _begin_process, (begin, places, threads)
        )

    def arrays(self, items: Sequence[Any], weights: Sequence[int], title: str) -> Any:
        """Return the arrays that the work gives for lists of items, joined in the order of items.

        Args:
            items: What a list of is a job; can be pickled; at least one.
            weights: About how long each takes.
            title: For the bar that shows how far it is.

        Raises:
            SettingsError: If a process ended before it had done its work.
        """
        # What takes longest comes first, so that no process waits long for the last.
        order = sorted(range(len(items)), key=lambda i: weights[i], reverse=True)
        jobs = [[items[i] for i in part] for part in self.shares(order, weights)]
        found = np.concatenate([*self._done(jobs, title)])
        rows = np.empty_like(found)
        rows[order] = found
        return rows

    def shares(self, order: Sequence[int], weights: Sequence[int]) -> Iterator[list[int]]:
        """Yield consecutive parts of an order, which weigh about the same.

        Args:
            order: Positions.
            weights: By position.
        """
        most = sum(weights) / (JOBS_PER_DEVICE * len(self.devices))
        part, weight = [], 0
        for i in order:
            part.append(i)
            weight += weights[i]
            if weight >= most:
                yield part
                part, weight = [], 0
        if part:
            yield part

    def _done(self, jobs: Sequence[Any], title: str) -> Iterator[Any]:
        try:
            yield from progress(self._pool.map(_do, jobs), title, len(jobs))
        except KeyboardInterrupt:
            # Python waits at its end for what is asked of a pool.
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise
        except BrokenProcessPool as error:
            raise SettingsError(
                f"encoder_device: expected a process on each of {', '.join(self.devices)}, got one "
                "that ended (what it said stands above; often memory); name fewer devices"
            ) from error


def _begin_process(begin: Callable[[str], _Work], places: Any, threads: int) -> None:
    import torch

    # Who interrupts the command interrupts its processes, which have nothing to say to it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _of_this_process.append(begin(places.get()))


def _end_with_parent() -> None:
    # Who is killed ends no others, and each of these would hold its device for good.
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _do(job: Any) -> Any:
    return _of_this_process[0](job)
