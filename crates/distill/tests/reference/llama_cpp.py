#!/usr/bin/env python3
"""Opens GGUF files that hydrometer wrote with llama.cpp, and compares tokens and log-probabilities with our engine's.

    python crates/distill/tests/reference/llama_cpp.py HYDROMETER TEXT MODEL.gguf...

HYDROMETER is the binary, TEXT a text file of some thousand words. For each model our engine writes a base file (`hydrometer
export llama-kld`: every log-probability of the second half of each chunk in 16 bits), and llama.cpp scores the same chunks:
once the file as it is, and, where it is quantised, once dequantised to F32 (`hydrometer quantize --to f32`), because llama.cpp
rounds activations to 8 bits in products with quantised weights and we do not. Ends with 1 where tokens differ, or numbers by more
than such rounding makes.

llama.cpp is the shared library in the wheel of xllamacpp, called by its C interface; its KV cache is set to F32.
Needs: pip install numpy xllamacpp
"""

import ctypes
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

CTX, CHUNKS = 256, 4
# Nats between both where llama.cpp rounds activations, and where it does not: base files keep 16 bits of a log-probability.
ROUNDED, EXACT = 1e-2, 1e-6


class Opaque(ctypes.Structure):
    """A structure of llama.cpp's by value: what it holds is looked at only where the defaults say what stands there."""

    _fields_ = [("bytes", ctypes.c_uint8 * 1024)]

    def set(self, at, before, value):
        place = ctypes.cast(ctypes.byref(self, at), ctypes.POINTER(ctypes.c_int32))
        assert place[0] == before, f"another layout than expected: {place[0]} at {at}"
        place[0] = value


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


class LlamaCpp:
    def __init__(self, path):
        package = pathlib.Path(importlib.util.find_spec("xllamacpp").origin).parent
        self.lib = lib = ctypes.CDLL(str(next(package.glob("*.so"))))
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in [
            ("llama_log_set", None, [pointer, pointer]),
            ("llama_model_default_params", Opaque, []),
            ("llama_context_default_params", Opaque, []),
            ("llama_model_load_from_file", pointer, [text, Opaque]),
            ("llama_init_from_model", pointer, [pointer, Opaque]),
            ("llama_model_get_vocab", pointer, [pointer]),
            ("llama_vocab_n_tokens", ctypes.c_int32, [pointer]),
            ("llama_vocab_get_add_bos", ctypes.c_bool, [pointer]),
            ("llama_vocab_bos", ctypes.c_int32, [pointer]),
            ("llama_vocab_eos", ctypes.c_int32, [pointer]),
            ("llama_model_chat_template", text, [pointer, text]),
            ("llama_tokenize", ctypes.c_int32, [pointer, text, ctypes.c_int32, pointer, ctypes.c_int32, ctypes.c_bool, ctypes.c_bool]),
            ("llama_get_memory", pointer, [pointer]),
            ("llama_memory_clear", None, [pointer, ctypes.c_bool]),
            ("llama_batch_init", Batch, [ctypes.c_int32, ctypes.c_int32, ctypes.c_int32]),
            ("llama_decode", ctypes.c_int32, [pointer, Batch]),
            ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), [pointer, ctypes.c_int32]),
        ]:
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self.silent = ctypes.CFUNCTYPE(None, ctypes.c_int, text, pointer)(lambda level, line, _: None)
        lib.llama_log_set(ctypes.cast(self.silent, pointer), None)
        self.model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        assert self.model, f"llama.cpp does not open {path}"
        params = lib.llama_context_default_params()
        params.set(0, 512, CTX)  # n_ctx
        params.set(104, 1, 0)  # type_k: F32
        params.set(108, 1, 0)  # type_v: F32
        params.set(52, -1, 0)  # no flash attention
        self.context = lib.llama_init_from_model(self.model, params)
        assert self.context, "llama.cpp makes no context"
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.size = lib.llama_vocab_n_tokens(self.vocab)

    def tokens(self, text):
        data = text.encode()
        out = (ctypes.c_int32 * (len(data) + 8))()
        count = self.lib.llama_tokenize(self.vocab, data, len(data), out, len(out), True, False)
        assert count >= 0
        return np.array(out[:count])

    def log_probs(self, tokens, first):
        """Of the token after each position from `first` on, but for the last."""
        lib, count = self.lib, len(tokens)
        if lib.llama_vocab_get_add_bos(self.vocab):
            tokens = [lib.llama_vocab_bos(self.vocab), *tokens[1:]]
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)
        batch = lib.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = int(token), i, 1, 1
            batch.seq_id[i][0] = 0
        assert lib.llama_decode(self.context, batch) == 0
        rows = [np.ctypeslib.as_array(lib.llama_get_logits_ith(self.context, i), (self.size,)) for i in range(first, count - 1)]
        rows = np.array(rows, dtype=np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))


def base_file(path):
    """Tokens, log-probabilities, and which of them are more than the least that 16 bits can say."""
    data = path.read_bytes()
    assert data[:8] == b"_logits_"
    ctx, vocab, chunks = np.frombuffer(data, "<i4", 3, 8)
    tokens = np.frombuffer(data, "<i4", ctx * chunks, 20).reshape(chunks, ctx)
    width, rows = vocab + vocab % 2, ctx - 1 - ctx // 2
    row = np.dtype([("scale", "<f4"), ("least", "<f4"), ("codes", "<u2", (width,))])
    found = np.frombuffer(data, row, offset=20 + 4 * ctx * chunks).reshape(chunks, rows)
    codes = found["codes"][..., :vocab].astype(np.float64)
    log_probs = found["scale"][..., None] * codes + found["least"][..., None]
    return tokens, log_probs, codes > 0


def compare(hydrometer, text, model, scored_by_llama_cpp, label, most):
    """Whether llama.cpp reads the text as we do, and no more than `most` nats of KL divergence lie between the two."""
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "base.kld"
        arguments = ["export", "llama-kld", "--teacher", model, "--text", text, "--ctx", CTX, "--chunks", CHUNKS, "--out", base]
        subprocess.run([hydrometer, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)
        tokens, ours, held = base_file(base)
    theirs = LlamaCpp(scored_by_llama_cpp)
    expected = theirs.tokens(text.read_text())[: tokens.size]
    same = np.array_equal(expected, tokens.ravel())
    largest, kl, losses = 0.0, [], ([], [])
    for chunk, rows, said in zip(tokens, ours, held):
        other = theirs.log_probs(chunk, CTX // 2)
        largest = max(largest, np.abs(rows - other)[said].max())
        kl.append((np.exp(rows) * np.where(said, rows - other, 0.0)).sum(axis=1))
        target = chunk[CTX // 2 + 1 :]
        at = np.arange(len(target))
        losses[0].append(-rows[at, target])
        losses[1].append(-other[at, target])
    mine, others = (np.exp(np.concatenate(part).mean()) for part in losses)
    print(
        f"{label:<38} tokens {'equal' if same else 'DIFFER'} ({tokens.size})  largest difference {largest:.2e}  "
        f"KL {np.concatenate(kl).mean():.2e}  perplexity {mine:.4f} here, {others:.4f} there"
    )
    return same and abs(np.concatenate(kl).mean()) <= most


def main(hydrometer, text, models):
    hydrometer, text = pathlib.Path(hydrometer).resolve(), pathlib.Path(text)
    fine = True
    for model in map(pathlib.Path, models):
        fine &= compare(hydrometer, text, model, model, model.name, ROUNDED)
        with tempfile.TemporaryDirectory() as folder:
            full = pathlib.Path(folder) / "f32.gguf"
            arguments = ["quantize", model, "--to", "f32", "--out", full]
            subprocess.run([hydrometer, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            fine &= compare(hydrometer, text, model, full, f"{model.name}, there in F32", EXACT)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
