"""Many finished runs in one table, best first, sorted by one metric.

Only runs with equal settings stand in one table: the signatures must agree, except for the frame
in which a base and a chat model are asked, which has a column. A rank is one plus the number of
runs that are better for sure; beside each row stands how it differs from the row above.
"""

from lm_eval_overton.comparison.leaderboard.board import Leaderboard, Row, leaderboard
from lm_eval_overton.comparison.leaderboard.boards import (
    Board,
    Standing,
    Standings,
    boards_of,
    by_tag,
    standings,
)
from lm_eval_overton.comparison.leaderboard.check import Checked, check
from lm_eval_overton.comparison.leaderboard.runs import find_runs

__all__ = [
    "Board",
    "Checked",
    "Leaderboard",
    "Row",
    "Standing",
    "Standings",
    "boards_of",
    "by_tag",
    "check",
    "find_runs",
    "leaderboard",
    "standings",
]
