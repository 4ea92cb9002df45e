"""The released responses of arXiv 2406.17692, for the tests marked `paper_data`."""

from functools import cache

from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.samples import clean
from tests.conftest import PAPER

FENCE = ("```",)


class NoEncoder:
    """Stands where words alone are measured."""

    def encode(self, texts):
        raise AssertionError("words need no encoder")


@cache
def samples(model, stops):
    """The cleaned LIMA-OE samples of a model, one list per prompt."""
    entries = read_responses(PAPER / "LIMA-OE" / "outputs" / f"{model}.jsonl").entries
    return [[clean(raw, stops) for raw in entry.responses] for entry in entries]


# What the matcher's decisions on the samples decide, of questions whose viewpoints have no weights.
MATCHED = frozenset(
    metric.name
    for metric in REGISTRY.values()
    if metric.matched and Need.WEIGHTS not in metric.needs
)
