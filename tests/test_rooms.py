"""The rooms of the package: imports go down, never in a circle, and few rooms know the harness."""

import ast
from pathlib import Path

import lm_eval_overton

PACKAGE = Path(lm_eval_overton.__file__).parent
NAME = PACKAGE.name

# From the top down; a room imports from itself and from rooms below it.
ROOMS = (
    "__main__",
    "cli",
    "__init__",
    "api",
    "replicate",
    "reporting",
    "harness",
    "comparison",
    "evaluate_metrics",
    "metrics",
    "matchers",
    "judge",
    "client",
    "runs",
    "settings",
    "data",
    "text",
    "stats",
    "errors",
    "version",
)
# Who may import the harness.
KNOW_THE_HARNESS = ("cli", "harness", "judge.client", "client")

# Modules and folders that have yet to move into their rooms.
LOOSE: dict[str, str] = {}
# Imports that do not go down yet, each (who, whom).
UPWARD: set[tuple[str, str]] = set()


def modules():
    """Return every module of the package by its name below the package, with its syntax tree."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def room_of(module):
    """Return the room of a module, and the folder within it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        moved = LOOSE.get(".".join(parts[:length]))
        if moved:
            return moved
    return ".".join(parts[:2]) if parts[:2] == ["judge", "client"] else parts[0]


def imported(tree):
    """Return what a module imports, in full; for `from a import b` a.b where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def own(name):
    """Return the module of ours that an imported name lies in; None for those of others."""
    if name.partition(".")[0] != NAME:
        return None
    parts = name.split(".")[1:]
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in MODULES:
            return ".".join(parts[:length])
    return "__init__"


ARROWS = {
    (module, target)
    for module, tree in MODULES.items()
    for target in map(own, imported(tree))
    if target not in (None, module)
}


def height(module):
    return ROOMS.index(room_of(module).partition(".")[0])


def test_every_module_is_in_a_room():
    assert {room_of(module).partition(".")[0] for module in MODULES} <= set(ROOMS)


def test_imports_go_down():
    upward = {(a, b) for a, b in ARROWS if height(a) > height(b)}
    assert upward == UPWARD


def circles():
    """Return the sets of modules that import each other, directly or through others."""
    reach = {module: {b for a, b in ARROWS if a == module} for module in MODULES}
    for middle in MODULES:
        for module in MODULES:
            if middle in reach[module]:
                reach[module] |= reach[middle]
    loops = {module for module in MODULES if module in reach[module]}
    return {frozenset(b for b in loops if b in reach[a] and a in reach[b]) for a in loops}


def test_no_modules_import_each_other_in_a_circle():
    assert not circles()


def test_only_few_rooms_know_the_harness():
    knowing = {
        module
        for module, tree in MODULES.items()
        if any(name.partition(".")[0] == "lm_eval" for name in imported(tree))
    }
    assert {room_of(module) for module in knowing} <= set(KNOW_THE_HARNESS)
