"""One of two processes that share a metric out between them and hand in their own prompts."""

import os

from lm_eval_overton.evaluate_metrics import LexicalDiversity

SHARES = ([["Ants walk.", "Bees fly."]], [["Ants walk.", "Ants walk."], [None]])

if __name__ == "__main__":
    rank = int(os.environ["RANK"])
    metric = LexicalDiversity(
        cache_dir=os.environ["FOLDER"],
        num_process=len(SHARES),
        process_id=rank,
        experiment_id="t",
        timeout=100,
    )
    result = metric.compute(predictions=SHARES[rank])
    found = result and [*result["lexical_diversity_values"][:2], result["n"]]
    print(f"{rank}: {found}")
