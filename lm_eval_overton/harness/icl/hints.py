"""Summaries of reference responses, written by any harness model: hints for the ICL tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton.data import read_jsonl
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.icl.examples import first_valid
from lm_eval_overton.runs.lock import alone
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.runs.whole_file import require_place
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import Cleaning

__all__ = ["write_hints"]

BATCH = 16
# What stands in a line before the hint.
FIRST = ("id", "prompt", "source")
MAX_TOKENS = 160
REQUEST = (
    "Below are a question and an answer to it. Summarise the answer in two or three sentences: "
    "which points it makes and in which form, without repeating its wording. Write nothing but "
    "the summary.\n\nQuestion:\n{prompt}\n\nAnswer:\n{answer}\n\nSummary:\n"
)


def write_hints(
    found: Recorded, model: str, model_args: str, chat: bool, output: Path
) -> Iterator[str]:
    """Write a summary of the first valid response to each prompt; yields lines of progress.

    A file that is there already is continued: prompts in it are not asked again.

    Args:
        found: The reference responses with their prompts, as `match_prompts` returns them.
        model: Name of a harness model.
        model_args: Its arguments, as for `lm_eval --model_args`.
        chat: Whether to apply the model's chat template.
        output: JSON-lines file of `id`, `prompt`, `hint` and `source`, the summarised sample's
            index.

    Raises:
        DataError: If the output file holds something else, cannot be written, or another process
            writes it.
    """
    require_place(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.touch()
    with alone(output, wait=False) as is_alone:
        if not is_alone:
            raise DataError(
                f"{output}: expected hints that no other process writes, got some that another "
                "`overton hints` writes; wait for its end, or name another file"
            )
        yield from _continue(found, model, model_args, chat, output)


def _continue(
    found: Recorded, model: str, model_args: str, chat: bool, output: Path
) -> Iterator[str]:
    if _drop_half_line(output):
        yield f"the last line of {output} was cut off: its prompt is asked again"
    # A file without a line is what an interrupted run leaves.
    begun = output.stat().st_size > 0
    done = {str(row.get("id")) for _, row in read_jsonl(output)} if begun else set()
    waiting = [row for row in _sources(found) if row["id"] not in done]
    yield f"{len(done)} hints are there, {len(waiting)} to write"
    if not waiting:
        return
    lm = _model(model, model_args)
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        with output.open("a", encoding="utf-8", errors="backslashreplace") as file:
            for row, reply in zip(batch, _ask(lm, batch, chat), strict=True):
                hint = reply.strip()
                if hint:
                    line = {**{key: row[key] for key in FIRST}, "hint": hint}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
        yield f"{start + len(batch)} of {len(waiting)}"


def _drop_half_line(path: Path) -> bool:
    """Complete the last line of a file, or drop it if a process was killed while writing it."""
    with path.open("rb+") as file:
        content = file.read()
        start = content.rfind(b"\n") + 1
        line = content[start:]
        try:
            json.loads(line or b"{}")
        except ValueError:
            begin = f'{{"{FIRST[0]}": '.encode()
            # Any other file is the user's.
            is_ours = line.startswith(begin) or begin.startswith(line)
            file.truncate(start if is_ours else len(content))
            return is_ours
        file.write(b"\n" if line else b"")
        return False


def _sources(found: Recorded) -> list[dict[str, Any]]:
    rule = Reasoning(opened=found.opened, trimmed=found.trimmed)
    cleaning = Cleaning.of(found.stops, found.frame, reasoning=rule)
    rows = []
    for doc in found.prompts.docs:
        chosen = first_valid(cleaning.samples(found.responses[doc["id"]]))
        if chosen is not None:
            index, answer = chosen
            rows.append(
                {"id": doc["id"], "prompt": doc["prompt"], "answer": answer, "source": index}
            )
    return rows


def _model(name: str, arguments: str) -> Any:
    from lm_eval.api.registry import get_model
    from lm_eval.utils import simple_parse_args_string

    # The harness's own default: unlike "cuda", it falls back to the processor.
    defaults = {"batch_size": BATCH, "device": "cuda:0"}
    return get_model(name).create_from_arg_obj(defaults | simple_parse_args_string(arguments))


def _ask(lm: Any, batch: Sequence[Mapping[str, Any]], chat: bool) -> list[str]:
    from lm_eval.api.instance import Instance

    requests = []
    for i, row in enumerate(batch):
        text = REQUEST.replace("{prompt}", row["prompt"]).replace("{answer}", row["answer"])
        turns = [{"role": "user", "content": text}]
        context = lm.apply_chat_template(turns) if chat else text
        settings = {"until": ["\n\n"], "temperature": 0.0, "max_gen_toks": MAX_TOKENS}
        requests.append(
            Instance("generate_until", dict(row), (context, settings), i, ("hints", i, 1))
        )
    # A failed request is None.
    return [str(reply or "") for reply in lm.generate_until(requests)]
