import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.harness.frames import CHAT, QUERY_ANSWER

prompts = st.text() | st.sampled_from(["{prompt}", "{0} {", "```\n# Answer:", "a\r\nb", "\\1"])


def test_a_base_model_is_asked_in_the_frame_of_the_paper():
    assert QUERY_ANSWER.ask("Why?") == "# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n"


def test_the_answer_ends_where_its_fence_ends():
    assert QUERY_ANSWER.stops == ("```",)


@given(prompts)
def test_a_chat_model_gets_the_prompt_alone_and_nothing_stops_it(prompt):
    assert CHAT.ask(prompt) == prompt
    assert CHAT.stops == ()


@given(prompts)
def test_a_prompt_stands_in_its_frame_as_it_is(prompt):
    assert QUERY_ANSWER.ask(prompt) == f"# Query:\n```\n{prompt}\n```\n\n# Answer:\n```\n"


def test_a_frame_cannot_be_altered():
    with pytest.raises(AttributeError):
        CHAT.name = "other"
