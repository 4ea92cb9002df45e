"""Verdicts that exist already: read from a file of labels and lined up with prompts and samples.

Two layouts of JSON lines, which one file may not mix:

- the released one of arXiv:2406.17692, `{"ok": true, "responses": ["...", null]}`: what a judge
  replied, read as any reply is;
- our own, `{"label": ...}` or `{"labels": [...]}`: the value itself, null where nobody labelled.
  `"prompt"` or `"id"` may name what was labelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_overton.data import normal, read_jsonl
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.judge.judgements import JUDGEMENTS, RELEASED
from lm_eval_overton.judge.parse import parse_released
from lm_eval_overton.judge.verdicts import Verdict

__all__ = ["LabelLine", "align", "read_labels"]


@dataclass(frozen=True)
class LabelLine:
    """One line of a labels file.

    Attributes:
        where: File and line, for messages.
        verdicts: One per label of the line, in order; None where the label is null. A reply that
            a judge failed to give is a verdict of status "failed".
        prompt: The prompt's text, if the line gives it.
        id: The prompt's id, if the line gives it.
    """

    where: str
    verdicts: tuple[Verdict | None, ...]
    prompt: str | None = None
    id: str | None = None


def read_labels(path: Path, judgement: str) -> list[LabelLine]:
    """Read a file of labels.

    Args:
        path: JSON lines in one of the layouts of this module.
        judgement: A key of `JUDGEMENTS`.

    Returns:
        The lines in file order, each with at least one verdict. A label's verdict has status
        "parsed", the value that `parse` would give and no raw text; a quality label has all
        aspects, None for those that it leaves out.

    Raises:
        SettingsError: If there is no judgement of that name.
        DataError: With file and line, if a line or a label cannot be understood.
    """
    if judgement not in JUDGEMENTS:
        raise SettingsError(
            f"{path}: expected labels of {', '.join(JUDGEMENTS)}, got {judgement!r}; "
            "name one of these judgements"
        )
    rows = list(read_jsonl(path))
    lines = [_line(row, judgement, f"{path}:{number}") for number, row in rows]
    if len({"responses" in row for _, row in rows}) > 1:
        raise DataError(
            f'{path}: expected every line to hold "responses" or none, got both; '
            "keep replies and labels in two files"
        )
    return lines


def align(
    lines: Sequence[LabelLine],
    n_prompts: int,
    n_samples_per_prompt: int,
    docs: Sequence[Mapping[str, Any]] | None = None,
) -> list[list[Verdict | None]]:
    """Return the verdict on each sample of each prompt.

    Lines that name their prompts are matched to `docs`, by text where they give it and else by
    id; lines about other prompts are left out. Otherwise order decides: as many lines as prompts,
    or one line per sample, all samples of the first prompt first. A prompt with one label has it
    for its first sample.

    Args:
        lines: What `read_labels` returned.
        n_prompts: Number of prompts, at least 1.
        n_samples_per_prompt: Number of samples of each, at least 1.
        docs: The prompts, with `id` and `prompt`; None: order decides, whatever the lines name.

    Returns:
        (n_prompts, n_samples_per_prompt) verdicts, None where there is no label.

    Raises:
        DataError: If the lines fit neither the prompts nor the samples.
    """
    named = {line.prompt is not None or line.id is not None for line in lines}
    if docs is not None and named == {True}:
        groups = _by_name(lines, docs)
    elif docs is not None and len(named) > 1:
        raise DataError(
            f'{_file(lines)}: expected "prompt" or "id" in every line or in none, got some '
            "without; name the prompt of each label"
        )
    else:
        groups = _by_order(lines, n_prompts, n_samples_per_prompt)
    return [_per_sample(group, n_samples_per_prompt) for group in groups]


def _line(row: Mapping[str, Any], judgement: str, where: str) -> LabelLine:
    present = [key for key in ("responses", "labels", "label") if key in row]
    if len(present) != 1:
        raise DataError(
            f'{where}: expected one of "label", "labels" and "responses", got '
            f"{', '.join(present) or ', '.join(sorted(row)) or 'no key'}"
        )
    (key,) = present
    values = [row[key]] if key == "label" else row[key]
    if not isinstance(values, list) or not values:
        raise DataError(f'{where}: expected "{key}" to be a list with a label, got {values!r:.60}')
    read = _replied if key == "responses" else _labelled
    verdicts = tuple(read(value, judgement, where) for value in values)
    return LabelLine(where, verdicts, _name(row, "prompt", where), _name(row, "id", where))


def _name(row: Mapping[str, Any], key: str, where: str) -> str | None:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise DataError(f'{where}: expected "{key}" to be a string, got {value!r:.60}')
    return None if value is None else str(value)


def _replied(reply: object, judgement: str, where: str) -> Verdict:
    if judgement not in RELEASED:
        raise DataError(
            f'{where}: expected "label" or "labels" for {judgement}, got "responses"; '
            f"only replies for {', '.join(RELEASED)} were released"
        )
    if reply is not None and not isinstance(reply, str):
        raise DataError(
            f'{where}: expected "responses" to be replies as text, or null, got {reply!r:.60}; '
            'put plain values under "labels"'
        )
    return parse_released(judgement, reply)


def _labelled(label: object, judgement: str, where: str) -> Verdict | None:
    if label is None:
        return None
    try:
        reply = JUDGEMENTS[judgement].schema.from_label(label)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{where}: expected a label of {judgement} to be {JUDGEMENTS[judgement].example}; "
            f"got {label!r:.60}"
        ) from error
    return Verdict("parsed", reply.value(), None)


def _by_name(
    lines: Sequence[LabelLine], docs: Sequence[Mapping[str, Any]]
) -> list[Sequence[LabelLine]]:
    by_text = {normal(str(doc["prompt"])): i for i, doc in enumerate(docs)}
    by_id = {str(doc["id"]): i for i, doc in enumerate(docs)}
    groups: list[list[LabelLine]] = [[] for _ in docs]
    for line in lines:
        # An id alone may be a line number that another file uses for another prompt.
        at = by_id.get(line.id or "") if line.prompt is None else by_text.get(normal(line.prompt))
        if at is not None:
            groups[at].append(line)
    if not any(groups):
        raise DataError(
            f"{_file(lines)}: expected labels of at least one of the {len(docs)} prompts, got none "
            "with the same text or id"
        )
    return [*groups]


def _by_order(lines: Sequence[LabelLine], n_prompts: int, n: int) -> list[Sequence[LabelLine]]:
    if len(lines) == n_prompts:
        return [[line] for line in lines]
    if len(lines) == n_prompts * n and all(len(line.verdicts) == 1 for line in lines):
        return [lines[start : start + n] for start in range(0, len(lines), n)]
    raise DataError(
        f"{_file(lines)}: expected {n_prompts} lines, one per prompt, or {n_prompts * n}, one "
        f"label per sample, got {len(lines)} lines; label the same prompts, or name the prompt of "
        'each line as "prompt"'
    )


def _per_sample(group: Sequence[LabelLine], n: int) -> list[Verdict | None]:
    verdicts = [verdict for line in group for verdict in line.verdicts]
    if len(verdicts) not in (0, 1, n):
        raise DataError(
            f"{group[0].where}: expected 1 label for its prompt or {n}, one per sample, got "
            f"{len(verdicts)}; write null for a sample without a label"
        )
    return verdicts + [None] * (n - len(verdicts))


def _file(lines: Sequence[LabelLine]) -> str:
    return lines[0].where.rpartition(":")[0] if lines else "labels"
