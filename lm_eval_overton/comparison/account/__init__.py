"""What alignment changed, in plain sentences made from the numbers of a pair of runs."""

from lm_eval_overton.comparison.account.account import TOPICS, UNKNOWN, Statement, account

__all__ = ["TOPICS", "UNKNOWN", "Statement", "account"]
