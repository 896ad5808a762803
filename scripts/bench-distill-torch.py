#!/usr/bin/env python3
"""The training step of crates/distill/examples/training_step.rs in PyTorch, for scripts/bench-distill: same weights, same tokens,
same loss, same optimiser.

    bench-distill-torch.py (kd|lora) FOLDER STEPS (f32|bf16)

bf16 is autocast: products in bf16, weights in f32. Needs: pip install torch numpy safetensors
"""

import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

WORKLOADS = {"kd": (8, 256), "lora": (1, 512)}
TEMPERATURE, RANK, SCALE = 2.0, 16, 2.0
MODULES = ["self_attn." + name for name in ("q_proj", "k_proj", "v_proj", "o_proj")]
MODULES += ["mlp." + name for name in ("gate_proj", "up_proj", "down_proj")]


class Llama:
    def __init__(self, folder, adapted=False):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = load_file(folder / "model.safetensors")
        self.adapters = {}
        for layer in range(self.config["num_hidden_layers"] if adapted else 0):
            for module in MODULES:
                name = f"model.layers.{layer}.{module}"
                outputs, inputs = self.weights[name + ".weight"].shape
                a = torch.empty(RANK, inputs).uniform_(-(inputs**-0.5), inputs**-0.5)
                self.adapters[name] = (a.requires_grad_(), torch.zeros(outputs, RANK).requires_grad_())

    def learning(self):
        if self.adapters:
            return [tensor for pair in self.adapters.values() for tensor in pair]
        return [tensor.requires_grad_() for tensor in self.weights.values()]

    def linear(self, x, name):
        y = F.linear(x, self.weights[name + ".weight"])
        if name in self.adapters:
            a, b = self.adapters[name]
            y = y + SCALE * F.linear(F.linear(x, a), b)
        return y

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.weights[name + ".weight"], self.config["rms_norm_eps"])

    def logits(self, ids):
        config, (count, length) = self.config, ids.shape
        heads, groups, size = (config[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim"))
        angles = torch.arange(length)[:, None] * config["rope_theta"] ** (-torch.arange(0, size, 2) / size)
        cos, sin = angles.cos(), angles.sin()

        def turn(x):
            a, b = x.chunk(2, -1)
            return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

        x = self.weights["model.embed_tokens.weight"][ids]
        for layer in range(config["num_hidden_layers"]):
            at = f"model.layers.{layer}."
            h = self.norm(x, at + "input_layernorm")
            split = lambda p, n: self.linear(h, at + f"self_attn.{p}_proj").view(count, length, n, size).transpose(1, 2)  # noqa: B023, E731
            q, k, v = turn(split("q", heads)), turn(split("k", groups)), split("v", groups)
            q, k = q.to(v.dtype), k.to(v.dtype)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != groups)
            x = x + self.linear(mixed.transpose(1, 2).reshape(count, length, -1), at + "self_attn.o_proj")
            h = self.norm(x, at + "post_attention_layernorm")
            gated = F.silu(self.linear(h, at + "mlp.gate_proj")) * self.linear(h, at + "mlp.up_proj")
            x = x + self.linear(gated, at + "mlp.down_proj")
        head = self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"])
        return F.linear(self.norm(x, "model.norm"), head)


def peak():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return None


def main():
    workload, folder, steps, precision = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    sequences, length = WORKLOADS[workload]
    teacher = Llama(folder / "teacher") if workload == "kd" else None
    student = Llama(folder / "student", adapted=workload == "lora")
    parameters = student.learning()
    optimiser = torch.optim.AdamW(parameters, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)
    vocabulary = student.config["vocab_size"]

    def loss_of(ids):
        mine = student.logits(ids)[:, :-1].float().flatten(0, 1)
        if teacher is None:
            return F.cross_entropy(mine, ids[:, 1:].flatten())
        with torch.no_grad():
            theirs = teacher.logits(ids)[:, :-1].float().flatten(0, 1)
        p, q = ((z / TEMPERATURE).log_softmax(-1) for z in (theirs, mine))
        return TEMPERATURE**2 * F.kl_div(q, p, log_target=True, reduction="batchmean")

    def step(index):
        places = torch.arange(index * sequences * length, (index + 1) * sequences * length)
        ids = ((places * 7919 + 17) % vocabulary).view(sequences, length)
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of(ids)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        return loss.item(), time.perf_counter() - start

    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    first, _ = step(0)
    seconds = [step(index)[1] for index in range(1, steps + 1)]
    print(json.dumps({"loss": first, "seconds": seconds, "peak": peak()}))


if __name__ == "__main__":
    main()
