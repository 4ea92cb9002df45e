import json
import multiprocessing
import sqlite3
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import DataError
from lm_eval_overton.judge.cache import KEYS_PER_QUERY, ReplyCache, request_hash


def test_what_was_put_is_there_for_the_next_who_opens_it(tmp_path):
    path = tmp_path / "deep" / "judge.sqlite"
    with ReplyCache(path) as cache:
        cache.put("a", "one")
        cache.put("a", "two")
        cache.put("b", "")
        assert cache.get(["a", "b", "c"]) == {"a": "two", "b": ""}
    with ReplyCache(path) as cache:
        assert cache.get(["b", "b", "a"]) == {"a": "two", "b": ""}


def test_more_keys_than_a_statement_takes(tmp_path):
    count = 2 * KEYS_PER_QUERY + 1
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        for i in range(count):
            cache.put(str(i), f"reply {i}")
        found = cache.get(map(str, range(count + 5)))
    assert len(found) == count
    assert found["1000"] == "reply 1000"


def test_half_a_surrogate_pair_costs_no_reply(tmp_path):
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        cache.put("a", 'so \ud83d {"stance": "yes"}')
        assert cache.get(["a"]) == {"a": 'so ? {"stance": "yes"}'}


def test_an_error_does_not_lose_what_came_before(tmp_path):
    path = tmp_path / "judge.sqlite"

    def interrupted():
        with ReplyCache(path) as cache:
            cache.put("a", "one")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with ReplyCache(path) as cache:
        assert cache.get(["a"]) == {"a": "one"}


def test_a_reply_is_on_disk_at_once_and_locks_nobody_out(tmp_path):
    path = tmp_path / "judge.sqlite"
    with ReplyCache(path) as cache:
        cache.put("a", "one")
        # While the first waits for its next reply; a timeout of 0 waits for no lock.
        another = sqlite3.connect(path, timeout=0, isolation_level=None)
        assert another.execute("SELECT reply FROM replies").fetchall() == [("one",)]
        another.execute("INSERT INTO replies VALUES ('b', 'two')")
        another.close()
        assert cache.get(["a", "b"]) == {"a": "one", "b": "two"}


def test_two_thousand_replies_are_kept_within_a_second(tmp_path):
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        start = time.perf_counter()
        for i in range(2000):
            cache.put(str(i), "x" * 500)
        assert time.perf_counter() - start < 1


def test_a_reply_with_a_zero_character_is_kept_whole(tmp_path):
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        cache.put("a", "\0refused\0no")
        assert cache.get(["a"]) == {"a": "\0refused\0no"}


def test_another_thread_may_put_what_came(tmp_path):
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        thread = threading.Thread(target=cache.put, args=("a", "one"))
        thread.start()
        thread.join()
        assert cache.get(["a"]) == {"a": "one"}


def put_many(path, name):
    for i in range(20):
        with ReplyCache(path) as cache:
            cache.put(f"{name}{i}", name)


def test_several_processes_write_into_one_file(tmp_path):
    path = tmp_path / "judge.sqlite"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=put_many, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with ReplyCache(path) as cache:
        assert len(cache.get(f"{name}{i}" for name in "abc" for i in range(20))) == 60


def test_a_file_that_is_no_cache_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "judge.sqlite"
    path.write_text("These are no replies, but a text that is long enough to be a file of them.")
    with pytest.raises(DataError, match=r"expected a file of judge replies .* OVERTON_CACHE_DIR"):
        ReplyCache(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="expected a file of judge replies that can be written"):
        ReplyCache(tmp_path / "file" / "judge.sqlite")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_requests_have_the_same_hash_if_and_only_if_they_are_equal(one, another):
    turned = dict(reversed(one.items()))
    assert request_hash(turned) == request_hash(one)
    # As JSON: true is not 1.
    same = json.dumps(one, sort_keys=True) == json.dumps(another, sort_keys=True)
    assert (request_hash(one) == request_hash(another)) is same
    assert len(request_hash(one)) == 64
