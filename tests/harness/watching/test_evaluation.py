"""What is said of a checkpoint on which the harness fails."""

import pytest

from lm_eval_overton.errors import ScoringError
from lm_eval_overton.harness.watching.checkpoints import Checkpoint
from lm_eval_overton.harness.watching.evaluation import Evaluations
from lm_eval_overton.harness.watching.options import read_options
from tests.harness.watching.made import checkpoint


def test_a_failure_on_an_adapter_names_its_base(tmp_path):
    failing = Evaluations(tmp_path / "out", read_options([], "false"))

    def said(name):
        with pytest.raises(ScoringError) as error:
            failing.evaluate(Checkpoint(name, tmp_path / name, 5), lambda: None, 1)
        return str(error.value)

    folder = checkpoint(tmp_path / "checkpoint-5")
    assert "got exit code 1 of the harness; all" in said(folder.name)
    adapter = checkpoint(tmp_path / "checkpoint-6")
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    assert "got exit code 1 of the harness for an adapter of org/base; all" in said(adapter.name)
