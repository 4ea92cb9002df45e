import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.languages import UNDETERMINED, detect, known_languages, language_of
from tests.conftest import PAPER
from tests.text.parallel_texts import LANGUAGES, OTHERS, all_answers

COVERAGE = PAPER.parent / "coverage" / "real_answers.jsonl"
PAPER_FILES = sorted(PAPER.glob("*/*outputs*/**/*.jsonl"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_prose_is_told(language):
    assert detect(all_answers(language)) == {language: 1.0}
    told = [language_of(text) for text in all_answers(language)]
    assert {*told} <= {language, None}
    assert told.count(None) <= 3


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["42", "7"],
        ["😀", "👍"],
        ["Yes.", "No.", "Yes!"],
        ["ant", "ant bee", "bee"],
        ["Zürich", "Malmö", "Kraków", "Rome"],
        ["café crème", "café crème"],
        [
            "def f(x):\n    return x ** 2\n\nprint(f(3))",
            "for (int i = 0; i < n; i++) { s += a[i]; }",
        ],
        ["<b>\n<i>blue</i>\n</b>", "https://example.org/dog-food/raw/?a=1&b=2"],
        ["Rome, Paris, Berlin, Madrid, Wien", "Paris, La Rochelle, Los Angeles, Den Haag"],
    ],
)
def test_english_has_the_benefit_of_the_doubt(texts):
    assert detect(texts) == {"en": 1.0}


def test_the_prompts_decide_where_the_answers_show_no_language():
    answers = ["Zürich", "Malmö", "Kraków", "Łódź", "Göteborg", "Düsseldorf"]
    assert detect(answers) == {UNDETERMINED: 1.0}
    assert detect(answers, ["Name a city in Europe that you have been to."]) == {"en": 1.0}


def test_a_script_of_unknown_language_is_not_english():
    assert detect(["بىر ئىككى ئۈچ"]) == {UNDETERMINED: 1.0}


def test_kana_make_japanese_and_a_borrowed_one_does_not():
    assert language_of("私はりんごが好きです") == "ja"
    assert language_of("这是一家很有名的优の良品商店，大家都喜欢") == "zh"
    assert language_of("我用Python和TensorFlow写代码") == "zh"


def test_shares_name_each_language_the_most_frequent_first():
    german, chinese = all_answers("de"), all_answers("zh")
    shares = detect(german + chinese[:5])
    assert list(shares.items()) == [("de", 0.75), ("zh", 0.25)]


def test_what_all_processes_have_decides():
    english, chinese = all_answers("en"), all_answers("zh")

    def together(value):
        counts, number = value
        assert (dict(counts), number) == ({"en": 15}, 15)
        return [value, (type(counts)({"zh": 15}), 15)] if first else [value, value]

    first = True
    # The second look at the texts is for relatives of the most frequent language.
    assert detect(english, together=together) == {"en": 0.5, "zh": 0.5}
    assert chinese


@pytest.mark.paper_data
@pytest.mark.skipif(not PAPER_FILES, reason="no released outputs")
@pytest.mark.parametrize("path", PAPER_FILES, ids=lambda path: "-".join(path.parts[-3:]))
def test_the_papers_outputs_are_english(path):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [text for row in rows for text in row.get("responses") or [] if isinstance(text, str)]
    assert detect(texts[:500]) == {"en": 1.0}


@pytest.mark.paper_data
@pytest.mark.skipif(not COVERAGE.is_file(), reason="no real answers")
def test_the_real_answers_are_english():
    rows = [json.loads(line) for line in COVERAGE.read_text(encoding="utf-8").splitlines()]
    assert detect([row["response"] for row in rows]) == {"en": 1.0}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_shares_of_any_texts_add_up(texts):
    shares = detect(texts)
    assert sum(shares.values()) == pytest.approx(1)
    assert {*shares} <= {*known_languages(), UNDETERMINED}
    assert OTHERS
