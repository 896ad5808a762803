#!/usr/bin/env python3
"""Blocks of GGUF's quantised formats and the numbers in them, by ggml's own Python package, for the tests of our unpacking.

    reference-blocks.py OUT.json        (needs: pip install gguf numpy)

The bytes are random; only the exponents of the scales are kept below those of infinity and NaN. Bytes and numbers
(float32, little-endian) are written in hexadecimal, so that equality is equality of bits. Q8_1 and Q8_K are not in the
package: no file holds them.
"""

import json
import sys

import gguf
import numpy as np
from gguf.quants import dequantize

ROWS, COLUMNS = 5, 256

# Where the half-precision scales of a block begin.
SCALES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}


def case(name, scales, random):
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // values, size), dtype=np.uint8)
    for at in scales:
        blocks[:, at + 1] &= 0xBB
    numbers = dequantize(blocks, kind).astype("<f4")
    assert numbers.size == ROWS * COLUMNS and np.isfinite(numbers).all()
    return {"blocks": blocks.tobytes().hex(), "numbers": numbers.tobytes().hex()}


def main():
    random = np.random.default_rng(7)
    cases = {name: case(name, scales, random) for name, scales in SCALES.items()}
    file = {"format": "hydrometer.reference-blocks/1", "rows": ROWS, "columns": COLUMNS, "cases": cases}
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(file, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
