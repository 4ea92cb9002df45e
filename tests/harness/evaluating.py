"""Tasks made for a test, and evaluated as a program would."""

import json

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from lm_eval_overton.harness.replay import task_class


def maker(name, key, path, default):
    """Return what makes a task of rows that are written to a file, which a setting names."""

    def make(rows=default, **metadata):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        cls, config = task_class(name)
        config["metadata"] = {**config["metadata"], key: str(path), **metadata}
        return cls(config=config)

    return make


def evaluate(task, model, **options):
    """Return the harness's results of a task, without seeds of its own."""
    return simple_evaluate(
        model=model,
        tasks=[task],
        task_manager=TaskManager(include_defaults=False),
        random_seed=None,
        numpy_random_seed=None,
        torch_random_seed=None,
        **options,
    )
