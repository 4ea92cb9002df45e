"""Which side of a yes/no question an English answer takes, by its words: a proxy, no judge.

Eleven features that a reader can check by hand, and a multinomial logistic regression on them. They
see how an answer opens, turns and hedges, not what it argues: they stand in for the judged stances
where there is no judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.refusals import is_refusal
from lm_eval_overton.text.stop_words import stop_words

__all__ = ["WEIGHTS", "stance_by_words", "stance_features"]

# What each feature adds to the score of yes, no, both and other. Fitted on data/stance_gold.jsonl
# and printed by `python tests/benchmarks/stance_fit.py`.
WEIGHTS: Mapping[str, tuple[float, float, float, float]] = {
    "intercept": (-0.27, -0.27, -0.42, 0.97),
    "opens_yes": (2.67, -1.39, -0.05, -1.22),
    "opens_no": (-0.33, 1.84, -0.24, -1.27),
    "opens_negated": (-0.90, 1.09, -0.01, -0.19),
    "states": (1.05, -0.64, -0.11, -0.31),
    "denies": (0.01, 1.03, -0.55, -0.49),
    "turns": (-0.29, 0.49, 1.18, -1.38),
    "pairs": (-0.63, -0.29, 1.27, -0.35),
    "hedges": (0.01, -0.27, 0.96, -0.71),
    "unsettled": (-1.35, 0.03, 0.67, 0.64),
    "evades": (-0.21, -0.51, -0.41, 1.14),
    "on_topic": (0.95, 0.30, 0.33, -1.58),
}

# So many characters of an answer are read.
_READ = 10_000
_DRESS = re.compile(r"[*_#`>]+")
_WORD = re.compile(r"\w{3,}")


def _any(*cues: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'])(?:{'|'.join(cues)})(?!\w)")


# What may stand before the words that answer.
_LEADS = (
    r"\W*(?:(?:a(?=:)|answer|short (?:answer|version)|verdict|in short|well|so|ok|okay|honestly"
    r"|broadly|generally|overall|in general|in my (?:view|opinion)|personally|unfortunately"
    r"|probably|i(?: do)? (?:think|believe)(?: that)?|i'd say|i would say)\b\W*)*"
)
_NOT = r" ?(?:not|n't|never|no|a myth|unlikely)\b"
_IT_IS = (
    r"(?:it|they|you) ?(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|'s|'re)"
)
# "It is a complex question" answers nothing.
_NO_ANSWER = (
    r" (?:(?:an?|very|also|really) )*(?:complex|complicated|difficult|hard|sensitive|controversial"
    r"|matter|question|topic|issue|up to|unclear|personal|debat|tempting|understandable)"
)
_YES = re.compile(
    rf"{_LEADS}(?:(?:yes|yeah|yep|yup|absolutely|definitely|certainly|of course(?! not)|sure|indeed"
    r"|(?:almost |nearly )?always|i (?:think|believe) so|worth|i agree|i'm in favou?r)\b"
    rf"|{_IT_IS}\b(?!{_NOT}|{_NO_ANSWER}))"
)
_NO = re.compile(
    rf"{_LEADS}(?:(?:no(?!\.? \d| one| doubt| matter| longer| wonder)|nope|nah|not|never|hardly"
    r"|rarely|of course not|mostly not|i(?: \w+)? doubt|i disagree|i'm against|unlikely"
    r"|i (?:don't|do not|wouldn't|would not|can't see|cannot see)(?! know| have)"
    r"|(?:this|that|it)(?: is|'s) (?:an? )?(?:\w+ )?(?:myth|tale)"
    r"|there(?: is|'s) (?:no|little) (?:\w+ ){0,2}(?:evidence|proof|reason|need))\b"
    rf"|{_IT_IS}{_NOT})"
)
_YES_OR_NO = re.compile(r"\W*(?:yes|no)\b(?! (?:one|doubt|matter|longer|wonder))")
_NEGATION = re.compile(
    r"(?<![\w'])(?:no|not|never|none|nobody|nothing|neither|nor|cannot|hardly|rarely|unlikely|myth"
    r"|false)(?!\w)|n't\b"
)
_TURN = _any(
    "but|however|although|though|while|whereas|yet|nevertheless|nonetheless|conversely|equally",
    "on the other|at the same time|that said|then again|having said that|against (?:that|it|this)",
)
_HEDGE = _any(
    "may|might|could|perhaps|maybe|possibly|probably|likely|often|usually|sometimes|generally",
    "typically|tends?|seems?|appears?|suggests?|some|many|most|partly|in (?:some|many) cases",
)
_UNSETTLED = _any(
    "depend(?:s|ing)?|var(?:y|ies)|complex|complicated|debated?|disagree|controversial|contested",
    "mixed|conflicting|inconclusive|no (?:simple|single|easy|clear|definitive|right)|uncertain",
    "(?:not|isn't) (?:clear|certain|simple)|unclear|open question|differ(?:s|ent)?|divided",
    "difficult|hard to",
)
_EVADES = _any(
    "i (?:do not|don't|couldn't|can't) (?:know|tell|say|have (?:an? )?(?:personal )?opinions?)",
    "as an ai|i(?:'m| am) (?:not|unable|sorry)|sorry|up to (?:you|the|each|every)|who can say",
    "no opinion|rather not|not (?:to )?take (?:a side|sides|a position|a stance)",
    "who knows|consult|(?:speak|talk) (?:to|with) (?:an?|your)|different opinions?|open mind",
    "your own|what do you think",
)
# Sentences about asking and answering state nothing.
_ABOUT_TALK = _any(
    "whether|asks?|asked|asking|questions?|be said|do justice|one thing at a time|thank|follow up"
)
# A cue of the case for and one of the case against: an answer that makes both has a pair.
_PAIRS = (
    (
        _any("supporters?|proponents?|advocates?|those (?:in favou?r|who (?:support|favou?r))"),
        _any("critics?|opponents?|sceptics?|skeptics?|detractors?|those (?:against|who oppose)"),
    ),
    (
        _any(
            "pros|advantages?|benefits?|in favou?r|for it|upsides?|(?:arguments?|case|points?) for",
            "reasons? (?:for|to)|speaks for",
        ),
        _any("cons|disadvantages?|drawbacks?|risks?|downsides?|against|concerns?|objections?"),
    ),
    (_any("some|many|certain|several"), _any("others?")),
    (_any("on (?:the )?one hand"), _any("on the other")),
)


def stance_features(prompt: str, answer: str) -> dict[str, float]:
    """Return what the classifier sees of an answer.

    Args:
        prompt: A yes/no question in English.
        answer: One cleaned response to it.

    Returns:
        Whether the answering sentence opens with yes, with no, or is negated (0 or 1); whether one
        of the first two repeats the question as a statement, or denies it; log(1 + number) of the
        sentences with a contrast, a hedge, a word for what is unsettled, an evasion; the number of
        pairs of cues for either side; the share of the question's words that are held. Questions
        and sentences about asking and answering are left out where statements are looked for.
    """
    text, asked = _plain(answer), _plain(prompt)
    sentences = ENGLISH.sentences(text[:_READ])
    said = [own for own in sentences if not own.rstrip().endswith("?")]
    told = [own for own in said if not _ABOUT_TALK.search(own)]
    first = _answering(told[:3])
    wanted = _stems(asked)
    denied = _denials(asked, wanted, told[:2])
    return {
        "intercept": 1.0,
        "opens_yes": float(bool(_YES.match(first))),
        "opens_no": float(bool(_NO.match(first))),
        "opens_negated": float(bool(_NEGATION.search(first))),
        "states": float(bool(denied) and not any(denied)),
        "denies": float(any(denied)),
        "turns": _log_count(_TURN, told),
        "pairs": float(sum(bool(a.search(text) and b.search(text)) for a, b in _PAIRS)),
        "hedges": _log_count(_HEDGE, told),
        "unsettled": _log_count(_UNSETTLED, sentences),
        "evades": _log_count(_EVADES, sentences) + is_refusal(answer),
        "on_topic": len(wanted & _stems(" ".join(told))) / max(1, len(wanted)),
    }


@lru_cache(maxsize=1024)
def stance_by_words(prompt: str, answer: str) -> str:
    """Return the stance that is most likely by the words of an answer.

    Args:
        prompt: A yes/no question in English.
        answer: One cleaned response to it.

    Returns:
        One of `STANCES`; the first of equals.
    """
    features = stance_features(prompt, answer)
    scores = [
        math.fsum(features[name] * weights[i] for name, weights in WEIGHTS.items())
        for i in range(len(STANCES))
    ]
    return STANCES[scores.index(max(scores))]


def _answering(told: Sequence[str]) -> str:
    """Return the first sentence, or where filler stands before it the next that says yes or no."""
    said = [own for own in told if _YES_OR_NO.match(own)]
    return next(iter([*said, *told]), "")


def _denials(asked: str, wanted: frozenset[str], said: Sequence[str]) -> list[bool]:
    """Return of each sentence that holds half of the question's words whether it denies them."""
    negative = bool(_NEGATION.search(asked))
    half = max(1, len(wanted)) / 2
    echoes = [own for own in said if len(wanted & _stems(own)) >= half]
    return [bool(_NEGATION.search(own)) != negative for own in echoes]


def _plain(text: str) -> str:
    return _DRESS.sub("", text.replace("’", "'")).lower()


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:5] for word in _WORD.findall(text) if word not in stop_words("en"))


def _log_count(cues: re.Pattern[str], sentences: Sequence[str]) -> float:
    return math.log1p(sum(bool(cues.search(own)) for own in sentences))
