"""What the default matcher costs beside the best sentence cosine, both on the same answers.

Command: ``OMP_NUM_THREADS=1 python tests/benchmarks/matcher_cost.py``, with the default encoder at
hand. 600 packaged gold responses are matched by `embedding` and by `hybrid`, in turns and each with
an encoder that has seen nothing; the least processor time of each counts. Exits with 1 above the
limit.
"""

from __future__ import annotations

import argparse
import sys
import time

from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.matchers.table import make_matcher
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder

LIMIT, ANSWERS = 1.2, 600


def seconds(name: str) -> float:
    """Return the processor time of matching all answers."""
    questions = [row.question for row in gold_responses()[:ANSWERS]]
    encoder = Encoder(find_encoder())
    assert encoder.model
    matcher = make_matcher(name, encoder)
    begin = time.process_time()
    matcher.scores(questions)
    return time.process_time() - begin


def main() -> int:
    """Print the ratio, and return 1 if it is above the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    names = ("embedding", "hybrid")
    taken = [[seconds(name) for name in names] for _ in range(rounds)]
    old, new = (min(own) for own in zip(*taken, strict=True))
    print(f"{ANSWERS} answers: embedding {old:.1f} s, hybrid {new:.1f} s: {new / old:.2f} x "
          f"(limit {LIMIT})")  # fmt: skip
    return int(new / old > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
