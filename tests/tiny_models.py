"""Tiny causal models whose tokenizers take texts apart in each of the ways that models do."""

from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# As in the tokenizers of Llama 3: one sign may stand before the letters of a word.
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    f"Which one is it?\n{sign}A{sign} yes {sign}B{sign} no\n\nAnswer:{gap}{letter}"
    for sign in ("(", ":", '"', "*")
    for gap in (" ", "", "\n", " (", "(")
    for letter in "ABCDEFGH"
] * 3
SPECIAL = ["<s>", "<|user|>", "<|assistant|>", "<|end|>"]
KINDS = ("gpt-2", "llama-3", "sentencepiece")
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def _split(kind):
    if kind == "sentencepiece":
        return pre_tokenizers.Metaspace(prepend_scheme="first"), decoders.Metaspace()
    own = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "gpt-2")
    if kind == "llama-3":
        own = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA_3), "isolated"), own])
    return own, decoders.ByteLevel()


@cache
def tokenizer(kind):
    """Return a tokenizer of a kind, with a chat template."""
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer(models.BPE(unk_token="<s>"))
    own.pre_tokenizer, own.decoder = _split(kind)
    alphabet = sorted(set("".join(CORPUS)) | {"▁"})
    if kind != "sentencepiece":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    own.train_from_iterator(CORPUS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=own, bos_token="<s>", eos_token="<s>")
    fast.chat_template = TEMPLATE
    return fast


@cache
def causal(kind):
    """Return a model that has learnt nothing, and its tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    own = tokenizer(kind)
    torch.manual_seed(1)
    size = {"n_positions": 256, "n_embd": 16, "n_layer": 1, "n_head": 2}
    config = GPT2Config(vocab_size=len(own), bos_token_id=0, eos_token_id=0, **size)
    return GPT2LMHeadModel(config).eval(), own


def harness_model(kind):
    """Return the model as the harness evaluates one."""
    from lm_eval.models.huggingface import HFLM

    model, own = causal(kind)
    return HFLM(pretrained=model, tokenizer=own, batch_size=4, device="cpu")
