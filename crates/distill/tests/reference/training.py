#!/usr/bin/env python3
"""Fifty steps of distillation in PyTorch from the same start, data and order, for tests/network.rs and tests/hidden.rs.

    python crates/distill/tests/reference/training.py > crates/distill/tests/reference/training.json

Teachers are the tiny models of crates/models/tests/reference; a student is two layers of its teacher. The last run compares hidden
states, too. Needs: pip install torch numpy safetensors
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

MODELS = pathlib.Path(__file__).resolve().parents[3] / "models/tests/reference"
STEPS, WARM_UP, PEAK, FLOOR = 50, 5, 2e-3, 0.1
TEMPERATURE, HARD = 2.0, 0.3
LENGTHS = [9, 17, 5, 12, 23, 3]


def rotations(config, positions):
    size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    frequencies = config.get("rope_theta", 10000.0) ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    scaling = config.get("rope_scaling")
    if scaling and scaling["rope_type"] == "llama3":
        turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        frequencies = frequencies * (kept + (1 - kept) / scaling["factor"])
    angles = torch.arange(positions, dtype=torch.float64)[:, None] * frequencies
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def norm(x, weight, eps):
    return x * (x.pow(2).mean(-1, keepdim=True) + eps).rsqrt() * weight


def logits(config, weights, layers, ids):
    """Of one sequence: [tokens] -> [tokens, vocabulary], and the residual stream behind each of `layers`."""
    heads, kv, eps = config["num_attention_heads"], config["num_key_value_heads"], config["rms_norm_eps"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    turns, n = rotations(config, len(ids)), len(ids)
    x, states = weights["model.embed_tokens.weight"][ids], []
    for layer in layers:
        get = lambda name: weights.get(f"model.layers.{layer}.{name}")  # noqa: B023, E731
        h = norm(x, get("input_layernorm.weight"), eps)
        split = lambda p, count: F.linear(  # noqa: E731
            h, get(f"self_attn.{p}_proj.weight"), get(f"self_attn.{p}_proj.bias")  # noqa: B023
        ).view(n, count, size).transpose(0, 1)
        q, k, v = rotate(split("q", heads), *turns), rotate(split("k", kv), *turns), split("v", kv)
        k, v = (part.repeat_interleave(heads // kv, 0) for part in (k, v))
        scores = (q @ k.transpose(1, 2)) * size**-0.5
        scores = scores.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1), -math.inf)
        mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(n, -1)
        x = x + F.linear(mixed, get("self_attn.o_proj.weight"))
        h = norm(x, get("post_attention_layernorm.weight"), eps)
        gated = F.silu(F.linear(h, get("mlp.gate_proj.weight"))) * F.linear(h, get("mlp.up_proj.weight"))
        x = x + F.linear(gated, get("mlp.down_proj.weight"))
        states.append(x)
    head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    if config.get("tie_word_embeddings"):
        head = weights["model.embed_tokens.weight"]
    return F.linear(norm(x, weights["model.norm.weight"], eps), head), states


def rate(step):
    if step < WARM_UP:
        return PEAK * (step + 1) / WARM_UP
    done = (step - WARM_UP) / (STEPS - WARM_UP)
    return PEAK * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))


DISTANCES = {
    "cosine": lambda s, t: 1 - F.cosine_similarity(s, t, dim=-1),
    "mean_square": lambda s, t: (s - t).pow(2).mean(-1),
}


def run(name, kept, hidden=None):
    folder = MODELS / name
    config = json.loads((folder / "config.json").read_text())
    teacher = {}
    for file in sorted(folder.glob("*.safetensors")):
        teacher |= {key: value.float() for key, value in load_file(file).items()}
    wanted = lambda key: ".layers." not in key or int(key.split(".")[2]) in kept  # noqa: E731
    student = {key: value.clone().requires_grad_() for key, value in teacher.items() if wanted(key)}
    matrices = [value for value in student.values() if value.ndim == 2]
    vectors = [value for value in student.values() if value.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.95), eps=1e-8)
    generator = torch.Generator().manual_seed(7)
    batches = [
        [torch.randint(config["vocab_size"], (length,), generator=generator) for length in LENGTHS]
        for _ in range(STEPS)
    ]
    losses, lengths = [], []
    for step, batch in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        hard, soft, apart, count = 0.0, 0.0, 0.0, 0
        for ids in batch:
            with torch.no_grad():
                theirs, their_states = logits(config, teacher, range(config["num_hidden_layers"]), ids)
            mine, my_states = logits(config, student, kept, ids)
            theirs, mine = theirs[:-1], mine[:-1]
            for s, t in (hidden or {}).get("layers", []):
                pair = DISTANCES[hidden["distance"]](my_states[s][:-1], their_states[t][:-1])
                apart = apart + hidden["weight"] / len(hidden["layers"]) * pair.sum()
            hard = hard + F.cross_entropy(mine, ids[1:], reduction="sum")
            p, q = ((z / TEMPERATURE).log_softmax(-1) for z in (theirs, mine))
            soft = soft + (p.exp() * (p - q)).sum()
            count += len(ids) - 1
        loss = (HARD * hard + (1 - HARD) * TEMPERATURE**2 * soft + apart) / count
        optimiser.zero_grad()
        loss.backward()
        lengths.append(torch.nn.utils.clip_grad_norm_(matrices + vectors, 1.0).item())
        optimiser.step()
        losses.append(loss.item())
    return {
        "model": name,
        "layers": kept,
        "hidden": hidden,
        "batches": [[ids.tolist() for ids in batch] for batch in batches],
        "losses": losses,
        "gradients": lengths,
    }


def main():
    torch.set_num_threads(1)
    runs = [run("tiny-llama", [0, 2]), run("tiny-qwen2", [0, 2])]
    for distance, weight in (("cosine", 1.5), ("mean_square", 3.0)):
        runs.append(run("tiny-llama", [0, 2], {"distance": distance, "weight": weight, "layers": [[0, 1], [1, 2]]}))
    print(json.dumps({"torch": torch.__version__, "runs": runs}))


if __name__ == "__main__":
    main()
