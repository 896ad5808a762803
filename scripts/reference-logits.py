#!/usr/bin/env python3
"""Reference logits from an independent implementation, for the tests of crates/models.

    reference-logits.py MODEL TOKENS.json OUT.json     compute (MODEL: a .gguf file or a Hugging Face folder)
    reference-logits.py --write-tokens MODEL OUT.json  make a TOKENS.json for a model

Hugging Face transformers runs the model on the dequantised weights with eager attention, in float32 and, unless
--no-float64 is given, in float64. The float64 numbers are the ones stored; `float32_gap` says how far this same
implementation in float32 is from them, which is the scale for a test's tolerance. (Inside float64, transformers
still computes RMSNorm, the softmax and the rotary angles in float32.)

Needs: pip install torch transformers gguf accelerate safetensors numpy
Numbers stored: token ids (of our own sentences, or drawn at random), logsumexp, the 20 largest logits, 64 fixed ones.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import sys

SEED = 20_260_101
TOP = 20
FIXED = 64
# Our own sentences. They are cut by greedy longest match on the vocabulary: valid ids, not the tokenizer's own cut.
PROSE = (
    "The lighthouse keeper wrote down the weather every evening: wind from the north-west, rain before midnight, "
    "and a barometer that had fallen since noon. Nobody had asked for the record, but the keeper kept it anyway, "
    "because a list of small facts is worth more than one large opinion about the sea."
)
CODE = (
    "def settle(orders, limit=250):\n    total = 0\n    for order in orders:\n        if order.amount > limit:\n"
    "            raise ValueError('over the limit: %d > %d' % (order.amount, limit))\n        total += order.amount\n"
    "    return total  # 3 orders of 17.50 make 52.50\n"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-tokens", action="store_true", help="write a token file instead of logits")
    parser.add_argument("--no-float64", action="store_true", help="float32 only (half the memory)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("paths", nargs="+", type=pathlib.Path, metavar="PATH")
    args = parser.parse_args()
    if args.write_tokens and len(args.paths) == 2:
        write_json(args.paths[1], make_tokens(args.paths[0]))
    elif not args.write_tokens and len(args.paths) == 3:
        model, tokens, out = args.paths
        write_json(out, reference(model, json.loads(tokens.read_text()), args.threads, not args.no_float64))
    else:
        parser.error("expected MODEL TOKENS.json OUT.json, or --write-tokens MODEL OUT.json")


# --- token sequences ---------------------------------------------------------------------------------------------


def make_tokens(model):
    """Three sequences of 48 tokens, and a long one where the model has a sliding window."""
    import gguf

    fields = gguf.GGUFReader(model).fields
    value = lambda key, default=None: fields[key].contents() if key in fields else default  # noqa: E731
    pieces = value("tokenizer.ggml.tokens")
    kinds = value("tokenizer.ggml.token_type")
    byte_level = value("tokenizer.ggml.model") == "gpt2"
    normal = {piece: i for i, piece in enumerate(pieces) if kinds[i] in (1, 4)}  # normal, user-defined (Gemma's line breaks)
    bos = [value("tokenizer.ggml.bos_token_id")] if value("tokenizer.ggml.add_bos_token") else []
    rng = random.Random(SEED)
    everything = sorted(normal.values())

    def short(name, ids):
        ids = (bos + ids)[:48]
        return {"name": name, "tokens": ids, "positions": [0, 1, 2, 3, 5, 8, 13, 21, 30, 39, 46, 47]}

    sequences = [
        short("prose", longest_match(PROSE, normal, byte_level)),
        short("code", longest_match(CODE, normal, byte_level)),
        short("random", rng.sample(everything, 48)),
    ]
    window = value(f"{value('general.architecture')}.attention.sliding_window")
    if window:
        words = longest_match(PROSE + " " + CODE, normal, byte_level)
        ids = bos + [rng.choice(words) for _ in range(window + 128 - len(bos))]
        at = [0, window // 2, window - 2, window - 1, window, window + 1, window + 2, window + 64, len(ids) - 1]
        sequences.append({"name": "longer than the window", "tokens": ids, "positions": at})
    return {"format": "hydrometer.reference-tokens/1", "seed": SEED, "sequences": sequences}


def longest_match(text, vocabulary, byte_level):
    text = text.replace(" ", "Ġ").replace("\n", "Ċ") if byte_level else text.replace(" ", "▁")
    ids, i = [], 0
    while i < len(text):
        end = next(e for e in range(len(text), i, -1) if text[i:e] in vocabulary)
        ids.append(vocabulary[text[i:end]])
        i = end
    return ids


# --- logits ------------------------------------------------------------------------------------------------------


def reference(path, tokens, threads, float64):
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = load(path)
    vocab = model.get_input_embeddings().weight.shape[0]
    # Evenly spread, first and last id included: catches a row that is off anywhere in the output matrix.
    fixed = sorted({round(i * (vocab - 1) / (FIXED - 1)) for i in range(FIXED)})
    rows32 = [logits(model, s) for s in tokens["sequences"]]
    rows = rows32
    gap = None
    if float64:
        model = model.double()
        rows = [logits(model, s) for s in tokens["sequences"]]
        gap = max((a.double() - b).abs().max().item() for a, b in zip(rows32, rows))
    return {
        "format": "hydrometer.reference-logits/1",
        "model": path.name,
        "sha256": weights_hash(path),
        "architecture": model.config.model_type,
        "precision": "float64" if float64 else "float32",
        "float32_gap": None if gap is None else float(f"{gap:.3g}"),
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "vocab": vocab,
        "fixed_ids": fixed,
        "sequences": [
            {
                "name": s["name"],
                "tokens": s["tokens"],
                "at": [describe(row, position, fixed) for row, position in zip(r, s["positions"])],
            }
            for s, r in zip(tokens["sequences"], rows)
        ],
    }


def load(path):
    import torch
    from transformers import AutoModelForCausalLM

    where = {"gguf_file": path.name} if path.is_file() else {}
    folder = path.parent if path.is_file() else path
    model = AutoModelForCausalLM.from_pretrained(folder, **where, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def logits(model, sequence):
    import torch

    with torch.no_grad():
        ids = torch.tensor([sequence["tokens"]])
        return model(ids, use_cache=False).logits[0, sequence["positions"]]


def describe(row, position, fixed):
    import torch

    top = torch.topk(row, min(TOP, row.numel()))
    return {
        "position": position,
        "logsumexp": round(torch.logsumexp(row.double(), 0).item(), 6),
        "top_ids": top.indices.tolist(),
        "top_logits": [round(x, 5) for x in top.values.tolist()],
        "fixed_logits": [round(x, 5) for x in row[fixed].tolist()],
    }


def weights_hash(path):
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as f:
            while block := f.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def write_json(path, value):
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, separators=(",", ":")).replace('{"position"', '\n{"position"') + "\n")
    os.replace(temporary, path)
    print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
