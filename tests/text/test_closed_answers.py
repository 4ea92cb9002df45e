"""Which of a closed set of answers odd replies give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.closed_answers import ClosedAnswers, answer_words

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
SETS = {
    "day": [[day, day[:3]] for day in WEEKDAYS],
    "number": [[str(i), word] for i, word in enumerate(NUMBERS, start=1)],
    "letter": [[letter] for letter in "ABCDEFGHI"],
    "month": [["April"], ["May"], ["June"]],
    "die": [[str(i), sign] for i, sign in enumerate("⚀⚁⚂⚃⚄⚅", start=1)],
    "suit": [["Spades", "♠"], ["Hearts", "♥"]],
    "note": [["C"], ["C sharp", "C#", "C♯"], ["A"], ["A flat", "Ab", "A♭"]],
    "country": [
        ["Guinea"],
        ["Guinea-Bissau"],
        ["Equatorial Guinea"],
        ["Niger"],
        ["Nigeria"],
        ["The Netherlands", "Holland"],
        ["Côte d'Ivoire", "Ivory Coast"],
        ["United States", "USA", "US"],
        ["Republic of the Congo"],
        ["Democratic Republic of the Congo", "DR Congo"],
        ["São Tomé and Príncipe"],
    ],
    "place": [["New York"], ["York"], ["Hawaii"]],
    "tag": [["星期一"], ["星期"], ["понедельник"], ["सोमवार"], ["الاثنين"]],
}

# What a reply to a question of a set gives: the name of an answer, or None.
REPLIES = [
    # Markup, punctuation, case and whatever else stands around a name.
    ("day", "Monday", "Monday"),
    ("day", "**Monday**.", "Monday"),
    ("day", "  monday  ", "Monday"),
    ("day", "MONDAY!!!", "Monday"),
    ("day", "_Monday_", "Monday"),
    ("day", "`Monday`", "Monday"),
    ("day", "# Monday", "Monday"),
    ("day", "- Monday", "Monday"),
    ("day", "1. Monday", "Monday"),
    ("day", "> “Monday”", "Monday"),
    ("day", '{"day": "Monday"}', "Monday"),
    ("day", "<b>Monday</b>", "Monday"),
    ("day", "\\text{Monday}", "Monday"),
    ("day", "Mon\u200bday", "Monday"),
    ("day", "Ｍｏｎｄａｙ", "Monday"),
    ("day", "Mon.", "Monday"),
    ("day", "🎲 Monday 🎉", "Monday"),
    ("day", "```\nMonday\n```", "Monday"),
    ("day", "```text\nMonday\n```", "Monday"),
    ("day", "---\n\nMonday", "Monday"),
    ("day", "🎲\nMonday", "Monday"),
    ("day", "\n\n\t\r\nMonday\nTuesday", "Monday"),
    # Sentences.
    ("day", "I'd pick Tuesday!", "Tuesday"),
    ("day", "Why not Tuesday?", "Tuesday"),
    ("day", "Tuesday, because Tuesday is calm.", "Tuesday"),
    ("day", "Tuesday's my choice", "Tuesday"),
    ("day", "Tuesday (Tue)", "Tuesday"),
    # Several, none, or one that is not given.
    ("day", "Not Monday, Tuesday", None),
    ("day", "Not Monday", None),
    ("day", "anything but Monday", None),
    ("day", "Any day other than the Monday", None),
    ("day", "Monday or Tuesday", None),
    ("day", "Monday/Tuesday", None),
    ("day", "Mondays", None),
    ("day", "Moonday", None),
    ("day", "", None),
    ("day", " \n ", None),
    ("day", "...", None),
    ("day", "```\n```", None),
    ("day", "As an AI, I cannot choose at random.", None),
    ("day", "I'm sorry, but I can't help with that.", None),
    ("day", "Let me think about the days of the week.\nMonday", None),
    ("day", "Sure! Here is a random day:\n\n**Monday**", None),
    # Numbers.
    ("number", "7", "7"),
    ("number", "seven", "7"),
    ("number", "My answer: 7", "7"),
    ("number", "7.", "7"),
    ("number", "07", "7"),
    ("number", "７", "7"),
    ("number", "٧", "7"),
    ("number", "⑦", "7"),
    ("number", "7️⃣", "7"),
    ("number", "$\\boxed{7}$", "7"),
    ("number", "(7)", "7"),
    ("number", "Seven (7)", "7"),
    ("number", "7です", "7"),
    ("number", "10", "10"),
    ("number", "One random number is 7", "7"),
    ("number", "I pick this one: 7", "7"),
    ("number", "My answer is one", "1"),
    ("number", "One, I think", "1"),
    ("number", "seven or one", None),
    ("number", "7.5", None),
    ("number", "-7", None),
    ("number", "**-7**", None),
    ("number", "−7", None),
    ("number", "77", None),
    ("number", "7/10", None),
    ("number", "1, 2, 3", None),
    ("number", "7th", None),
    ("number", "7²", None),
    ("number", "½", None),
    ("number", "1,000", None),
    ("number", "twenty-seven", None),
    ("number", "2-7", None),
    ("day", "Monday - a calm day", "Monday"),
    ("day", "non-Monday", None),
    # Letters and words that are mostly something else.
    ("letter", "e", "E"),
    ("letter", "A", "A"),
    ("letter", "I'd pick E", "E"),
    ("letter", "I choose A.", "A"),
    ("letter", "a vowel: E", "E"),
    ("letter", "The letter A is my pick", "A"),
    ("letter", "The answer is I", "I"),
    ("letter", "i.e. E", "E"),
    ("letter", "I am not sure", None),
    ("letter", "A or B", None),
    ("letter", "A, B", None),
    ("letter", "I and E", None),
    ("month", "May", "May"),
    ("month", "may", "May"),
    ("month", "I may pick June", "June"),
    ("month", "My pick is May, of course", "May"),
    ("month", "May or June", None),
    # Signs.
    ("die", "⚄", "5"),
    ("die", "You rolled a ⚄ (5)", "5"),
    ("die", "⚄ ⚅", None),
    ("suit", "♥️", "Hearts"),
    ("suit", "♠♥", None),
    ("note", "C#", "C sharp"),
    ("note", "C♯", "C sharp"),
    ("note", "C sharp", "C sharp"),
    ("note", "the note is A flat", "A flat"),
    ("note", "A♭", "A flat"),
    ("note", "a", "A"),
    ("note", "C", "C"),
    # Names within names, articles, accents, abbreviations.
    ("country", "Guinea", "Guinea"),
    ("country", "Guinea-Bissau", "Guinea-Bissau"),
    ("country", "guinea bissau", "Guinea-Bissau"),
    ("country", "It is Equatorial Guinea.", "Equatorial Guinea"),
    ("country", "Guinea and Guinea-Bissau", None),
    ("country", "Niger", "Niger"),
    ("country", "Nigeria", "Nigeria"),
    ("country", "Netherlands", "The Netherlands"),
    ("country", "the netherlands", "The Netherlands"),
    ("country", "Cote d’Ivoire", "Côte d'Ivoire"),
    ("country", "Sao Tome and Principe", "São Tomé and Príncipe"),
    ("country", "Sa\u0303o Tome\u0301 and Pri\u0301ncipe", "São Tomé and Príncipe"),
    ("country", "U.S.", "United States"),
    ("country", "The U.S.A.!", "United States"),
    ("country", "Let us pick Niger", "Niger"),
    ("country", "Democratic Republic of the Congo", "Democratic Republic of the Congo"),
    ("country", "Republic of the Congo", "Republic of the Congo"),
    ("country", "Congo", None),
    ("place", "New York", "New York"),
    ("place", "York, not far from here", "York"),
    ("place", "Hawaiʻi", "Hawaii"),
    # Other scripts.
    ("tag", "我选星期一。", "星期一"),
    ("tag", "星期", "星期"),
    ("tag", "Понедельник!", "понедельник"),
    ("tag", "सोमवार।", "सोमवार"),
    ("tag", "الاثنين.", "الاثنين"),
]


@pytest.mark.parametrize(("name", "reply", "expected"), REPLIES)
def test_odd_replies(name, reply, expected):
    answers = SETS[name]
    found = ClosedAnswers(answers).find(reply)
    assert (None if found is None else answers[found][0]) == expected


@given(st.text(), st.sampled_from(list(SETS)))
def test_whatever_is_replied_is_one_of_the_answers_or_none(reply, name):
    found = ClosedAnswers(SETS[name]).find(reply)
    assert found is None or found in range(len(SETS[name]))


@given(st.lists(st.sampled_from(WEEKDAYS), max_size=4))
def test_a_line_that_names_days_gives_the_one_that_it_names(days):
    found = ClosedAnswers(SETS["day"]).find("I thought of " + ", then ".join(days))
    assert found == (WEEKDAYS.index(days[0]) if len(set(days)) == 1 else None)


@given(st.text())
def test_words_are_the_same_in_capitals_of_ascii_and_with_white_space_around(text):
    assert answer_words(f" {text}\t") == answer_words(text)


def test_an_article_is_no_part_of_a_name_unless_nothing_else_is():
    assert answer_words("The Netherlands") == answer_words("netherlands")
    assert answer_words("an apple") == ("apple",)
    assert answer_words("The") == ("the",)
    assert answer_words("A flat") == ("a", "flat")
    assert answer_words("…") == ()
