#!/usr/bin/env python3
"""Opens a student that `hydrometer distill` wrote with transformers, and compares its logits with those of the plain
PyTorch decoder of training.py, which tests/network.rs ties to the trainer: none may differ by 1e-4.

    python crates/distill/tests/reference/export.py distilled/distilled/student

Needs: pip install torch transformers safetensors
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from training import logits
from transformers import AutoModelForCausalLM, AutoTokenizer

# Of two logits that the same weights give, f32.
LARGEST = 1e-4
TEXT = "It's 12,345 o'clock; they'll come.\n\n  Twice  indented: Größe, café, 北京, 🙂"


@torch.no_grad()
def main(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    ids = tokenizer(TEXT, return_tensors="pt").input_ids
    config = json.loads((folder / "config.json").read_text())
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    ours, _ = logits(config, weights, range(config["num_hidden_layers"]), ids[0])
    print("ids", ids[0].tolist())
    print("text", repr(tokenizer.decode(ids[0])))
    largest = (model(ids).logits[0] - ours).abs().max().item()
    print("largest difference of logits", largest)
    assert largest < LARGEST, f"expected less than {LARGEST}, found {largest}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
