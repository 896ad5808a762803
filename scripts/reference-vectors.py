#!/usr/bin/env python3
"""Vectors of texts by a sentence encoder, from Hugging Face transformers in float64, for the tests of our own encoder.

    reference-vectors.py FOLDER OUT.json        (needs: pip install torch transformers tokenizers)

Texts longer than max_seq_length are cut into stretches of that many tokens, specials included; the pooled vectors of the
stretches are added with their numbers of tokens as weights. Every vector is divided by its Euclidean length. The sentences
are ours.
"""

import json
import pathlib
import sys

import torch
from tokenizers import Tokenizer
from transformers import BertModel

TEXTS = [
    "The keeper of the lighthouse wrote down the weather every evening.",
    "Every evening the lighthouse keeper noted what the weather was like.",
    "A barometer that falls before noon brings rain.",
    "I would refuse and tell my manager.",
    "",
    "  Naïve CAFÉ — 東京, 17.50 🙂  ",
    "The boat came back. " * 30,
]


def vectors(folder):
    folder = pathlib.Path(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model = BertModel.from_pretrained(folder, torch_dtype=torch.float64, attn_implementation="eager").eval()
    longest = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    first, last = tokenizer.encode("").ids
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        step = longest - 2
        sums = {"mean": 0, "cls": 0}
        for start in range(0, max(len(ids), 1), step):
            stretch = [first, *ids[start : start + step], last]
            with torch.no_grad():
                hidden = model(torch.tensor([stretch])).last_hidden_state[0]
            sums["mean"] += hidden.mean(0) * len(stretch)
            sums["cls"] += hidden[0] * len(stretch)
        cases.append({"text": text, **{name: (v / v.norm()).tolist() for name, v in sums.items()}})
    return {"format": "hydrometer.reference-vectors/1", "cases": cases}


def write(path, result, digits=9):
    rounded = [
        {"text": c["text"], **{k: [float(f"{x:.{digits}g}") for x in c[k]] for k in ("mean", "cls") if k in c}}
        for c in result["cases"]
    ]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in rounded)
    pathlib.Path(path).write_text(f'{{"format":"{result["format"]}","cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = vectors(sys.argv[1])
    for case in found["cases"]:
        del case["cls"]
    write(sys.argv[2], found, digits=7)
