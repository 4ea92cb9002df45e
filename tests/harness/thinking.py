"""A tiny checkpoint that reasons before it answers, within a thought that its template opens."""

from __future__ import annotations

import random
from pathlib import Path

from lm_eval_overton.cli.demo import one_thread

OPEN, CLOSE, END = "<think>", "</think>", "<|end|>"
THINGS = ["sun", "rain", "wind", "snow", "fog", "hail", "frost", "cloud", "storm", "breeze"]
ANSWER = "it depends on the season ."
TEMPLATE = "{% for m in messages %}q {% endfor %}{% if add_generation_prompt %}<think> {% endif %}"


def write_checkpoint(folder: Path) -> Path:
    """Train a word model for a few seconds: a few things in any order, the mark, one answer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<pad>", END, "<unk>", OPEN, CLOSE, "q", *THINGS, *dict.fromkeys(ANSWER.split())]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=END, pad_token="<pad>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    rng = random.Random(0)
    # Steps this small crawl on several threads of a busy machine.
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=256,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
        model = LlamaForCausalLM(config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(80):
            texts = [
                f"q {OPEN} {' '.join(rng.choices(THINGS, k=6))} {CLOSE} {ANSWER} {END}"
                for _ in range(16)
            ]
            ids = torch.tensor(tokenizer(texts)["input_ids"])
            model(input_ids=ids, labels=ids).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
