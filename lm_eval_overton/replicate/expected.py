"""The numbers that a correct implementation gives on the released files.

They were computed independently of this package, from the same files, and are for checking, not
for tuning.
"""

from __future__ import annotations

from lm_eval_overton.replicate.table import Expected

__all__ = ["EXPECTED", "HINTLESS", "UNPARSED", "expected"]

# What a row's name ends in where the hint's source does not count as a reference.
HINTLESS = ", without the hint's source"
# And where the summary before the answer was left in.
UNPARSED = ", summary left in"

LIMA, CONFLICTING = "LIMA-OE", "ConflictingQA"
BASE, ICL, CHAT, GPT = "llama-2-base", "llama-2-icl", "llama-2-chat", "gpt-3.5-turbo"
ICL_CHAT, SUMMARY = "llama-2-icl-chat", "llama-2-icl-chat-summary"
COT = "llama-2-icl-chat-summary-cot"

WINDOWS = "windows of token ids, where the expected number took windows of text"
PARSED = (
    "the expected number scored the 24 of 250 without an answer whole, took for 8 more an answer "
    "to a query of their own, and cut every text at the encoder's 256 tokens, which gives {}"
)
CUT = "the expected number cut every text at the encoder's 256 tokens, which gives {}"
FIRST = ", against the reference's first sample alone"
OTHERS = "the mean over all other prompts; over which the expected one was taken is not known"
FENCED = "the expected number counts the stop string as a word, and an empty sample too"
AS_CAME = (
    "the expected number compares the texts as they came; some are equal but for the stop string"
)


def _windowed(column: str, row: str, printed: str) -> Expected:
    return Expected(LIMA, column, row, printed, WINDOWS, within=2e-3)


EXPECTED = (
    Expected(LIMA, "failed", "llama-2-icl-chat-5nn-prompt_similar", "240"),
    Expected(LIMA, "failed", "llama-2-icl-chat-knn-response_similar", "10"),
    Expected(LIMA, "unparsed", COT, "24"),
    Expected(LIMA, "empty", BASE, "1"),
    Expected(CONFLICTING, "prompts with duplicates", BASE, "113", AS_CAME, instead="116"),
    # One minus the mean pairwise Jaccard similarities 0.0896970, 0.2461125, 0.2791760, 0.2939643.
    Expected(LIMA, "lexical diversity", BASE, "0.9103030"),
    Expected(LIMA, "lexical diversity", SUMMARY, "0.7538875"),
    Expected(LIMA, "lexical diversity", CHAT, "0.7208240"),
    Expected(LIMA, "lexical diversity", GPT, "0.7060357"),
    _windowed("semantic diversity", BASE, "0.4882017"),
    _windowed("semantic diversity", SUMMARY, "0.1580989"),
    _windowed("semantic diversity", CHAT, "0.1174698"),
    _windowed("semantic diversity", GPT, "0.1095922"),
    Expected(LIMA, "semantic diversity", COT, "0.279", PARSED.format(".2785"), instead="0.220"),
    Expected(
        LIMA, "semantic diversity", COT + UNPARSED, "0.194", CUT.format(".1935"), instead="0.233"
    ),
    Expected(LIMA, "words", BASE, "130", FENCED, instead="130.8"),
    Expected(LIMA, "words", ICL, "223", FENCED, instead="221.5"),
    Expected(LIMA, "words", ICL_CHAT, "354", FENCED, instead="352.8"),
    Expected(LIMA, "words", CHAT, "473"),
    Expected(LIMA, "Overton index", BASE, "0.258"),
    Expected(LIMA, "Overton index", ICL, "0.329"),
    Expected(LIMA, "Overton index", SUMMARY, "0.366"),
    Expected(LIMA, "Overton index", CHAT, "0.378"),
    Expected(LIMA, "missing", BASE, "0.665"),
    Expected(LIMA, "missing", CHAT, "0.506"),
    Expected(LIMA, "covered by 1", CHAT, "0.289"),
    Expected(LIMA, "covered by chance", CHAT, "0.109", OTHERS, instead="0.1047"),
    Expected(LIMA, "helpfulness", BASE, "3.03"),
    Expected(LIMA, "helpfulness", ICL, "4.31"),
    Expected(LIMA, "helpfulness", ICL_CHAT, "4.56"),
    Expected(LIMA, "helpfulness", CHAT, "4.88"),
    Expected("", "N/A", "all", "17"),
    Expected(CONFLICTING, "both", BASE, "0.078"),
    Expected(CONFLICTING, "both", ICL, "0.512"),
    Expected(CONFLICTING, "both", GPT, "0.526"),
    Expected(CONFLICTING, "both", "llama-2-icl-gpt-3.5", "0.575"),
    Expected(LIMA, "new information", BASE, "2.352"),
    Expected(LIMA, "new information", ICL, "1.960"),
    Expected(LIMA, "prompts", CHAT, "36"),
    Expected(LIMA, "raw change", CHAT, "-0.205"),
    Expected(LIMA, "remaining", CHAT, "-0.172"),
    Expected(LIMA, "jaccard", BASE, "0.0722533"),
    Expected(LIMA, "jaccard", SUMMARY, "0.1941403"),
    Expected(LIMA, "jaccard", SUMMARY + HINTLESS, "0.1874847"),
    Expected(LIMA, "jaccard", CHAT, "0.2791760"),
    Expected(LIMA, "jaccard", GPT, "0.2028498"),
    _windowed("cosine", BASE, "0.5985680"),
    _windowed("cosine", SUMMARY, "0.8324797"),
    _windowed("cosine", CHAT, "0.8825302"),
    _windowed("cosine", GPT, "0.8390136"),
    Expected(LIMA, "cosine", COT, "0.741", PARSED.format(".7407") + FIRST, instead="0.791"),
    Expected(LIMA, "cosine", COT + UNPARSED, "0.778", CUT.format(".7778") + FIRST, instead="0.782"),
    Expected(LIMA, "F1", f"{BASE} to {CHAT}", "0.8273"),
    Expected(LIMA, "F1", f"{ICL_CHAT} to {CHAT}", "0.8686"),
    Expected(LIMA, "F1", f"{GPT} to {CHAT}", "0.8741"),
    Expected(LIMA, "F1", f"{CHAT} to {CHAT}", "0.9132"),
    Expected(LIMA, "F1 without self", f"{CHAT} to {CHAT}", "0.8915"),
)

_BY_PLACE = {(entry.dataset, entry.column, entry.row): entry for entry in EXPECTED}


def expected(dataset: str, column: str, row: str) -> Expected | None:
    """Return the number expected in a place of a table; None if none is known."""
    return _BY_PLACE.get((dataset, column, row))
