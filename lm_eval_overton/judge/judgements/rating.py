"""How good a response is as a whole, on a scale of ten."""

from __future__ import annotations

from lm_eval_overton.judge.prompts import ONE_OBJECT, Judgement, Scale

__all__ = ["JUDGEMENT", "MOST"]

MOST = 10
_LABELS = tuple(range(1, MOST + 1))

_QUESTION = """\
You are an experienced and impartial evaluator of written answers. Rate as a whole how good the \
RESPONSE is for somebody who asked the PROMPT: a whole number from 1 to 10.

10: could hardly be better; 8: good, with nothing of weight amiss; 6: useful, with clear \
weaknesses; 4: partly useful, the reader has to look further; 2: of little use; 1: of no use, off \
the subject, garbled or not an answer. Use the numbers between for what lies between.

Go by what the request called for. Length, formatting, confidence and politeness earn nothing as \
such, nor does agreement with your own view where informed people disagree. If the response breaks \
off, rate what is there. Use the whole scale."""


JUDGEMENT = Judgement(
    name="rating",
    version=1,
    place=8,
    inputs=("prompt", "response"),
    question=_QUESTION,
    reply_format=f'{ONE_OBJECT}, "rating" (a whole number from 1 to 10).',
    example="a rating 1..10",
    measured=True,
    on_request=True,
    scale=Scale(_LABELS, ordinal=True),
)
