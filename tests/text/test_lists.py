import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.text.lists import is_list

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab .-*•1’)(#`\r\n>"))
words = st.text(st.sampled_from("aéбक가吃 "), min_size=1).filter(str.strip)

MARKERS = [
    "- ", "* ", "+ ", "• ", "•", "– ", "— ", "· ", "◦ ", "▪ ", "‣ ", "・", "● ", "- [ ] ", "* [x] ",
    "☐ ", "> - ", "<li>", "    - ", "\t* ",
    "1. ", "1) ", "(1) ", "**1.** ", "**1. ", "__2.__ ", "1\\. ", "10) ", "1.2. ", "1)", "7、",
    "１．", "（1）", "１）", "١. ", "۲. ", "१. ", "๑. ", "一、", "（二）", "十一、", "第一，",
    "第二步：", "①", "⑴ ", "❸ ", "1️⃣ ",
]  # fmt: skip


@pytest.mark.parametrize("marker", MARKERS)
# Of each marker; all of them together see a thousand texts.
@settings(max_examples=25)
@given(st.lists(words, min_size=2, max_size=4))
def test_a_marker_before_each_of_two_lines_makes_a_list(marker, lines):
    assert is_list("\n".join(marker + line.strip() for line in lines))


@pytest.mark.parametrize(
    "text",
    [
        "1. a\n2. b",
        "- a\r\n- b",
        "So:\n * a\n\n * b",
        "• a\ntext\n- b",
        "100. a\n\t101. b",
        "1.吃\n2.睡",
        "1.Eat\n2.Sleep",
        # Letters and Roman numerals in order, of any case and alphabet.
        "a. eat\nb. sleep",
        "a) eat\nb) sleep",
        "(A) eat\n(B) sleep",
        "i. eat\nii. sleep",
        "III) eat\nIV) sleep",
        "**a.** eat\n**b.** sleep",
        "а) есть\nб) спать",
        "가. 먹기\n나. 자기",
        "أ) أكل\nب) نوم",
        # Numbers in order with a weaker sign, or behind a word.
        "1- eat\n2- sleep",
        "۱ - خوردن\n۲ - خوابیدن",
        "1: eat\nwell.\n2: sleep",
        "Step 1: eat\n\nStep 2: sleep",
        "**Tag 9:** essen\n**Tag 10:** schlafen",
        "その1：寝る\nその2：歩く",
        "→ eat\n→ sleep",
        "\\item eat\n\\item sleep",
        # Headings of one level, and bold words that name what follows.
        "### 1. Eat\nWell.\n### 2. Sleep\nLong.",
        "# Plan\n## Eat\nWell.\n## Sleep\nLong.",
        "**Eat:** well.\n\n**Sleep:** long.",
        "**Eat**: well.\n**Sleep** – long.",
    ],
)
def test_two_items_make_a_list(text):
    assert is_list(text)
    assert is_list(text + " \n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. a",
        "a 1. b\nc 2. d",
        "-a\n-b",
        "**a**\n**b**",
        "*a* is one\n*b* is two",
        "1.5 litres\n2.5 litres",
        "1,5 Liter\n2,5 Liter",
        "1.a\n2.b",
        "1999. a\n2000. b",
        "2020. That was it.\n2021. That too.",
        "10:30 a\n11:30 b",
        "At 10:30 a\nAt 11:30 b",
        "10 - 15 minutes\n20 - 30 minutes",
        "Isaiah 3: a\nJob 4: b",
        "1 a\n2 b",
        "1/2: a\n2/3: b",
        "10.30 Uhr a\n11.30 Uhr b",
        "* * *\n* * *",
        "---\n---",
        "- - -\n***",
        "–\n–",
        "+1\n+1",
        # Initials, and a single letter.
        "A. Smith came.\nJ. Jones left.",
        "a. eat\nThen sleep.",
        "I. went\nYou. stayed",
        # A title with one section; comments in code; hash tags.
        "# Eat\n## Well",
        "```python\n# one\nx = 1\n# two\n```",
        "#eat\n#sleep",
        # A table.
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "一 二\n三 四",
        "第一 天\n第二 天",
    ],
)
def test_what_only_looks_like_a_list_is_none(text):
    assert not is_list(text)


@given(texts)
def test_spaces_behind_lines_and_the_form_of_accents_change_nothing(text):
    found = is_list(text)
    assert is_list("\n".join(f"{line} \t" for line in text.splitlines())) == found
    assert is_list(unicodedata.normalize("NFD", text)) == is_list(
        unicodedata.normalize("NFC", text)
    )


@given(texts, texts)
def test_more_lines_leave_a_list_a_list(text, more):
    if is_list(text) and "`" not in more and "~" not in more:
        assert is_list(f"{text}\n{more}")


@pytest.mark.parametrize("piece", ["- ", "1.", "**a", "a. ", "(", "> ", "# ", "-\n", "1.2", " "])
def test_a_long_text_is_read_in_linear_time(piece):
    start = time.process_time()
    is_list(piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 1
