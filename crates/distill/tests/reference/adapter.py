#!/usr/bin/env python3
"""Loads an adapter that `hydrometer distill` wrote with peft, onto the student before training, and compares its logits with
those of the merged student beside it.

    python crates/distill/tests/reference/adapter.py distilled

Needs: pip install torch transformers peft safetensors
"""

import pathlib
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


@torch.no_grad()
def main(run):
    start = AutoModelForCausalLM.from_pretrained(run / "start", torch_dtype=torch.float32).eval()
    ids = torch.arange(3, 63)[None] * 7919 % start.config.vocab_size
    before = start(ids).logits
    for adapter in sorted(run.glob("*/adapter")):
        student = adapter.parent / "student"
        merged = AutoModelForCausalLM.from_pretrained(student, torch_dtype=torch.float32).eval()
        base = AutoModelForCausalLM.from_pretrained(run / "start", torch_dtype=torch.float32)
        adapted = PeftModel.from_pretrained(base, adapter).eval()
        found, expected = adapted(ids).logits, merged(ids).logits
        learnt = sum(p.numel() for name, p in adapted.named_parameters() if "lora_" in name)
        apart = (found - expected).abs().max().item()
        moved = (expected - before).abs().max().item()
        print(f"{adapter}: {learnt} adapter weights, logits moved by {moved:.3g}, peft and merged apart by {apart:.2g}")
        assert moved > 1e-3 and apart < 1e-4


main(pathlib.Path(sys.argv[1]))
