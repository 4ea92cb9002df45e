"""How many go at a time: fewer once a server asks to wait, as many as may be while it answers."""

import asyncio
import time

import pytest

from lm_eval_overton.client.pace import Pace


def room(pace, tries=99):
    """Let go as many as may; return how many those are."""

    async def going():
        for count in range(tries):
            try:
                await asyncio.wait_for(pace.wait(), 0.01)
            except asyncio.TimeoutError:
                return count
            pace.go()
        return tries

    count = asyncio.run(going())
    for _ in range(count):
        pace.back()
    return count


@pytest.mark.parametrize("most", [1, 2, 16])
def test_at_first_as_many_go_as_may(most):
    assert room(Pace(most)) == most


@pytest.mark.parametrize(
    ("most", "several", "halves"),
    [(1, 2, [1, 1]), (4, 2, [2, 2]), (16, 4, [8, 4, 2, 2]), (64, 16, [32, 16, 8, 8])],
)
def test_when_several_are_put_off_half_as_many_go_and_never_none(most, several, halves):
    pace, found = Pace(most), []
    for _ in halves:
        for _ in range(several):
            pace.put_off(time.monotonic())
        found.append(room(pace))
    assert found == halves


def test_one_that_is_put_off_while_others_are_answered_changes_nothing():
    pace = Pace(4)
    for _ in range(20):
        pace.put_off(time.monotonic())
        pace.speed_up()
    assert room(pace) == 4


def test_replies_bring_it_back_and_not_beyond():
    pace = Pace(8)
    for _ in range(2):
        pace.put_off(time.monotonic())
    for _ in range(2):
        pace.speed_up()
    assert room(pace) == 5
    for _ in range(50):
        pace.speed_up()
    assert room(pace) == 8


def test_none_goes_before_its_time_and_nobody_waits_after_the_end():
    pace = Pace(4)
    begin = time.monotonic()
    pace.hold(begin + 0.1)
    pace.hold(begin)
    asyncio.run(pace.wait())
    assert 0.1 <= time.monotonic() - begin < 2
    pace.hold(begin + 3600)
    pace.end()
    asyncio.run(asyncio.wait_for(pace.wait(), 1))
