#!/usr/bin/env python3
"""llama.cpp's server out of the wheel of xllamacpp, started as `llama-server` is: for tests on machines that have no compiler to spare.

    python crates/cli/tests/reference/llama_server.py -m MODEL.gguf -c 2048 --parallel 1 --port 8080

Says `listening on http://…` when it is ready, and serves until it is killed. Needs: pip install xllamacpp
"""

import argparse
import signal

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("-m", "--model", required=True)
parser.add_argument("-c", "--ctx-size", type=int, default=0)
parser.add_argument("--parallel", type=int, default=1)
parser.add_argument("--cache-type-k", default="f16")
parser.add_argument("--cache-type-v", default="f16")
parser.add_argument("--flash-attn", choices=["on", "off", "auto"], default="auto")
parser.add_argument("--port", type=int, default=8080)
arguments = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = arguments.model
params.n_ctx = arguments.ctx_size
params.n_parallel = arguments.parallel
params.port = arguments.port
cache = {name: getattr(xllamacpp.ggml_type, f"GGML_TYPE_{name.upper()}") for name in ["f16", "f32"]}
params.cache_type_k, params.cache_type_v = cache[arguments.cache_type_k], cache[arguments.cache_type_v]
flash = {"on": "ENABLED", "off": "DISABLED", "auto": "AUTO"}[arguments.flash_attn]
params.flash_attn_type = getattr(xllamacpp.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{flash}")

server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)
signal.pause()
