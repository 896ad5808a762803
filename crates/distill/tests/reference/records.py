"""Training records of every shape as Parquet, as pyarrow writes them: `records/*.parquet`.

pip install pyarrow; python records.py
"""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parent / "records"
OUT.mkdir(exist_ok=True)


def write(name, rows, **options):
    pq.write_table(pa.Table.from_pylist(rows), OUT / f"{name}.parquet", **options)


USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "tide", "arguments": {"port": "Brest"}}}],
}
RESULT = {"role": "tool", "content": "low", "tool_call_id": "1"}

# The second row has tools: every message has a `tool_calls` then, null where it makes none. Metadata are a map.
table = pa.Table.from_pylist([{"messages": [USER, ANSWER]}, {"messages": [USER, CALL, RESULT, ANSWER]}])
metadata = pa.array([[("license", "mit")], None], pa.map_(pa.string(), pa.string()))
pq.write_table(table.append_column("metadata", metadata), OUT / "messages.parquet")
write("messages_json", [{"messages": json.dumps([USER, ANSWER])}, {"messages": "no JSON"}], compression="zstd")
write("sharegpt", [{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}], data_page_version="2.0")
write("alpaca", [{"instruction": "Hi", "input": "", "output": "Hello"}, {"instruction": "Hi", "input": None, "output": "Hello"}])
write("prompt_completion", [{"prompt": "Hi", "completion": " there"}], compression="none")
write("preference", [{"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}])
write("text", [{"text": f"text {n}", "n": n} for n in range(1100)], row_group_size=1050)
write("unknown", [{"question": "Hi"}])
# A way to pack that is not read.
write("gzip", [{"text": "packed"}], compression="gzip")
