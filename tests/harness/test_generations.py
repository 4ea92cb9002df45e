"""Which generations are written together, and when: the tasks of one evaluation, once."""

import gc
import json
import threading
import weakref

import pytest
from lm_eval.api.instance import Instance

from lm_eval_overton.harness.generations import Run
from lm_eval_overton.runs.responses import read_responses


class Task:
    """What a run needs of a task: two prompts, two samples of each."""

    world_size = 1

    def __init__(self, name, recorded=None):
        self.task_name, self.recorded = name, recorded
        self.folder = None
        self.build()

    def build(self):
        """Build the requests, as the harness makes a task do at the start of an evaluation."""
        self.instances = [
            Instance(
                "generate_until",
                {"id": f"p{doc}", "prompt": f"{doc}?"},
                ("", {}),
                idx,
                (self.task_name, doc, 1),
            )
            for doc in range(2)
            for idx in range(2)
        ]
        self.run = Run.of(self)

    def answer(self, mark=""):
        for inst in self.instances:
            inst.resps.append(f"{self.task_name}{inst.doc_id}{inst.idx}{mark}")

    def fold(self, instances):
        self.instances = instances

    def heading(self):
        return {"stops": []}

    def finish_reasons(self, instance):
        return None


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return the names of the tasks in each file of generations, the oldest file first."""
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path))

    def names():
        paths = sorted(tmp_path.rglob("generations.jsonl"), key=lambda p: p.stat().st_mtime_ns)
        headers = [json.loads(path.read_text().split("\n")[0]) for path in paths]
        return [list(header["tasks"]) for header in headers]

    return names


def evaluate(*tasks):
    """Let tasks go through an evaluation whose requests were built."""
    for task in tasks:
        task.answer()
    for task in tasks:
        task.run.write()


def test_all_are_on_disk_before_the_first_is_scored(written):
    tasks = [Task(name) for name in "ba"]
    for task in tasks:
        task.answer()
    tasks[0].run.write()
    assert written() == [["a", "b"]]
    assert tasks[0].folder == tasks[1].folder
    tasks[1].run.write()
    assert written() == [["a", "b"]]


def test_the_samples_of_a_prompt_are_folded_in_their_order(written):
    task = Task("a")
    task.instances.reverse()
    task.answer()
    # Padding of several processes answers a request twice.
    task.instances[0].resps.append("again")
    task.run.write()
    assert sorted(inst.resps for inst in task.instances) == [["a00", "a01"], ["a10", "a11"]]
    [path] = task.folder.glob("generations.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert {row["id"]: row["responses"] for row in rows} == {
        "p0": ["a00", "a01"],
        "p1": ["a10", "a11"],
    }


def test_the_file_says_how_many_prompts_it_holds(written):
    tasks = [Task(name) for name in "ab"]
    evaluate(*tasks)
    path = tasks[0].folder / "generations.jsonl"
    header, *rows = path.read_text().splitlines()
    assert {name: about["n_prompts"] for name, about in json.loads(header)["tasks"].items()} == {
        "a": 2,
        "b": 2,
    }
    path.write_text("\n".join([header, *rows[:1], *rows[2:]]))
    assert [len(read_responses(path, name).entries) for name in "ab"] == [1, 2]


def test_the_file_keeps_the_tags_of_prompts_that_have_some(written):
    task = Task("a")
    for inst in task.instances[:2]:
        inst.doc["tags"] = ["a", "b"]
    evaluate(task)
    entries = read_responses(task.folder / "generations.jsonl").entries
    assert [entry.tags for entry in entries] == [("a", "b"), ()]


def test_a_file_that_lost_lines_says_so(written, caplog):
    task = Task("a")
    evaluate(task)
    path = task.folder / "generations.jsonl"
    assert not read_responses(path, "a").entries[2:]
    assert "lost" not in caplog.text
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    read_responses(path, "a")
    assert f"{path}: 1 lines of a, 2 by its own first line: the file lost or gained" in caplog.text


def test_half_a_surrogate_pair_stays_in_the_file_and_is_replaced_for_the_harness(written):
    task = Task("a")
    task.answer("\ud83d")
    task.run.write()
    assert task.instances[0].resps == ["a00\ufffd", "a01\ufffd"]
    assert "a00\\ud83d" in (task.folder / "generations.jsonl").read_text()


def test_a_task_of_an_evaluation_that_died_before_the_model_answered(written):
    dead = Task("a")
    evaluate(Task("b"))
    assert written() == [["b"]]
    assert dead.folder is None


def test_a_task_of_an_evaluation_that_died_before_it_was_scored(written):
    dead = Task("a")
    dead.answer()
    evaluate(Task("b"))
    assert written() == [["b"]]
    assert dead.folder is None


def test_tasks_that_are_evaluated_again(written):
    tasks = [Task(name) for name in "ab"]
    evaluate(*tasks)
    first = tasks[0].folder
    for task in tasks:
        task.build()
    evaluate(*tasks)
    assert written() == [["a", "b"], ["a", "b"]]
    assert tasks[0].folder == tasks[1].folder != first


def test_responses_that_exist_already_are_folded_and_not_written(written):
    task = Task("a", recorded=object())
    evaluate(task)
    assert [inst.resps for inst in task.instances] == [["a00", "a01"], ["a10", "a11"]]
    assert written() == []


def test_evaluations_side_by_side_keep_to_themselves(written):
    built = threading.Barrier(2)

    def own(name):
        task = Task(name)
        built.wait(timeout=10)
        evaluate(task)

    threads = [threading.Thread(target=own, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written()) == [["a"], ["b"]]


def test_nothing_outlives_its_evaluation(written):
    dead, scored = Task("a"), Task("b")
    scored.answer()
    scored.run.write()
    left = [weakref.ref(dead), weakref.ref(scored)]
    del dead, scored
    gc.collect()
    assert [ref() for ref in left] == [None, None]
