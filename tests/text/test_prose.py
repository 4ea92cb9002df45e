"""Which lines hold sentences: no headings, no rows of tables; what looks alike is kept."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.forms import LIST_MARKER
from lm_eval_overton.text.prose import prose_lines
from lm_eval_overton.text.words import Words

TOKENIZERS = (ENGLISH, Words(("en",)), Words(("de",)), Words(("th", "zh")))
SAID = "It saves lives."


def kept(*lines):
    return [line for line in prose_lines("\n".join(lines)) if line]


@pytest.mark.parametrize(
    "heading",
    [
        "# Benefits",
        "###### The benefits of it ######",
        "  ## Does it help?",
        "###",
        "> ## Benefits",
        "**Benefits**",
        "__Benefits__",
        "***Benefits and costs***",
        "**Benefits:**",
        "**Benefits**:",
        "**Does it help?**",
        "> **Benefits**",
        "1. **Benefits:**",
        "- **Benefits**:",
        "Benefits:",
        "Points in favour :",
        "- Cons:",
        "**優點：**",
        "優點：",
    ],
)
def test_headings_are_no_prose(heading):
    assert kept(heading, SAID) == kept("", SAID, "", heading) == [SAID]
    for tokenizer in TOKENIZERS:
        assert tokenizer.sentences(f"{heading}\n{SAID}") == [SAID]


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("## It helps.", "It helps."),
        ("## 1. It helps the poor! ##", "It helps the poor!"),
        ("**It helps.**", "It helps."),
        ('**"It helps!"**', '"It helps!"'),
        ("**這有幫助。**", "這有幫助。"),
        ("**No.**", "No."),
        ("It helps.\n---", "It helps."),
    ],
)
def test_a_heading_that_ends_as_a_sentence_is_one(heading, said):
    assert [line for line in kept(heading, "", SAID) if line != "---"] == [said, SAID]


@pytest.mark.parametrize(
    "line",
    [
        "#benefits of it",
        "#1 is that it helps",
        "It is in C# and in F#",
        "**It** helps **us**",
        "**Benefits:** it helps",
        "There are four benefits:",
        "*Benefits*",
        "**",
    ],
)
def test_what_is_no_heading_is_kept(line):
    assert kept(line, SAID) == [line, SAID]


@pytest.mark.parametrize("text", ["# Benefits", "**Costs**\n\n## Does it help", "| It | helps |"])
def test_where_nothing_else_is_said_headings_and_cells_are(text):
    assert kept(text) == [line for line in text.splitlines() if line]
    for tokenizer in TOKENIZERS:
        assert tokenizer.sentences(text) == [line for line in text.splitlines() if line]
        assert tokenizer.sentences("---\n\n") == []


def test_a_list_of_bold_items_is_kept():
    assert kept("1. **Apples**", "2. **Pears**", "- **Plums**") == [
        "**Apples**",
        "**Pears**",
        "**Plums**",
    ]


@pytest.mark.parametrize("underline", ["===", "---", "=", "  ------  "])
def test_an_underlined_line_is_a_heading(underline):
    assert kept("The benefits", underline, SAID) == [underline.strip(), SAID]
    assert ENGLISH.sentences(f"{SAID}\n\nThe benefits\n{underline}\n{SAID}") == [SAID, SAID]


@pytest.mark.parametrize(
    "lines",
    [
        # A rule below what was said.
        [SAID, "---"],
        ["It saves lives", "and it helps", "---"],
        ["- Apples", "---"],
        # A rule between paragraphs.
        ["Yes, it helps", "", "---", "", SAID],
    ],
)
def test_what_stands_above_a_rule_is_kept(lines):
    words = [LIST_MARKER.sub("", line) for line in lines if any(map(str.isalpha, line))]
    assert ENGLISH.sentences("\n".join(lines)) == words


@pytest.mark.parametrize(
    "table",
    [
        "  | For | Against |\n  | :-- | --: |",
        "For | Against\n---|---\nIt helps | It costs",
        "| For |\n|---|\n| It helps |",
        "| For | Against |\n|---|---|\n| It helps | It co",
        "> | For | Against |\n> |---|---|\n> | It helps | It costs |",
        "| It helps | It costs |",
    ],
)
def test_rows_of_tables_are_no_prose(table):
    assert [line for line in kept(SAID, "", table, "", SAID) if line != "> "] == [SAID, SAID]
    for tokenizer in TOKENIZERS:
        assert tokenizer.sentences(f"{SAID}\n\n{table}\n\n{SAID}") == [SAID, SAID]


def test_cells_that_end_as_a_sentence_are_sentences():
    table = "| For | Against |\n|---|---|\n| It helps. Much. | **Cost** |\n| Hope | It is dear! |"
    for tokenizer in TOKENIZERS:
        assert tokenizer.sentences(table) == ["It helps.", "Much.", "It is dear!"]


@pytest.mark.parametrize("line", ["P(A | B) is small.", "|x| is small.", "Use `a | b` here."])
def test_a_bar_alone_makes_no_table(line):
    assert kept(SAID, line, "", SAID) == [SAID, line, SAID]


def test_after_a_table_prose_goes_on():
    assert kept("For | Against", "--- | ---", "Good | Bad", SAID, "A | B") == [SAID, "A | B"]


def test_code_is_kept_whole():
    code = ["```python", "# Add them", "| a | b |", "total = a + b", "```"]
    assert kept(*code, "# Heading", SAID) == [*code, SAID]
    # Code within one line opens nothing.
    assert kept("```total```", "# Heading", SAID) == ["```total```", SAID]


@given(st.lists(st.text("abc .,!?-", max_size=12), max_size=5))
def test_where_there_is_neither_all_lines_are_kept(lines):
    text = "\n\n".join(line for line in lines if not line.strip().startswith("-"))
    assert prose_lines(text) == [LIST_MARKER.sub("", line).strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    "piece", ["# ", "> ", "| ", "|-", "**a", "a.a.", "e.g. ", "A. ", ".'", "\n-"]
)
def test_a_long_text_is_read_in_linear_time(piece):
    text = f"a | b\n{piece * (300_000 // len(piece))}"
    start = time.process_time()
    Words(("de", "en")).sentences(text)
    assert time.process_time() - start < 5
