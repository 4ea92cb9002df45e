"""YAML as people write it, read so that no key is lost and every error is one line."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["yaml_value"]


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Afterwards the keys of `<<` stand beside those that may replace them.
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    problem = f"the key {key.value!r:.60} more than once"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add((key.tag, key.value))
        super().flatten_mapping(node)


def yaml_value(text: str) -> Any:
    """Return the value of a YAML text, of plain types alone.

    Raises:
        ValueError: In one line that repeats no value, which may be a credential; if it is no
            YAML, a key stands twice in one mapping, or it is nested too deep.
    """
    try:
        return yaml.load(text, _Loader)
    # What the tags and implicit types of plain YAML raise for values that are none of theirs.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(_reason(error)) from error


def _reason(error: Exception) -> str:
    problem = getattr(error, "problem", None) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    return problem if mark is None else f"{problem}, line {mark.line + 1}"
