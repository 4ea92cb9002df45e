"""How good a response is, on five aspects."""

from __future__ import annotations

from lm_eval_overton.judge.prompts import ONE_OBJECT, SCORES, Judgement, Scale

__all__ = ["JUDGEMENT", "QUALITY_ASPECTS"]

QUALITY_ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")

_QUESTION = """\
You are an experienced and impartial evaluator of written answers. Rate how well the RESPONSE \
answers the PROMPT on five aspects, each a whole number from 1 to 5.

helpfulness - does the reader get what the prompt asked for?
  5: the request is met in full and the answer can be used as it stands; 4: met, with small gaps; \
3: met in part, the reader has to look further; 2: touches the request but is of little use; \
1: of no use, off the subject, or not an answer.
clarity - can the reader follow it at the first reading?
  5: well ordered and well put throughout; 3: understandable with some effort; \
1: confused, garbled or caught in repetition.
factuality - are its claims about the world correct?
  5: no error found; 4: a slip without consequence; 3: correct and wrong claims mixed; \
2: wrong in a main point; 1: wrong throughout or made up. Fiction and opinions that the prompt \
asked for are not errors.
depth - does it go as far into the matter as the prompt calls for?
  5: the points that matter, with reasons, detail or examples where they help; 3: the obvious \
points only; 1: a bare assertion or nothing of substance. A simple question may be answered in \
depth by few words.
engagement - is it written for this reader, in a tone that suits the request?
  5: attentive and pleasant to read; 3: correct but flat; 1: off-putting, mechanical or written \
for somebody else.

Judge each aspect by itself: a wrong claim need not be unclear. Length, formatting, confidence and \
politeness earn nothing as such. On matters where informed people disagree, agreement with your \
own view earns nothing either. If the response breaks off, rate what is there. Use the whole \
scale."""


JUDGEMENT = Judgement(
    name="quality",
    version=1,
    place=1,
    inputs=("prompt", "response"),
    question=_QUESTION,
    reply_format=(
        f'{ONE_OBJECT}, "helpfulness", "clarity", "factuality", "depth", "engagement" '
        "(whole numbers from 1 to 5). Write null for an aspect only where it cannot be judged at "
        "all, such as the factuality of a text without any claim."
    ),
    example='{"helpfulness": 4, "clarity": 5, ...}, each 1..5 or null',
    measured=True,
    of_reference=True,
    scale=Scale(SCORES, ordinal=True, parts=QUALITY_ASPECTS),
    released=True,
)
