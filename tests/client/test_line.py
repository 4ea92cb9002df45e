"""Who has a turn when: nobody that waits holds up those behind, and nobody is forgotten."""

import asyncio
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.client.line import Line, Turn


def later(seconds):
    return time.monotonic() + seconds


def line(count):
    return Line(Turn(index, None) for index in range(count))


def test_turns_are_handed_out_in_their_order_and_then_none():
    async def taken():
        own = line(2)
        first, second = await own.take(), await own.take()
        await own.end()
        await own.end()
        return first.index, second.index, await own.take()

    assert asyncio.run(taken()) == (0, 1, None)


def test_one_that_is_put_back_for_long_does_not_hold_the_next():
    async def next_index():
        own = line(2)
        await own.put_back(await own.take(), later(3600))
        return (await own.take()).index

    assert asyncio.run(next_index()) == 1


def test_one_that_is_due_comes_before_fresh_ones_and_the_sooner_first():
    async def indices():
        own = line(4)
        turns = [await own.take() for _ in range(3)]
        for turn, seconds in zip(turns, (0.002, 0, 3600), strict=True):
            await own.put_back(turn, later(seconds))
        await asyncio.sleep(0.01)
        return [(await own.take()).index for _ in range(3)]

    assert asyncio.run(indices()) == [1, 0, 3]


def test_who_waits_gets_one_that_another_puts_back_and_is_told_of_the_end():
    async def found():
        own = line(1)
        turn = await own.take()
        waiting = asyncio.create_task(own.take())
        await asyncio.sleep(0)
        await own.put_back(turn, later(0.001))
        again = await waiting
        idle = asyncio.create_task(own.take())
        await asyncio.sleep(0)
        assert not idle.done()
        await own.end()
        return again is turn, await idle

    begin = time.monotonic()
    assert asyncio.run(found()) == (True, None)
    assert time.monotonic() - begin < 2


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_every_turn_ends_once_and_is_taken_once_more_for_each_time_it_was_put_back(times, workers):
    taken, ended = Counter(), Counter()

    async def work(own):
        while (turn := await own.take()) is not None:
            taken[turn.index] += 1
            await asyncio.sleep(0)
            if taken[turn.index] <= times[turn.index]:
                await own.put_back(turn, later(0.0002))
            else:
                ended[turn.index] += 1
                await own.end()

    async def whole():
        own = line(len(times))
        await asyncio.wait_for(asyncio.gather(*(work(own) for _ in range(workers))), 10)

    asyncio.run(whole())
    assert ended == Counter(range(len(times)))
    assert taken == Counter({index: count + 1 for index, count in enumerate(times)})
