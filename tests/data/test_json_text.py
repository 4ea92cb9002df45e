import json

import pytest

from lm_eval_overton.data.json_text import json_value


def test_a_byte_order_mark_is_refused_as_the_standard_library_does():
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads("\ufeff1")
    with pytest.raises(json.JSONDecodeError) as found:
        json_value("\ufeff1")
    assert str(found.value) == str(expected.value)
