"""What the READMEs say can be followed: their links, and every command that they name."""

import argparse
import json
import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from lm_eval._cli.harness import HarnessCLI

from lm_eval_overton.cli import _parser
from lm_eval_overton.harness.replay import task_names
from lm_eval_overton.settings.task import refuse_unknown
from tests.conftest import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("lm_eval_overton", "tasks", "tests", ".github")
    for path in (ROOT / folder).rglob("*.md")
)
PAGES = ["README.md", *PAGES]
# Blocks of commands that a test runs, and why others are not run.
MARKS = ("test command", "comparison script", "run after the comparison script", "not run: ")
# A name in capitals stands for what the reader has; dots for what the text around them says.
PLACEHOLDER = re.compile(r"\.\.\.|\b[A-Z]{4,}\b|[$]")

SPOKEN_OF = re.compile(r"are required|expected one argument|invalid choice: '[A-Z]+'")


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(text):
    titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page):
    """The commands of a page, those of blocks and those within lines."""
    text = text_of(page)
    found = []
    for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
        for line in re.split(r"\n|&&|;", block):
            found += [line.strip()]
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found += [own.replace("\n", " ") for own in re.findall(r"`([^`]+)`", outside)]
    words = [re.sub(r"^([A-Z_]+=\S+ )+", "", own) for own in found]
    starts = re.compile(r"(overton|lm_eval|lm_eval run) .*[- ]\S")
    return sorted({own for own in words if starts.match(own)})


ALL_COMMANDS = [(page, command) for page in PAGES for command in commands(page)]


def test_the_front_door_is_short():
    assert len(text_of("README.md").encode()) <= 12_000


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page)))
    for link in links:
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES)
def test_each_block_of_commands_is_run_or_says_why_not(page):
    lines = text_of(page).splitlines()
    for i, line in enumerate(lines):
        if line == "```bash":
            assert lines[i - 1].startswith(tuple(f"<!-- {mark}" for mark in MARKS)), line


@pytest.fixture(scope="module")
def parsers():
    with pytest.MonkeyPatch.context() as patch:
        # A parser that does not know a word ends the process: here that is an error as well.
        patch.setattr(argparse.ArgumentParser, "error", _refuse)
        yield {"overton": _parser(), "lm_eval": HarnessCLI()}


def _refuse(parser, message):
    raise ValueError(f"{parser.prog}: {message}")


@pytest.mark.parametrize(("page", "command"), ALL_COMMANDS)
def test_commands_are_ones_that_there_are(page, command, parsers):
    program, *words = shlex.split(command)
    shown = [word for word in words if word != "..."]
    if program == "lm_eval":
        shown = shown if shown[:1] == ["run"] else ["run", *shown]
        args = parsers["lm_eval"]._parser.parse_args(_without_variables(shown))
        _require_tasks(args.tasks)
        _require_settings(args.metadata)
        return
    try:
        args = parsers["overton"].parse_args(_without_variables(shown))
    except ValueError as error:
        # A command that is spoken of need not have all that it takes.
        if SPOKEN_OF.search(str(error)):
            return
        raise
    for name in ("task", "tasks"):
        _require_tasks(getattr(args, name, None))
    _require_settings(getattr(args, "metadata", None))


def _without_variables(words):
    # One in lower case stands for several words of options.
    return [word for word in words if not re.fullmatch(r"\$[a-z]+", word)]


def _require_tasks(given):
    names = given.split(",") if isinstance(given, str) else given or []
    for name in names:
        known = name == "overton" or any(fnmatchcase(task, name) for task in task_names())
        assert known or PLACEHOLDER.search(name), name


def _require_settings(given):
    if not given or (isinstance(given, str) and PLACEHOLDER.search(given)):
        return
    refuse_unknown(json.loads(given) if isinstance(given, str) else given, "overton")


def test_benchmarks_that_are_named_exist():
    for page in PAGES:
        for script in re.findall(r"python (tests/\S+\.py)", text_of(page)):
            assert (ROOT / script).is_file(), f"{page}: {script}"


def test_the_citation_can_be_read():
    cited = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version"} <= set(cited)
    [paper] = cited["references"]
    assert paper["url"].endswith("2406.17692")
    assert Path(ROOT / "LICENSE").is_file()
