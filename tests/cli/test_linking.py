"""`overton link` against stand-ins for the installed harness."""

import multiprocessing
import os
import shutil
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
import yaml

from lm_eval_overton.cli import linking, main
from lm_eval_overton.cli.linking import MARKER, harness_folder, link, linked, targets, unlink
from lm_eval_overton.data import folders
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.errors import LinkError
from lm_eval_overton.harness.replay import group_names, task_names
from lm_eval_overton.runs.lock import alone
from tests.conftest import overton

OURS = tasks_folder() / "overton"
NAMES = sorted(str(path.relative_to(OURS)) for path in OURS.rglob("*.yaml"))


def lm_eval_in(site: Path) -> Path:
    """Write the smallest lm_eval there is and return its folder of tasks."""
    tasks = site / "lm_eval" / "tasks"
    tasks.mkdir(parents=True)
    (site / "lm_eval" / "__init__.py").touch()
    return tasks


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """The folder of tasks of a stand-in that this process takes for the installed harness."""
    folder = lm_eval_in(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "lm_eval", raising=False)
    return folder


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A folder that is all there is to import from."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    # The finder of an editable install would find the real harness elsewhere.
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    monkeypatch.delitem(sys.modules, "lm_eval", raising=False)
    return tmp_path


@pytest.fixture
def nested(tmp_path, monkeypatch):
    """The file of a task in a folder of its own, in a checkout that holds it and all others."""
    checkout = tmp_path / "checkout"
    shutil.copytree(tasks_folder(), checkout / "tasks")
    file = checkout / "tasks" / "overton" / "new" / "overton_new.yaml"
    file.parent.mkdir()
    (file.parent / "_data_yaml").write_text("include: ../_base_yaml\nnum_fewshot: 0\n")
    (file.parent / "README.md").touch()
    ours = (OURS / "overton_diversity.yaml").read_text()
    ours = ours.replace("include: _base_yaml", "include: _data_yaml")
    file.write_text(ours.replace("task: overton_diversity", "task: overton_new"))
    monkeypatch.setattr(folders, "_PACKAGE", checkout)
    return file


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


# ------------------------------------------------------------------------------------- linking


def test_there_is_one_stub_per_task_and_one_for_the_group():
    assert sorted([*task_names(), "overton"]) == sorted(Path(name).stem for name in NAMES)


def test_a_stub_includes_the_task_file_by_its_absolute_path(tasks):
    stubs = link()
    assert stubs == linked() == [tasks / "overton" / name for name in sorted(NAMES, key=Path)]
    source = (tasks_folder() / "overton" / "overton.yaml").resolve()
    stub = (tasks / "overton" / "overton.yaml").read_text()
    assert stub == f'{MARKER}\ninclude: "{source}"\n'


def test_linking_twice_is_linking_once(tasks):
    first = link()
    before = contents(tasks / "overton")
    assert link() == first
    assert contents(tasks / "overton") == before


def test_the_harness_loads_the_tasks_through_the_stubs(tasks, monkeypatch):
    link()
    # The real harness again: only its stand-in was linked.
    monkeypatch.undo()
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    assert manager.all_subtasks == task_names()
    assert manager.all_groups == ["overton"]
    assert set(manager.load(["overton"])["tasks"]) == set(group_names())


def test_a_path_may_hold_what_yaml_gives_a_meaning(tasks, tmp_path, monkeypatch):
    odd = tmp_path / "my #1: code"
    (odd / "overton").mkdir(parents=True)
    (odd / "overton" / "overton_a.yaml").touch()
    monkeypatch.setattr(linking, "tasks_folder", lambda: odd)
    [stub] = link()
    assert yaml.safe_load(stub.read_text()) == {"include": str(odd / "overton" / "overton_a.yaml")}
    assert targets() == {stub: odd / "overton" / "overton_a.yaml"}


def test_stubs_of_another_installation_are_replaced_and_removed(tasks):
    folder = tasks / "overton"
    folder.mkdir()
    replaced, removed = folder / "overton_diversity.yaml", folder / "overton_of_old.yaml"
    for path in (replaced, removed):
        path.write_text(f"{MARKER}\ninclude: /gone/{path.name}\n")
    link()
    assert sorted(contents(folder)) == NAMES
    assert "/gone/" not in replaced.read_text()


# --------------------------------------------------------------- tasks in folders of their own


def test_a_task_in_a_folder_of_its_own_is_linked_and_unlinked(tasks, nested):
    (nested.parent / "overton_newer.yaml").touch()
    older = tasks / "overton" / "older"
    link()
    # What an earlier version linked goes with its folder; what is in no stub's folder stays.
    older.mkdir()
    (older / "overton_older.yaml").write_text(f"{MARKER}\ninclude: /gone/overton_older.yaml\n")
    stub = tasks / "overton" / "new" / "overton_new.yaml"
    assert stub in link()
    assert stub.read_text() == f'{MARKER}\ninclude: "{nested}"\n'
    assert sorted(contents(stub.parent)) == ["overton_new.yaml", "overton_newer.yaml"]
    assert not older.exists()
    assert len(unlink()) == len(NAMES) + 2
    assert list(tasks.iterdir()) == []


def test_a_file_of_another_origin_is_in_the_way_in_such_a_folder_too(tasks, nested):
    foreign = tasks / "overton" / "new" / "overton_new.yaml"
    foreign.parent.mkdir(parents=True)
    foreign.touch()
    with pytest.raises(LinkError, match=f"expected no file of another origin at {foreign}"):
        link()
    foreign.rename(foreign.with_name("mine.yaml"))
    link()
    unlink()
    assert sorted(contents(foreign.parent)) == ["mine.yaml"]


def test_the_harness_and_our_commands_find_such_a_task(tasks, nested, monkeypatch, capsys):
    link()
    # The real harness again: only its stand-in was linked.
    monkeypatch.delitem(sys.modules, "lm_eval", raising=False)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tasks.parents[1])])
    from lm_eval.tasks import TaskManager

    for included in (tasks, tasks_folder()):
        manager = TaskManager(include_path=str(included), include_defaults=False)
        assert manager.all_subtasks == task_names()
        [task] = manager.load(["overton_new"])["tasks"].values()
        assert task.config.task == "overton_new"
    assert "overton_new" in task_names()
    assert main(["check", "--tasks", "overton_new"]) == 0
    assert capsys.readouterr().out.startswith("ok overton_new@1|")


# ----------------------------------------------------------------------------------- unlinking


def test_unlink_removes_the_stubs_and_their_folder(tasks):
    stubs = link()
    assert unlink() == stubs
    assert list(tasks.iterdir()) == []
    assert unlink() == linked() == []


def test_unlink_leaves_what_others_wrote(tasks):
    (tasks / "other").mkdir()
    link()
    foreign = {"mine.yaml": "task: mine\n", "README.md": f"{MARKER}\n"}
    for name, text in foreign.items():
        (tasks / "overton" / name).write_text(text)
    assert len(unlink()) == len(NAMES)
    assert contents(tasks / "overton") == dict(sorted(foreign.items()))
    assert sorted(path.name for path in tasks.iterdir()) == ["other", "overton"]


def test_unlink_removes_stubs_that_another_version_wrote(tasks):
    link()
    old = tasks / "overton" / "overton_of_old.yaml"
    old.write_text(f"{MARKER}\ninclude: /gone/overton_of_old.yaml\n")
    assert old in unlink()
    assert list(tasks.iterdir()) == []


# ----------------------------------------------------------------------- several processes, kills


def again(act, n):
    for _ in range(n):
        act()


def test_link_beside_unlink_is_all_or_nothing(tasks):
    # A fork has this process's stand-in for the harness.
    context = multiprocessing.get_context("fork")
    acts = (link, unlink, link, unlink)
    processes = [context.Process(target=again, args=(act, 15)) for act in acts]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        with alone(tasks):
            found = [str(path.relative_to(tasks / "overton")) for path in linked()]
        assert found in ([], NAMES)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    unlink()
    assert list(tasks.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tasks):
    for act in (link, unlink):
        link()
        left = tasks / "overton" / ".overton_diversity.yaml.4711"
        left.write_text(MARKER[:5])
        act()
        assert not left.exists()
    assert list(tasks.iterdir()) == []


# -------------------------------------------------------------------------------------- errors


def test_a_file_of_another_origin_is_never_replaced(tasks):
    foreign = tasks / "overton" / "overton_diversity.yaml"
    foreign.parent.mkdir()
    foreign.write_text("task: overton_diversity\n")
    with pytest.raises(LinkError) as caught:
        link()
    assert str(caught.value) == (
        f"expected no file of another origin at {foreign}, got one; remove it, or use "
        f"`--include_path {tasks_folder()}` instead of linking"
    )
    assert foreign.read_text() == "task: overton_diversity\n"


def test_a_file_of_another_origin_need_not_be_utf_8(tasks):
    foreign = tasks / "overton" / "mine.yaml"
    foreign.parent.mkdir()
    foreign.write_bytes("task: café".encode("latin-1"))
    assert len(link()) == len(unlink()) == len(NAMES)
    assert foreign.exists()


def cannot_write(tasks: Path) -> str:
    return (
        f"expected to write to {tasks / 'overton'}, got {{}}; run `lm_eval` with "
        f"`--include_path {tasks_folder()}` instead"
    )


def test_a_harness_that_cannot_be_written_to_names_the_option_to_use(tasks, monkeypatch):
    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    # A mode would not keep out a test that runs as root.
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LinkError) as caught:
        link()
    assert str(caught.value) == cannot_write(tasks).format("Permission denied")


def test_a_file_in_the_place_of_the_folder_is_such_an_error(tasks):
    (tasks / "overton").touch()
    with pytest.raises(LinkError) as caught:
        link()
    assert str(caught.value) == cannot_write(tasks).format("File exists")
    assert unlink() == []


def test_stubs_that_cannot_be_removed_are_named(tasks, monkeypatch):
    stubs = link()

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(LinkError, match=r"^expected to remove the stubs in .*, got Permission"):
            unlink()
    assert linked() == stubs


def test_a_folder_that_hides_the_harness_is_named(only_path):
    stray = only_path / "lm_eval" / "tasks"
    stray.mkdir(parents=True)
    with pytest.raises(LinkError) as caught:
        harness_folder()
    assert str(caught.value) == (
        "expected the lm_eval package, got a folder without __init__.py that hides it "
        f"({stray.parent}); remove that folder"
    )


@pytest.mark.usefixtures("only_path")
def test_without_the_harness_there_is_nothing_to_link_to():
    with pytest.raises(LinkError, match=r"^expected lm_eval to be installed, got none; run `pip "):
        link()


# ----------------------------------------------------------------------------------- the command


def test_the_command_links_into_an_editable_harness(tmp_path):
    # A path-style editable install is no more than a folder on the module search path.
    tasks = lm_eval_in(tmp_path)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    names = ", ".join(sorted(Path(name).stem for name in NAMES))
    for command, said, left in [
        ("link", f"linked {names} into {tasks / 'overton'}", NAMES),
        ("link", f"linked {names} into {tasks / 'overton'}", NAMES),
        ("unlink", f"removed {len(NAMES)} stubs", []),
        ("unlink", "nothing was linked", []),
    ]:
        done = overton(command, env={"PYTHONPATH": path})
        assert (done.returncode, done.stdout.strip()) == (0, said), done.stderr
        found = tasks.rglob("*.yaml")
        assert sorted(str(p.relative_to(tasks / "overton")) for p in found) == left


def test_the_command_reports_a_foreign_file_in_one_line(tmp_path):
    foreign = lm_eval_in(tmp_path) / "overton" / "overton.yaml"
    foreign.parent.mkdir()
    foreign.write_text("group: overton\n")
    done = overton("link", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("error: expected no file of another origin")
    assert f"`--include_path {tasks_folder()}`" in line
