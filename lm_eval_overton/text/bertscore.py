"""BERTScore with every text encoded once, however many pairs it is in.

The scores are those of bert-score 0.3.13 on transformers 4 without idf weights and without
rescaling, also on transformers 5, where bert-score itself scores RoBERTa differently. As there:
white space around a text is stripped, a text is cut at the encoder's window, a token may match
any token of the other text, and the begin and end tokens themselves have no weight.

Source: Zhang et al. 2020, arXiv:1904.09675.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_overton.errors import EncoderError
from lm_eval_overton.stats.progress import progress
from lm_eval_overton.text.device import own_device
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.token_match import PairScores, TokenVectors, match

if TYPE_CHECKING:
    import torch

__all__ = ["BATCH_SIZE", "LAYERS", "BertScorer"]

BATCH_SIZE = 32

# The layer that correlates best with human judgement, as bert-score 0.3.13 lists it.
LAYERS = {
    "bert-base-multilingual-cased": 9,
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "deberta-base": 9,
    "deberta-base-mnli": 9,
    "deberta-large": 16,
    "deberta-large-mnli": 18,
    "deberta-v3-base": 9,
    "deberta-v3-large": 12,
    "deberta-v3-small": 4,
    "deberta-xlarge": 18,
    "deberta-xlarge-mnli": 40,
    "distilbert-base-uncased": 5,
    "distilroberta-base": 5,
    "roberta-base": 10,
    "roberta-large": 17,
    "roberta-large-mnli": 19,
    "xlm-roberta-base": 9,
    "xlm-roberta-large": 17,
}

# Texts encoded before their pairs are matched and they are forgotten: 512 tokens of roberta-large
# are 2 MiB, so a run held at once would not fit.
_TEXTS_AT_A_TIME = 256
# Tokenizers without a limit of their own say 1e30, which overflows when it is passed on.
_NO_LIMIT = 1_000_000
# For these bert-score puts a space before the text, as if it began in the middle of a sentence.
_SPACED_TYPES = frozenset({"data2vec-text", "ibert", "roberta", "roberta-prelayernorm"})


class BertScorer:
    """BERTScore by one encoder, which is loaded on first use.

    Attributes:
        num_layers: The layer whose vectors are compared.
    """

    def __init__(
        self,
        model: str,
        num_layers: int | None = None,
        device: str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """Find the encoder and check the layer, without loading any weights.

        Args:
            model: A hub name or a folder of an encoder such as roberta-large.
            num_layers: The layer to compare, between 0 and the model's number of layers; None
                takes that of `LAYERS` if the last part of `model` is listed there, else the last.
            device: Where to compute; None takes a GPU if there is one.
            batch_size: Texts per forward pass, at least 1.

        Raises:
            EncoderError: If the model cannot be found or read, or lacks the layer.
            ValueError: If `batch_size` is below 1.
        """
        if batch_size < 1:
            raise ValueError(
                f"bertscore: expected a batch_size of at least 1, got {batch_size}; "
                f"leave it at {BATCH_SIZE}"
            )
        self.source = find_encoder(model)
        self._place = str(self.source.folder or self.source.name)
        self._config = self._read_config()
        self.num_layers = self._layer(num_layers)
        self._device_name = device
        self._batch_size = batch_size
        self._cut: dict[str, bool] = {}

    @property
    def signature(self) -> str:
        """The encoder's short name, the beginning of its weights' hash, and the layer."""
        return f"{Encoder(self.source).signature}-L{self.num_layers}"

    def pairs(
        self, candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
    ) -> list[PairScores]:
        """Return the scores of every candidate against every reference of its prompt.

        Each distinct text is encoded once, also where several prompts share it.

        Args:
            candidates: The texts of each prompt.
            references: The reference texts of each prompt, in the same order of prompts.

        Returns:
            One `PairScores` per prompt.

        Raises:
            EncoderError: If the model cannot be loaded.
            ValueError: If candidates and references have different numbers of prompts.
        """
        if len(candidates) != len(references):
            raise ValueError(
                f"bertscore: expected references for each of the {len(candidates)} prompts, got "
                f"{len(references)}; pass an empty list for a prompt without references"
            )
        texts = [[*own, *refs] for own, refs in zip(candidates, references, strict=True)]
        last_use = {text: i for i, of_prompt in enumerate(texts) for text in of_prompt}
        scores: list[PairScores] = []
        held: dict[str, TokenVectors] = {}
        for chunk in _chunks(texts):
            new = {text: None for i in chunk for text in texts[i] if text not in held}
            held.update(zip(new, self.encode(list(new)), strict=True))
            for i in chunk:
                own = [held[text] for text in candidates[i]]
                scores.append(match(own, [held[text] for text in references[i]]))
            held = {text: kept for text, kept in held.items() if last_use[text] > chunk[-1]}
        return scores

    def encode(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the token vectors of each text; equal texts are encoded once.

        Args:
            texts: Any texts; what exceeds the encoder's window is cut (see `is_cut`).

        Returns:
            One `TokenVectors` per text, in order.

        Raises:
            EncoderError: If the model cannot be loaded.
        """
        ids = {text: self._token_ids(text) for text in dict.fromkeys(texts)}
        # Texts of like length share a batch, so that little padding is computed.
        order = sorted(ids, key=lambda text: len(ids[text]), reverse=True)
        vectors: dict[str, TokenVectors] = {}
        starts = range(0, len(order), self._batch_size)
        for start in progress(starts, "BERTScore"):
            batch = order[start : start + self._batch_size]
            encoded = self._forward([ids[text] for text in batch])
            vectors.update(zip(batch, encoded, strict=True))
        return [vectors[text] for text in texts]

    def is_cut(self, text: str) -> bool:
        """Tell whether only the beginning of a text fits the encoder's window and is scored.

        Raises:
            EncoderError: If the model cannot be loaded.
        """
        if text not in self._cut:
            self._token_ids(text)
        return self._cut[text]

    def _token_ids(self, text: str) -> list[int]:
        stripped = text.strip()
        spaced = self._lead + stripped if stripped else ""
        ids: list[int] = self._tokenizer(spaced, verbose=False)["input_ids"]
        self._cut[text] = self._window is not None and len(ids) > self._window
        if self._cut[text]:
            # Left to the tokenizer, which keeps the end token.
            ids = self._tokenizer(spaced, truncation=True, max_length=self._window)["input_ids"]
        return ids

    def _forward(self, batch: Sequence[list[int]]) -> list[TokenVectors]:
        import torch
        from torch.nn.utils.rnn import pad_sequence

        rows = [torch.tensor(ids, device=self._device) for ids in batch]
        padded = pad_sequence(rows, batch_first=True, padding_value=self._tokenizer.pad_token_id)
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        with torch.inference_mode():
            hidden = self._model(padded, attention_mask=mask)[0]
            # Cloned, because a slice would keep the vectors of the whole batch in memory.
            return [
                self._token_vectors(row, hidden[i, : len(row)].clone())
                for i, row in enumerate(rows)
            ]

    def _token_vectors(self, ids: torch.Tensor, hidden: torch.Tensor) -> TokenVectors:
        import torch

        counted = (~torch.isin(ids, self._unweighted)).to(hidden.dtype)
        # Without any token but begin and end this is 0 / 0, the NaN that `TokenVectors` promises.
        return TokenVectors(hidden / hidden.norm(dim=-1, keepdim=True), counted / counted.sum())

    @cached_property
    def _unweighted(self) -> torch.Tensor:
        import torch

        tokens = (self._tokenizer.cls_token_id, self._tokenizer.sep_token_id)
        ids = [token for token in tokens if token is not None]
        return torch.tensor(ids, dtype=torch.long, device=self._device)

    @cached_property
    def _device(self) -> str:
        return own_device() if self._device_name is None else self._device_name

    def _read_config(self) -> Any:
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(self._place)
            # Composed models (an image and a text tower, say) have no such number.
            int(config.num_hidden_layers)
        except (OSError, ValueError, AttributeError) as error:
            raise self._unloadable(error) from error
        return config

    def _layer(self, asked: int | None) -> int:
        layers = int(self._config.num_hidden_layers)
        chosen = LAYERS.get(Path(self.source.name).name, layers) if asked is None else asked
        if not 0 <= chosen <= layers:
            raise EncoderError(
                f"bertscore: expected a layer between 0 and {layers}, which is all that "
                f"{self.source.name} has, got {chosen}; choose another num_layers"
            )
        return chosen

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self._place)
        except (OSError, ValueError) as error:
            raise self._unloadable(error) from error
        if tokenizer.pad_token_id is None:
            raise EncoderError(
                f"bertscore: expected an encoder with a padding token in {self._place}, got a "
                "tokenizer without one; choose an encoder such as roberta-large"
            )
        return tokenizer

    @cached_property
    def _lead(self) -> str:
        from transformers import RobertaTokenizer, RobertaTokenizerFast

        # Set before the text and not by `add_prefix_space=True`, which on transformers 5 also
        # adds a space after every special token that a text happens to contain.
        byte_level = isinstance(self._tokenizer, (RobertaTokenizer, RobertaTokenizerFast))
        return " " if byte_level and self._config.model_type in _SPACED_TYPES else ""

    @cached_property
    def _window(self) -> int | None:
        limits = [self._tokenizer.model_max_length, self._positions]
        known = [int(limit) for limit in limits if limit is not None and 0 < limit < _NO_LIMIT]
        return min(known, default=None)

    @property
    def _positions(self) -> int | None:
        positions: int | None = getattr(self._config, "max_position_embeddings", None)
        table = getattr(getattr(self._model, "embeddings", None), "position_embeddings", None)
        padding: int | None = getattr(table, "padding_idx", None)
        # RoBERTa counts positions from behind its padding index.
        return positions if positions is None or padding is None else positions - padding - 1

    @cached_property
    def _model(self) -> Any:
        from safetensors import SafetensorError
        from transformers import AutoModel

        self._config.num_hidden_layers = self.num_layers
        try:
            with _no_warnings():
                model, report = AutoModel.from_pretrained(
                    self._place, config=self._config, output_loading_info=True
                )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise self._unloadable(error) from error
        self._require_weights(report["missing_keys"])
        encoder = model.get_encoder() if self._config.is_encoder_decoder else model
        return encoder.float().eval().to(self._device)

    def _require_weights(self, missing: Sequence[str]) -> None:
        # The pooler comes after the last layer and is not used.
        needed = sorted(name for name in missing if "pooler" not in name)
        if needed:
            raise EncoderError(
                f"bertscore: expected all weights of the encoder in {self._place}, got none for "
                f"{needed[0]} and {len(needed) - 1} more, which would be random; "
                "choose another model"
            )

    def _unloadable(self, error: Exception) -> EncoderError:
        reason = (str(error).splitlines() or [""])[0]
        return EncoderError(
            f"bertscore: expected an encoder of the transformers library in {self._place}, "
            f"got {type(error).__name__}: {reason}; "
            'choose another with `--metadata \'{"bertscore": "..."}\'`'
        )


@contextmanager
def _no_warnings() -> Iterator[None]:
    # The weights of the layers above the chosen one are reported as unexpected, one line each.
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _chunks(texts: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Yield consecutive prompts that together have about as many texts as may be held."""
    chunk: list[int] = []
    distinct: set[str] = set()
    for i, of_prompt in enumerate(texts):
        chunk.append(i)
        distinct.update(of_prompt)
        if len(distinct) >= _TEXTS_AT_A_TIME:
            yield chunk
            chunk, distinct = [], set()
    if chunk:
        yield chunk
