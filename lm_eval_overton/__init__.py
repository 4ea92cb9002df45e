"""What did alignment do to what a model says? Tasks and metrics for lm-evaluation-harness.

In notebooks: `load_run`, `compare`, `frames`, `report`; the metrics by themselves are
`evaluate.Metric` classes in `lm_eval_overton.evaluate_metrics`. While a model is trained:
`OvertonCallback`.
"""

from typing import TYPE_CHECKING, Any

from lm_eval_overton.version import __version__

if TYPE_CHECKING:
    from lm_eval_overton.api import compare, frames, load_run, report
    from lm_eval_overton.harness.training import OvertonCallback

__all__ = ["OvertonCallback", "__version__", "compare", "frames", "load_run", "report"]


def __getattr__(name: str) -> Any:
    # The harness imports this package at its start: what it does not need is loaded on first use.
    if name == "OvertonCallback":
        from lm_eval_overton.harness.training import OvertonCallback

        return OvertonCallback
    if name in __all__:
        from lm_eval_overton import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
