"""What a task works with is refused before anything is generated, where it is not to be had."""

import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.instruments import Instruments
from lm_eval_overton.settings.task import read_settings


def found(device):
    settings = read_settings({"encoder_device": device}, "t")
    return Instruments.of(settings, frozenset(), None, None, "t", has_viewpoints=False)


def test_a_device_that_is_not_there_is_refused_before_a_model_is_loaded():
    for device in ("cpux", "cpu,"):
        with pytest.raises(SettingsError, match="expected a device of torch"):
            found(device)
    assert found("cpu,cpu").encoder.devices == ("cpu", "cpu")
