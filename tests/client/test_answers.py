"""What is an answer to an evaluated model's prompt, why it ended, and what is none."""

import pytest
from lm_eval.models.anthropic_llms import AnthropicChat
from lm_eval.models.openai_completions import (
    LocalChatCompletion,
    LocalCompletionsAPI,
    OpenAIChatCompletion,
)

from lm_eval_overton.client.answers import Answer, reader_of
from lm_eval_overton.client.outcome import NoReplyError

THOUGHT = "I weigh both sides."
ANSWERED = f"<think>\n{THOUGHT}\n</think>\n\nYes."


def model(cls, **attributes):
    """A model of the harness without what needs a server or a key."""
    own = cls.__new__(cls)
    vars(own).update(attributes)
    return own


def read(body, cls=LocalChatCompletion, **attributes):
    return reader_of(model(cls, **attributes))(body)


def chat(message, **choice):
    return {"choices": [{"index": 0, "message": message, **choice}]}


def one(body, cls=LocalChatCompletion, **attributes):
    [answer] = read(body, cls, **attributes)
    return str(answer), answer.finish_reason


@pytest.mark.parametrize("cls", [LocalChatCompletion, OpenAIChatCompletion])
@pytest.mark.parametrize(
    ("body", "text", "finish"),
    [
        (chat({"content": "Yes."}, finish_reason="stop"), "Yes.", "stop"),
        (chat({"content": "Yes."}), "Yes.", None),
        (chat({"content": "Ye"}, finish_reason="length"), "Ye", "length"),
        (chat({"content": "Ye"}, finish_reason="MAX_TOKENS"), "Ye", "length"),
        (chat({"content": "Ye"}, finish_reason={"type": "length"}), "Ye", "length"),
        (chat({"content": ""}, finish_reason="stop"), "", "stop"),
        (chat({"content": "Ye"}, finish_reason="content_filter"), "Ye", "content_filter"),
        (chat({"content": None, "refusal": "No."}, finish_reason="stop"), "No.", "refusal"),
        (chat({"content": "Yes.", "refusal": None}, error=None), "Yes.", None),
        (chat({"content": None, "tool_calls": [{}]}, finish_reason="tool_calls"), "", "tool_calls"),
        (chat({"content": [{"type": "text", "text": t} for t in ("Y", "es.")]}), "Yes.", None),
        (chat({"content": [{"type": "output_text", "text": "Yes."}]}), "Yes.", None),
        (chat({"content": "\ud83d Yes."}), "\ud83d Yes.", None),
        (
            chat(
                {
                    "content": [
                        {"type": "thinking", "thinking": THOUGHT},
                        {"type": "text", "text": "Yes."},
                    ]
                }
            ),
            ANSWERED,
            None,
        ),
        (
            chat(
                {
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                        {"type": "text", "text": "Yes."},
                    ]
                }
            ),
            ANSWERED,
            None,
        ),
        (chat({"content": "Yes.", "reasoning_content": THOUGHT}), ANSWERED, None),
        (chat({"content": "Yes.", "reasoning": THOUGHT}), ANSWERED, None),
        (chat({"content": "Yes.", "reasoning_content": None}), "Yes.", None),
        (chat({"content": "Yes.", "reasoning_content": " "}), "Yes.", None),
        (
            chat({"content": None, "reasoning_content": THOUGHT}, finish_reason="length"),
            f"<think>\n{THOUGHT}",
            "length",
        ),
        (chat({"content": None}, finish_reason="length"), "", "length"),
    ],
)
def test_a_chat_answer_is_its_text_with_its_thought_and_why_it_ended(cls, body, text, finish):
    assert one(body, cls) == (text, finish)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": ["Yes."]},
        {"choices": [{"index": 0}]},
        {"output": [{"text": "Yes."}]},
        {"error": {"message": "overloaded"}},
        {"error": "overloaded", "choices": []},
        {**chat({"content": "Yes."}), "error": {"message": "upstream"}},
        ["Yes."],
        "Yes.",
        None,
        chat(None),
        chat({}),
        chat({"role": "assistant"}, finish_reason="stop"),
        chat({"content": None}, finish_reason="stop"),
        chat({"content": 42}),
        chat({"content": {"answer": "Yes."}}),
        chat({"content": [{"type": "text"}]}),
        chat({"content": "Half"}, finish_reason="error"),
        chat({"content": "Half"}, error={"code": 502}),
    ],
)
def test_what_holds_no_answer_is_none(body):
    with pytest.raises(Exception) as error:
        read(body)
    assert not isinstance(error.value, NoReplyError)


@pytest.mark.parametrize(
    "body",
    [
        chat({"content": ""}, finish_reason="content_filter"),
        chat({"content": None}, finish_reason="content_filter"),
        chat({}, finish_reason="content_filter"),
        {"choices": [], "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
    ],
)
def test_what_a_filter_withholds_is_not_asked_for_again_at_once(body):
    with pytest.raises(NoReplyError, match="content filter"):
        read(body)


def test_of_several_answers_those_that_can_be_read_come_in_their_order():
    choices = [
        {"index": 2, "message": {"content": "C"}},
        {"index": 0, "message": {"content": "A"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": None}, "finish_reason": "content_filter"},
    ]
    assert read({"choices": choices}) == ["A", None, "C"]


def test_several_of_which_none_can_be_read_are_none():
    choices = [{"index": i, "message": {"content": None}} for i in range(3)]
    with pytest.raises(ValueError, match="a message with content"):
        read({"choices": choices})


def test_what_the_user_asked_to_cut_off_stays_off():
    body = chat({"content": f"{THOUGHT}</think>\n\nYes.", "reasoning_content": THOUGHT})
    assert one(body, think_end_token="</think>")[0] == "Yes."
    assert one(chat({"content": "Yes."}), think_end_token="</think>")[0] == "Yes."


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [
        ({"text": "Yes.", "finish_reason": "stop"}, "Yes.", "stop"),
        ({"text": "Ye", "finish_reason": "length"}, "Ye", "length"),
        ({"text": "Ye", "finish_reason": "content_filter"}, "Ye", "content_filter"),
        ({"text": ""}, "", None),
    ],
)
def test_a_completion_is_its_text(choice, text, finish):
    assert one({"choices": [choice]}, LocalCompletionsAPI) == (text, finish)


@pytest.mark.parametrize("choice", [{}, {"text": None}, {"text": 42}, {"message": {}}])
def test_a_completion_without_a_text_is_none(choice):
    with pytest.raises((KeyError, TypeError)):
        read({"choices": [choice]}, LocalCompletionsAPI)


@pytest.mark.parametrize(
    ("body", "text", "finish"),
    [
        (
            {"content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn"},
            "Yes.",
            "stop",
        ),
        ({"content": [{"type": "text", "text": "Y"}], "stop_reason": "max_tokens"}, "Y", "length"),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": THOUGHT},
                    {"type": "text", "text": "Yes."},
                ],
                "stop_reason": "stop_sequence",
            },
            ANSWERED,
            "stop",
        ),
        ({"content": [], "stop_reason": "refusal"}, "", "refusal"),
    ],
)
def test_an_answer_of_anthropic_s(body, text, finish):
    assert one(body, AnthropicChat) == (text, finish)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"content": None},
        {"content": 42, "stop_reason": "end_turn"},
        {},
        [],
    ],
)
def test_what_holds_no_answer_of_anthropic_s_is_none(body):
    with pytest.raises(Exception):  # noqa: B017
        read(body, AnthropicChat)


class Own(LocalChatCompletion):
    """A class of a user's, which knows how its server answers."""

    def parse_generations(self, outputs, **_):
        return [output["text"] for output in outputs]


def test_a_class_with_a_reader_of_its_own_is_asked_for_it():
    assert one({"text": "Yes."}, Own) == ("Yes.", None)
    with pytest.raises(ValueError, match="got none"):
        read({"text": None}, Own)
    with pytest.raises(ValueError, match="an error"):
        read({"text": "Yes.", "error": "down"}, Own)


def test_an_answer_is_a_text_that_knows_why_it_ended():
    answer = Answer("Yes.", "stop")
    assert (answer, answer.finish_reason) == ("Yes.", "stop")
    assert Answer("Yes.").finish_reason is None
