"""Which languages texts are in: by script, and within a script by the share of stop words.

English has the benefit of the doubt: what shows no language counts as the language of the other
texts, and as English where none shows one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from lm_eval_overton.text.scripts import script_of, unspaced_runs
from lm_eval_overton.text.stop_words import listed_languages, stop_words_to_tell_by

__all__ = ["UNDETERMINED", "alone", "detect", "known_languages", "language_of"]

# Gives each of several processes what all of them have.
Together = Callable[[Any], list[Any]]

# BCP 47's word for a language that cannot be told.
UNDETERMINED = "und"

# Scripts that one language has to itself, or so nearly that it stands for all of them.
_OWN = {
    "HANGUL": "ko",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "TIBETAN": "bo",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "GREEK": "el",
    "HEBREW": "he",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "ETHIOPIC": "am",
}
# Scripts of many languages: those of them that stop words are known of.
_SHARED = {
    "CYRILLIC": ("bg", "ru", "uk"),
    "ARABIC": ("ar", "fa", "ur"),
    "DEVANAGARI": ("hi", "mr"),
}
# How the names of characters begin that Japanese has and Chinese has not, and that both have.
_KANAS = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_CHINESE_OR_JAPANESE = frozenset({"CJK", "IDEOGRAPHIC", *_KANAS})

# The beginning of a text shows its language.
_LOOKED_AT = 2000
# A character of a script without spaces is about half a word.
_WORDS_PER_CHARACTER = 0.5
# How much kana Japanese has at least among its characters; Chinese borrows single ones.
_KANA = 0.1
# A word counts as one over the number of languages that have it as a stop word. Prose has .2 and
# more by this measure in its own language, .05 and less in others; lists, code and noise .1 at
# most in any. So many different ones are needed, since one may be a word of another language. Where
# few languages share a script, less is enough.
_LEAST_SHARE = 0.1
_LEAST_HITS = 3
_LEAST_SHARE_OF_FEW = 0.03
_FEW = 3
# How many times the score of the run's language another one must have to be told from it:
# relatives share many stop words.
_CLEARLY = 2
# In so many of the texts at least the language must show, or all are looked at as one: so much of
# the beginning of each.
_SHOWN = 0.1
_EACH = 100
# Texts that show no language are not in English if there are so many words, and more than so many
# of them are not ASCII.
_LEAST_WORDS = 5
_FOREIGN = 0.1


@lru_cache(maxsize=1)
def _latin() -> tuple[str, ...]:
    elsewhere = {
        *_OWN.values(),
        "zh",
        "ja",
        "ku",
        *(c for codes in _SHARED.values() for c in codes),
    }
    return tuple(sorted(listed_languages() - elsewhere))


def known_languages() -> list[str]:
    """Return the codes of the languages that can be told or named, in alphabetical order."""
    return sorted({*listed_languages(), *_OWN.values()})


@lru_cache(maxsize=8)
def _stop_words_of(languages: tuple[str, ...]) -> dict[str, list[str]]:
    """Return by stop word the languages that have it."""
    found = defaultdict(list)
    for code in languages:
        for word in stop_words_to_tell_by(code):
            found[word].append(code)
    return dict(found)


def language_of(text: str, run: str | None = None) -> str | None:
    """Return the language that a text shows.

    Args:
        text: Any text; its beginning is looked at.
        run: The language of the texts around it, which it is in unless it clearly is in another.

    Returns:
        A code of ISO 639-1, None for a text that shows none.
    """
    runs = list(unspaced_runs(text[:_LOOKED_AT]))
    script = _main_script(runs)
    if script in _OWN:
        return _OWN[script]
    if script in _CHINESE_OR_JAPANESE:
        return _chinese_or_japanese(runs)
    languages = _SHARED.get(script) or (_latin() if script == "LATIN" else ())
    words = [word.lower() for word, unspaced in runs if not unspaced]
    return _by_stop_words(words, languages, run)


def _main_script(runs: Iterable[tuple[str, bool]]) -> str:
    """Return the script that most words are in; nothing for a text without a letter."""
    found: dict[str, float] = defaultdict(float)
    for letters, unspaced in runs:
        script = script_of(letters[0])
        # Of the three scripts of Japanese no one need be ahead.
        script = "CJK" if script in _CHINESE_OR_JAPANESE else script
        found[script] += len(letters) * _WORDS_PER_CHARACTER if unspaced else 1
    return max(sorted(found), key=found.__getitem__, default="")


def _chinese_or_japanese(runs: Iterable[tuple[str, bool]]) -> str:
    scripts = Counter(script_of(char) for letters, unspaced in runs if unspaced for char in letters)
    kana = sum(n for script, n in scripts.items() if script in _KANAS)
    return "ja" if kana >= _KANA * scripts.total() else "zh"


def _by_stop_words(words: Sequence[str], languages: tuple[str, ...], run: str | None) -> str | None:
    few = len(languages) <= _FEW
    scores: dict[str, float] = defaultdict(float)
    hits: Counter[str] = Counter()
    known = _stop_words_of(languages)
    for word, n in Counter(words).items():
        own = known.get(word, ())
        for code in own:
            scores[code] += n / len(own) / len(words)
            hits[code] += 1
    told = [code for code in sorted(scores) if few or hits[code] >= _LEAST_HITS]
    best = max(told, key=scores.__getitem__, default=None)
    if best is None or scores[best] < (_LEAST_SHARE_OF_FEW if few else _LEAST_SHARE):
        return None
    around = run if run in scores else "en"
    return best if scores[best] > _CLEARLY * scores.get(around, 0) else around


def alone(value: Any) -> list[Any]:
    """Return what all processes have where there is one."""
    return [value]


def detect(
    texts: Sequence[str], asked: Sequence[str] = (), together: Together = alone
) -> dict[str, float]:
    """Return the languages of the texts of a run.

    Args:
        texts: What the metrics see, as much of it as this process has.
        asked: The prompts, which decide where the texts show no language.
        together: Returns what all processes have in place of what this one has.

    Returns:
        The share of the texts that are in each language, of those that show one; the most frequent
        first. `und` stands for texts that are in none that is known.
    """
    written = [text for text in texts if text]
    found, number = _counted(written, None, together)
    if sum(found.values()) < max(1, _SHOWN * number):
        pooled = [part for own in together(_beginnings(written)) for part in own]
        found = Counter({_of_all(pooled, asked): 1})
    elif len(found) > 1:
        [(run, _), *_] = _by_number(found)
        found, _ = _counted(written, run, together)
    total = sum(found.values())
    return {code: n / total for code, n in _by_number(found)}


def _counted(texts: Sequence[str], run: str | None, together: Together) -> tuple[Counter[str], int]:
    """Return the number of texts that show each language, and that of all texts."""
    own = Counter(code for text in texts if (code := language_of(text, run)))
    parts = together((own, len(texts)))
    return sum((part for part, _ in parts), Counter()), sum(number for _, number in parts)


def _by_number(found: Counter[str]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _beginnings(texts: Sequence[str]) -> list[str]:
    """Return as much of the texts as is looked at where they are looked at as one."""
    return [text[:_EACH] for text in texts[: _LOOKED_AT // _EACH]]


def _of_all(texts: Sequence[str], asked: Sequence[str]) -> str:
    """Return the language of texts that show none one by one."""
    for parts in (texts, asked, [*texts, *asked]):
        if code := language_of(" ".join(parts)):
            return code
    words = [word for text in texts for word, _ in unspaced_runs(text)]
    foreign = sum(not word.isascii() for word in words)
    is_latin = not words or script_of(words[0][0]) == "LATIN"
    in_doubt = foreign <= _FOREIGN * len(words) or len(words) < _LEAST_WORDS
    return "en" if is_latin and in_doubt else UNDETERMINED
