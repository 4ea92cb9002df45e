"""How good a response is, by a reward model of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.stats.progress import progress
from lm_eval_overton.text.classifier import load_classifier, read_config
from lm_eval_overton.text.encoder_source import weights_sha256

__all__ = ["RewardModel"]

SETTING = "reward_model"
BATCH_SIZE = 8
# Tokenizers without a limit of their own say 1e30.
NO_LIMIT = 100_000


class RewardModel:
    """A Hugging Face model with one output for a prompt and a response; loaded on first use.

    With a chat template the two are a user's and an assistant's message, without one a pair of
    texts. What is longer than the model's window is cut at its end.

    Args:
        name: A folder or a hub name.
        device: None: a GPU if there is one.
        batch_size: Responses that are seen at once.

    Raises:
        SettingsError: If it is no such model.
    """

    def __init__(self, name: str, device: str | None = None, batch_size: int = BATCH_SIZE) -> None:
        self.name = name
        self.device = device
        self.batch_size = batch_size
        # Read at once, so that a wrong model is refused before anything is generated.
        self._check()

    @property
    def signature(self) -> str:
        """The name and the beginning of the hash of the weights."""
        return f"{self.name.rstrip('/').split('/')[-1]}@{weights_sha256(self.name)[:8]}"

    def rewards(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the model's output for each pair of a prompt and a response."""
        # Pairs of like length share a batch, so that little padding is computed.
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        found = [0.0] * len(pairs)
        for start in progress(range(0, len(order), self.batch_size), "Rewarding"):
            batch = order[start : start + self.batch_size]
            for i, reward in zip(batch, self._rewards([pairs[i] for i in batch]), strict=True):
                found[i] = reward
        return found

    def _check(self) -> None:
        config = read_config(self.name, SETTING)
        if config.num_labels != 1:
            raise SettingsError(
                f"{SETTING}: expected a model with one output, got {config.num_labels} in "
                f"{self.name!r}; name a reward model"
            )

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        tokenizer, model = load_classifier(self.name, SETTING, self.device)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        # The last token that is no padding gives the reward of a decoder.
        model.config.pad_token_id = tokenizer.pad_token_id
        return tokenizer, model

    def _rewards(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        import torch

        tokenizer, model = self._loaded
        limit = getattr(model.config, "max_position_embeddings", None) or NO_LIMIT
        options = {
            "padding": True,
            "truncation": True,
            "max_length": min(int(tokenizer.model_max_length), limit),
            "return_tensors": "pt",
        }
        if getattr(tokenizer, "chat_template", None):
            texts = [_as_chat(tokenizer, *pair) for pair in pairs]
            features = tokenizer(texts, add_special_tokens=False, **options)
        else:
            prompts, responses = zip(*pairs, strict=True)
            features = tokenizer(list(prompts), list(responses), **options)
        with torch.inference_mode():
            logits = model(**features.to(model.device)).logits.float()
        return [float(reward) for reward in logits[:, 0].cpu()]


def _as_chat(tokenizer: Any, prompt: str, response: str) -> str:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False))
