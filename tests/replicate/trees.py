"""Small released data in both layouts, written from the same content."""

import json
from pathlib import Path

CHAT_MODELS = ("gpt-3.5-turbo", "llama-2-chat")


def write_lines(path: Path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def prompt_lines(prompts):
    return [{"messages": [{"role": "user", "content": prompt}]} for prompt in prompts]


def reshaped(root: Path, content):
    """Write `{dataset: {"prompts", "outputs", judgements..., "bertscore"}}` as it was reshaped."""
    for dataset, parts in content.items():
        write_lines(root / dataset / "prompts.jsonl", prompt_lines(parts["prompts"]))
        for part, files in parts.items():
            if part == "bertscore":
                write_scores(root / dataset / part, files)
            elif part != "prompts":
                folder = root / dataset / part / ("" if part == "outputs" else "outputs")
                for name, rows in files.items():
                    lines = [{"ok": True, "responses": row} for row in rows]
                    write_lines(folder / f"{name}.jsonl", lines)
    return root


def original(root: Path, content):
    """Write the same as the paper's repository has it."""
    for dataset, parts in content.items():
        own = root / "data" / dataset
        write_lines(own / "instances" / "data.jsonl", prompt_lines(parts["prompts"]))
        for part, files in parts.items():
            if part == "bertscore":
                write_scores(own / part / "outputs", files)
            elif part != "prompts":
                folder = own / part / ("" if part == "outputs" else "outputs")
                for name, rows in files.items():
                    chat = part != "outputs" or name in CHAT_MODELS
                    line = chat_line if chat else completion_line
                    write_lines(folder / name / "samples.jsonl", map(line, rows))
                    (folder / name / "args.json").write_text("{}")
    return root


def chat_line(texts):
    return {
        "ok": True,
        "outputs": [
            {"finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            for text in texts
        ],
    }


def completion_line(texts):
    refused = {"error": "Input validation error", "error_type": "validation"}
    outputs = [refused if text is None else {"generated_text": text} for text in texts]
    return {"prompt": "# Query:\n", "outputs": outputs}


def write_scores(folder: Path, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, scores in files.items():
        (folder / f"{name}.json").write_text(json.dumps(scores))


def quality(helpfulness):
    """A reply of the released judge on quality; the other aspects are all 3."""
    aspects = dict.fromkeys(("clarity", "factuality", "depth", "engagement"), "3")
    aspects = {"helpfulness": str(helpfulness), **aspects}
    return json.dumps({name: {"reason": "r", "score": score} for name, score in aspects.items()})


def stance(label):
    return json.dumps({"reason": "r", "stance": label})


def new_information(score):
    return "\n" + json.dumps({"reason": "r", "score": str(score)})


def topics(*entries):
    named = [
        {"name": f"topic {i}", "response": side, "helpfulness": helpfulness}
        for i, (side, helpfulness) in enumerate(entries)
    ]
    return json.dumps({"reason": "r", "topics": named})


def fenced(*texts):
    """Answers whose server kept the stop string."""
    return [None if text is None else f"{text}\n```" for text in texts]


def flat(rows):
    """One reply per line, prompt-major, as judgements are released."""
    return [[reply] for row in rows for reply in row]


# Two prompts with five samples each; what the tables hold of it is worked out in the tests.
CONTENT = {
    "LIMA-OE": {
        "prompts": ["What helps against a cold?", "What floats?"],
        "outputs": {
            "llama-2-base": [
                fenced("tea", "tea", "tea", "tea", "rest"),
                fenced("air", "cork", "hull", "wood", "water"),
            ],
            "llama-2-chat": [["tea rest"] * 5, ["wood water"] * 5],
            "llama-2-icl-chat-5nn-prompt_similar": [[None] * 5, fenced("", "oak", "fir", "", "")],
        },
        "eval-quality": {
            "llama-2-base": flat(
                [map(quality, (4, 4, 4, 1, 5)), map(quality, (5, 1, 1, 1, "N/A"))]
            ),
            "llama-2-chat": flat([[quality(5)] * 5] * 2),
            "llama-2-icl-chat": flat([[quality(4)], [quality(5)]]),
        },
        "eval-missing": {
            "ref_llama-2-chat--alt_llama-2-base": flat(
                [
                    map(new_information, (1, 1, 2, 2, 4)),
                    [new_information(3), *["I cannot rate this."] * 4],
                ]
            )
        },
        "extract-topics": {
            "ref_llama-2-chat--alt_llama-2-base": flat(
                [
                    [
                        topics(("A", "5"), ("A", "3"), ("B", "2"), ("both", "4")),
                        topics(("A", "4")),
                        *[topics()] * 3,
                    ],
                    [topics(("both", "N/A"))] * 5,
                ]
            )
        },
        "bertscore": {
            "llama-2-chat--llama-2-chat": {
                "instance_ids": [0, 0, 0, 1, 1],
                "ref_sample_ids": [0] * 5,
                "alt_sample_ids": [0, 1, 2, 0, 1],
                "results": {key: [1, 0.8, 0.6, 1, 0.9] for key in ("precision", "recall", "f1")},
            }
        },
    },
    "ConflictingQA": {
        "prompts": ["Is it?", "Was it?"],
        "outputs": {"gpt-3.5-turbo": [["yes"] * 5, ["no"] * 5]},
        "eval-stance": {
            "gpt-3.5-turbo": flat(
                [map(stance, ("yes", "yes", "no", "both", "both")), [stance("both")] * 5]
            )
        },
    },
}
