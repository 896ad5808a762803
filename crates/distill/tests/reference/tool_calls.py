"""What `transformers` makes of conversations with tools: `tool_calls.json`, with the template that it was made by.

pip install transformers jinja2; python tool_calls.py
"""

import json
import pathlib

import transformers
from transformers.utils.chat_template_utils import render_jinja_template

# Of our own writing, in the way of Qwen and Hermes.
TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n" }}
    {%- for tool in tools %}
        {{- tool | tojson + "\\n" }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- elif message.role != 'system' %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if message.content %}
            {{- message.content }}
        {%- endif %}
        {%- for call in message.tool_calls or [] %}
            {{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

PORT = {"type": "object", "properties": {"port": {"type": "string"}, "days": {"type": "integer"}}, "required": ["port"]}
TOOLS = [
    {"type": "function", "function": {"name": "tide", "description": "The next low tide", "parameters": PORT}},
    {"type": "function", "function": {"name": "wind", "description": "Wind <now>", "parameters": {"type": "object", "properties": {}}}},
]


def call(name, arguments):
    return {"id": "call00000", "type": "function", "function": {"name": name, "arguments": arguments}}


def result(content):
    return {"role": "tool", "tool_call_id": "call00000", "name": "tide", "content": content}


CASES = [
    {
        "tools": TOOLS,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "When is low tide at Brest?"},
            {"role": "assistant", "content": None, "tool_calls": [call("tide", {"port": "Brest", "days": 1})]},
            result('{"at": "14:10"}'),
            {"role": "assistant", "content": "At ten past two."},
            {"role": "user", "content": "And at Göteborg, with wind?"},
            {"role": "assistant", "content": "One moment.", "tool_calls": [call("tide", {"port": "Göteborg"}), call("wind", {})]},
            result("none"),
            result("calm"),
            {"role": "assistant", "content": "No tide, and it is calm."},
        ],
    },
    {
        "tools": None,
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "", "tool_calls": [call("wind", {"nested": {"a": [1, 2.5, True, None]}})]},
        ],
    },
]

for case in CASES:
    rendered, _ = render_jinja_template(
        conversations=[case["messages"]], tools=case["tools"], chat_template=TEMPLATE, add_generation_prompt=False
    )
    case["rendered"] = rendered[0]

out = {"transformers": transformers.__version__, "template": TEMPLATE, "cases": CASES}
path = pathlib.Path(__file__).parent / "tool_calls.json"
path.write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
