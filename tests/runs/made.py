"""Files of runs, as tests of several modules write them."""

import json
import os


def write(path, *rows, age=0):
    """Write JSON lines that are so many seconds old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def results(generations, task):
    """A results file of which only the generations are looked for."""
    return {"configs": {task: {"metadata": {"overton": {"generations": str(generations)}}}}}
