import json
import logging
import sys

import pytest
from aiohttp import ClientResponseError, RequestInfo
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from lm_eval_overton.settings.shown import (
    SPEAK_OF_REQUESTS,
    clean_logs,
    clean_output,
    in_a_line,
    printable,
)

KEYS = ("v3ry-s3cret-A", "v3ry-s3cret-B", "v3ry-s3cret-C", "v3ry-s3cret-D", "v3ry-\"s3cret'-E")


def refused():
    """The error of a request that a server refused, as aiohttp raises it."""
    url = URL.build(scheme="http", host="h", user="me", password=KEYS[0], path="/v1")
    url = url.with_query({"code": KEYS[1], "api-version": "2"})
    headers = {"Authorization": f"Bearer {KEYS[2]}", "x-api-key": KEYS[3], "Api-Key": KEYS[4]}
    info = RequestInfo(url, "POST", CIMultiDictProxy(CIMultiDict(headers)), url)
    return ClientResponseError(info, (), status=401, message="Unauthorized")


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(logging.Formatter("%(message)s"))
    clean_logs()
    clean_logs()
    return caplog


@pytest.mark.parametrize("name", SPEAK_OF_REQUESTS)
def test_no_key_of_a_failed_request_is_logged(logged, name):
    logger = logging.getLogger(name)
    logger.error(f"Exception:{refused()!r}, (no outputs), retrying.")
    logger.warning("%s and %r", refused(), refused())
    try:
        raise refused()
    except ClientResponseError:
        logger.exception("failed")
    assert "Unauthorized" in logged.text
    assert "ClientResponseError(RequestInfo(url=URL('http://h/v1?" in logged.text
    assert "api-version=2" in logged.text
    assert "s3cret" not in logged.text


def test_no_key_of_the_environment_is_logged(logged, monkeypatch):
    for name in ("OPENAI_API_KEY", "MY_HF_TOKEN", "PROXY_PASSWORD"):
        monkeypatch.setenv(name, f"{name}-of-mine")
    monkeypatch.setenv("API_KEY", "x")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/x/agent")
    logging.getLogger("lm_eval.overton").error(
        "x OPENAI_API_KEY-of-mine, MY_HF_TOKEN-of-minePROXY_PASSWORD-of-mine /tmp/x/agent"
    )
    assert logged.messages == ["x <redacted>, <redacted><redacted> /tmp/x/agent"]


def test_a_log_holds_nothing_that_moves_a_terminal_and_all_else(logged):
    logger = logging.getLogger("lm_eval.overton")
    logger.warning("%s: %d of %d\x1b[2J\x9b1m\u202e", "task\r", 1, 2)
    assert logged.messages == ["task\\u000d: 1 of 2\\u001b[2J\\u009b1m\\u202e"]
    assert logger.filters.count(logger.filters[0]) == 1


def test_a_log_that_is_given_wrong_arguments_stays_the_loggers_own_matter(caplog):
    clean_logs()
    record = logging.LogRecord("x", logging.INFO, "", 0, "%d", ("a",), None)
    assert logging.getLogger("lm_eval.overton").filter(record)


@given(st.text())
def test_what_is_printed_is_printable_and_json_stays_json(text):
    shown = printable(text)
    assert not set(map(ord, shown)) & ({*range(32), *range(127, 160)} - {9, 10})
    assert printable(shown) == shown
    for ascii_only in (True, False):
        whole = json.dumps({text: text}, ensure_ascii=ascii_only)
        assert json.loads(printable(whole)) == {text: text}


def test_an_error_is_one_line_without_keys():
    assert in_a_line("a\n  b\x1b[1m \n?x&api_key=1 ") == "a b\\u001b[1m ?x&api_key=<redacted>"


def test_output_is_written_through(capsys, monkeypatch):
    with clean_output():
        print("a\tb\x1b[2J", flush=True)
        assert sys.stdout.encoding
    print("\x1b")
    assert capsys.readouterr().out == "a\tb\\u001b[2J\n\x1b\n"
    monkeypatch.setattr(sys, "stdout", None)
    with clean_output():
        print("nowhere")
