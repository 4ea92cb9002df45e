"""The help of every command: its defaults, its example, and how little it takes."""

import argparse
import re
import shlex
import subprocess
import sys

import pytest

from lm_eval_overton.cli import _parser
from lm_eval_overton.stats import SEED

# What takes long to import; `dataclasses` and `yaml` take less, and help needs none of them.
HEAVY = {"lm_eval", "torch", "numpy", "scipy", "nltk", "transformers", "dataclasses", "yaml"}


def commands():
    """The parser of each command by its name."""
    [sub] = [a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return sub.choices


COMMANDS = commands()


def told(parser, action):
    """What help says of an option, in one line."""
    formatter = parser._get_formatter()
    formatter.add_argument(action)
    return " ".join(formatter.format_help().split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained_and_every_option_has_its_default(name):
    for action in COMMANDS[name]._actions:
        assert action.help, action.dest
        line = told(COMMANDS[name], action)
        if action.option_strings and not isinstance(action, argparse._HelpAction):
            assert re.search(r"default: \S|\(required\)$", line), line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_it_takes(name):
    [head, *example] = COMMANDS[name].epilog.split("\n")
    assert head == "example:"
    words = shlex.split(" ".join(example))
    if words[0] == "overton":
        args = _parser().parse_args(words[1:])
        assert args.run is COMMANDS[name].get_default("run")
    else:
        # One command is of use within another one alone.
        assert f"overton {name}" in example[0]


def test_the_help_of_an_option_is_true():
    compare = COMMANDS["compare"].format_help()
    assert f"(default: {SEED})" in compare
    assert "(default: rows)" in compare
    assert "(default: overton_diversity)" in COMMANDS["score"].format_help()
    assert "(default: 1)" in COMMANDS["calibrate"].format_help()


def test_help_imports_nothing_that_takes_long():
    code = (
        "import sys\n"
        "from lm_eval_overton.cli import _parser\n"
        "[sub] = [a for a in _parser()._actions if a.choices and not a.option_strings]\n"
        "for parser in sub.choices.values(): parser.format_help()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
