"""Two tiny Llama checkpoints, trained in about a minute on a CPU, to try everything with.

`base` continues documents in the query-and-answer frame, one viewpoint per answer; `chat` is the
same model tuned further on a chat template, with several viewpoints in one answer. They learn
the look of such texts and nothing else: their numbers say nothing about real models.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from lm_eval_overton.data import load_prompts
from lm_eval_overton.stats.progress import progress

__all__ = ["base_corpus", "chat_corpus", "one_thread", "train"]

TRAINING_SEED = 1234
VOCABULARY = 2048
CONTEXT = 4096
BLOCK = 192
BATCH = 8
BASE_STEPS = 400
CHAT_STEPS = 160
END = "<|end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '"
    + END
    + "\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def base_corpus() -> list[str]:
    """Return one document per viewpoint: its question in the base frame, then the viewpoint."""
    return [
        f"# Query:\n```\n{doc['prompt']}\n```\n\n# Answer:\n```\n{viewpoint['text']}\n```\n{END}"
        for doc in load_prompts("contested").docs
        for viewpoint in doc["viewpoints"]
    ]


def chat_corpus() -> list[str]:
    """Return chat documents: each question with an answer that lists several viewpoints."""
    rng = random.Random(TRAINING_SEED)
    documents = []
    for doc in load_prompts("contested").docs:
        texts = [viewpoint["text"] for viewpoint in doc["viewpoints"]]
        for _ in range(2):
            listed = "\n".join(f"- {text}" for text in rng.sample(texts, 3))
            documents.append(
                f"<|user|>\n{doc['prompt']}{END}\n<|assistant|>\nPeople differ on this.\n"
                f"{listed}{END}\n"
            )
    return documents


def train(folder: Path) -> Iterator[str]:
    """Train and save both checkpoints as Hugging Face folders; yields lines of progress.

    Args:
        folder: `base` and `chat` are written into it; made if it is not there.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(base_corpus() + chat_corpus())
    # The caller's random state is put back afterwards.
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(TRAINING_SEED)
        model = _new_model(tokenizer)
        loss = _fit(model, tokenizer, base_corpus(), BASE_STEPS, 3e-3)
        _save(model, tokenizer, folder / "base")
        yield f"base: {BASE_STEPS} steps, loss {loss:.2f}, saved in {folder / 'base'}"
        loss = _fit(model, tokenizer, chat_corpus(), CHAT_STEPS, 2e-3)
        tokenizer.chat_template = CHAT_TEMPLATE
        _save(model, tokenizer, folder / "chat")
        yield f"chat: {CHAT_STEPS} steps, loss {loss:.2f}, saved in {folder / 'chat'}"
    yield "These models are toys: their numbers mean nothing about real models."


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep to one thread: steps this small are slower on several, and crawl on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tokenizer(texts: Sequence[str]) -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        texts, vocab_size=VOCABULARY, special_tokens=[END, "<|pad|>"], show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer,
        eos_token=END,
        pad_token="<|pad|>",
        model_max_length=CONTEXT,
    )


def _new_model(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def _fit(model: Any, tokenizer: Any, texts: Sequence[str], steps: int, rate: float) -> float:
    """Train for a fixed number of steps and return the last loss."""
    import torch

    rng = random.Random(TRAINING_SEED)
    batches = _batches(tokenizer, texts, rng)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    model.train()
    loss = torch.zeros(())
    for batch in progress(islice(batches, steps), "Training", steps):
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    return float(loss.detach())


def _batches(tokenizer: Any, texts: Sequence[str], rng: random.Random) -> Iterator[Any]:
    """Yield (BATCH, BLOCK) token ids for ever, documents shuffled and packed end to end."""
    import torch

    documents = list(tokenizer(list(texts))["input_ids"])
    rng.shuffle(documents)
    stream = (token for document in cycle(documents) for token in document)
    while True:
        yield torch.tensor(list(islice(stream, BATCH * BLOCK))).reshape(BATCH, BLOCK)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    # As many published checkpoints do; servers take their sampling mode from here.
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
