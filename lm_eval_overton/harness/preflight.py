"""What would fail, or do nothing, once the model is asked: said before it is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.runs.folder import where_else
from lm_eval_overton.runs.whole_file import require_folder
from lm_eval_overton.settings.credentials import is_secret
from lm_eval_overton.settings.model import ModelArguments

__all__ = [
    "cut_prompts",
    "refuse_impossible",
    "tell_of_keys",
    "tell_what_does_nothing",
    "tell_where_generations_go",
]

logger = logging.getLogger("lm_eval.overton")

# The harness's clients of chat APIs, which take conversations alone.
CHAT_APIS = {"LocalChatCompletion", "AnthropicChat"}


def refuse_impossible(task: str, around: Evaluation, has_template: bool) -> None:
    """Refuse a run whose answers could not be asked for, or not be kept.

    Args:
        task: The task's name, for messages.
        around: The evaluation.
        has_template: Whether a chat template is applied.

    Raises:
        SettingsError: If it is one.
    """
    kinds = {cls.__name__ for cls in type(around.model).__mro__}
    if kinds & CHAT_APIS and not has_template:
        raise SettingsError(
            f"{task}: expected --apply_chat_template for a chat API, got a plain text; add "
            "`--apply_chat_template`, or take a model that completes texts (local-completions)"
        )
    _require_place_of_results(around.results)


def _require_place_of_results(folder: Path | None) -> None:
    # The harness logs that it could not write its results, and ends as if it had.
    if folder is None:
        return
    try:
        require_folder(folder)
    except DataError as error:
        raise SettingsError(
            f"--output_path: {error} (as `-o DIR/results.json` if the model's name is too long)"
        ) from error


def tell_where_generations_go(around: Evaluation) -> None:
    """Warn where the generations cannot be kept in the user's cache, and say where they are."""
    said = where_else(around.output)
    if said:
        logger.warning("%s", said)


def tell_what_does_nothing(around: Evaluation) -> None:
    """Warn of options on examples, which our tasks choose themselves."""
    given = []
    if around.num_fewshot:
        given.append(f"--num_fewshot {around.num_fewshot}")
    if around.fewshot_as_multiturn is not None:
        given.append("--fewshot_as_multiturn")
    if given:
        logger.warning(
            "%s: without effect on overton tasks; for examples before the question run "
            "overton_icl_* tasks, their number is --metadata '{\"n_examples\": 3}', and under a "
            "chat template each is a turn",
            " and ".join(given),
        )


def tell_of_keys(model: ModelArguments) -> None:
    """Warn of keys among the model's arguments, which the harness writes into its results."""
    named = [name for name, value in model.arguments.items() if is_secret(name, value)]
    if named:
        logger.warning(
            "--model_args: expected no credentials, got some in %s; the harness writes these "
            "arguments into its results file, so give the key in the environment (OPENAI_API_KEY)",
            ", ".join(named),
        )


def cut_prompts(
    task: str, model: Any, instances: Sequence[Any], generation: Mapping[str, Any]
) -> list[str]:
    """Return an alarm if a local model's context does not hold prompts and answers together.

    Args:
        task: The task's name, for messages.
        model: The evaluated model; nothing is known of one that does not tell its context.
        instances: The requests, of which the first of a prompt has index 0.
        generation: The generation settings.

    Raises:
        SettingsError: If an answer alone would fill it.
    """
    max_gen_toks = generation.get("max_gen_toks")
    limit, encode = getattr(model, "max_length", None), getattr(model, "tok_encode", None)
    is_causal = getattr(model, "backend", "causal") == "causal"
    if not (isinstance(limit, int) and isinstance(max_gen_toks, int) and encode and is_causal):
        return []
    if max_gen_toks >= limit:
        raise SettingsError(
            f"{task}: expected answers shorter than the model's context of {limit} tokens, got "
            f"max_gen_toks={max_gen_toks}, which leaves no room for a prompt; pass `--gen_kwargs "
            f"max_gen_toks={limit // 2}`, or `--model_args max_length=...` if the model takes more"
        )
    lengths = [len(encode(str(own.args[0]))) for own in instances if own.idx == 0]
    over = [length for length in lengths if length + max_gen_toks > limit]
    if not over:
        return []
    return [
        f"{len(over)} of {len(lengths)} prompts have up to {max(over)} tokens, which with "
        f"max_gen_toks={max_gen_toks} is more than the model's context of {limit}: the harness "
        "cuts their beginning off; pass a smaller `--gen_kwargs max_gen_toks=...`"
    ]
