#!/usr/bin/env python3
"""How far numbers are from their blocks when llama.cpp quantises them, for the tests of our own quantisers.

    quantize.py OUT.json        (needs: pip install gguf numpy xllamacpp)

The numbers follow from a formula that tests/quantize.rs repeats (splitmix64, sums of twelve uniform ones). llama.cpp's
quantisers are called through the shared library in the wheel of xllamacpp, without an importance matrix; where the gguf
package has a quantiser of its own, its error stands beside it. What is written is the root of the mean squared error.
"""

import ctypes
import importlib.util
import json
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

ROWS, COLUMNS = 64, 256
TYPES = ["F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_0"]
MASK = (1 << 64) - 1


def uniform(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((z ^ (z >> 31)) >> 11) * 2.0**-53


def numbers(kind):
    random = uniform(7)
    out = np.empty(ROWS * COLUMNS, dtype=np.float32)
    for i in range(out.size):
        n = sum(next(random) for _ in range(12)) - 6.0
        out[i] = {
            "normal": 0.02 * n,
            "heavy": 0.02 * n * n * n,
            "shifted": 0.02 * n + 0.03,
            "outliers": 0.02 * n * (20.0 if i % 61 == 0 else 1.0),
            "sparse": 0.02 * n if i % 5 == 0 else 0.0,
        }[kind]
    return out


def ggml():
    package = pathlib.Path(importlib.util.find_spec("xllamacpp").origin).parent
    library = ctypes.CDLL(str(next(package.glob("*.so"))))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]
    return library


def rmse(values, blocks, kind):
    back = dequantize(blocks.reshape(ROWS, -1), kind).astype(np.float64).ravel()
    return float(np.sqrt(np.mean((values.astype(np.float64) - back) ** 2)))


def case(library, values, name):
    kind = GGMLQuantizationType[name]
    per_block, size = GGML_QUANT_SIZES[kind]
    blocks = np.zeros(values.size // per_block * size, dtype=np.uint8)
    written = library.ggml_quantize_chunk(int(kind), values.ctypes.data, blocks.ctypes.data, 0, ROWS, COLUMNS, None)
    assert written == blocks.size, (name, written, blocks.size)
    found = {"llama.cpp": rmse(values, blocks, kind)}
    try:
        found["gguf"] = rmse(values, quantize(values.reshape(ROWS, COLUMNS), kind).view(np.uint8), kind)
    except NotImplementedError:
        pass
    return found


def main():
    library = ggml()
    kinds = ["normal", "heavy", "shifted", "outliers", "sparse"]
    cases = {kind: {name: case(library, numbers(kind), name) for name in TYPES} for kind in kinds}
    file = {"format": "hydrometer.reference-quantize/1", "rows": ROWS, "columns": COLUMNS, "cases": cases}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(file, indent=1) + "\n")


if __name__ == "__main__":
    main()
