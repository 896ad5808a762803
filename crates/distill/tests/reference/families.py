#!/usr/bin/env python3
"""Loss and gradients of the tiny models of every family in transformers, for tests/network.rs.

    python crates/distill/tests/reference/families.py > crates/distill/tests/reference/families.json

The loss is the mean cross-entropy of the next tokens of two sequences, one of them longer than the window of tiny-gemma3. Of
every tensor's gradient stand its length, and its product with the direction cos(0), cos(1), …. Needs: pip install torch
transformers safetensors (4.51 or newer)
"""

import json
import pathlib

import torch
import torch.nn.functional as F
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

MODELS = pathlib.Path(__file__).resolve().parents[3] / "models/tests/reference"


def ids(count, vocab, start):
    return torch.tensor([(start + i * 7919) % vocab for i in range(count)])


def run(name):
    config = AutoConfig.from_pretrained(MODELS / name)
    written = json.loads((MODELS / name / "config.json").read_text())
    # Version 5 writes θ here; version 4 does not look there.
    theta = (written.get("rope_parameters") or {}).get("rope_theta")
    if theta and transformers.__version__ < "5":
        config.rope_theta = theta
    # Version 4.51 masks by a window that is switched off.
    if not getattr(config, "use_sliding_window", True):
        config.sliding_window = None
    model = AutoModelForCausalLM.from_pretrained(
        MODELS / name, config=config, torch_dtype=torch.float32, attn_implementation="eager"
    ).eval()
    sequences = [ids(40, config.vocab_size, 3), ids(7, config.vocab_size, 100)]
    total, count = 0.0, 0
    for sequence in sequences:
        logits = model(sequence[None], use_cache=False).logits[0, :-1]
        total = total + F.cross_entropy(logits, sequence[1:], reduction="sum")
        count += len(sequence) - 1
    loss = total / count
    loss.backward()
    gradients = {}
    for key, parameter in model.named_parameters():
        g = parameter.grad.double().flatten()
        along = torch.arange(len(g), dtype=torch.float64).cos()
        gradients[key] = [g.norm().item(), (g @ along).item()]
    return {"model": name, "sequences": [s.tolist() for s in sequences], "loss": loss.item(), "gradients": gradients}


def main():
    torch.set_num_threads(1)
    runs = [run(name) for name in ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"]]
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps({**versions, "runs": runs}))


if __name__ == "__main__":
    main()
