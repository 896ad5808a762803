#!/usr/bin/env python3
"""Writes the tiny random models beside this file, one Hugging Face folder per architecture, and their logits or vectors.

    make-tiny.py            (needs: pip install torch transformers tokenizers safetensors numpy)

The weights are random numbers from a seed, large enough that every part shows in the logits: rotary angles, q/k norm,
sliding window, biases, scales. Sizes are odd on purpose: kv_heads < heads, heads · head_dim ≠ d_model, a vocabulary
with padding rows, more tokens than the window. The four folders also differ in what a reader meets in the wild:

    tiny-llama    bfloat16, untied, rope_scaling of type llama3, config as transformers 4 wrote it
    tiny-qwen2    float32 in two shards with an index, tied, q/k/v biases, config as transformers 4 wrote it
    tiny-qwen3    float32, tied, q/k norm, head_dim 32 while d_model/heads is 16, config as transformers 5 writes it
    tiny-gemma3   bfloat16, tied, window 16 on five layers of six, two rotary bases, query_pre_attn_scalar ≠ head_dim
    tiny-bert     float32, a sentence encoder: no decoder, its vectors are in vectors.tiny-bert.json

tokenizer-cases.json holds texts of ours and the ids that the `tokenizers` library gives (specials not added), and, in
`with_specials`, the ids with the post-processor's specials. logits.tiny-qwen3-{linear,yarn}.json are for the same
weights as tiny-qwen3 with the `config` entries given in the file replaced.
"""

import importlib.util
import json
import pathlib
import random
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, BertModel

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
LENGTH = 48
POSITIONS = [0, 1, 2, 5, 13, 15, 16, 17, 18, 31, 33, 46, 47]
SENTENCES = [
    "The keeper of the lighthouse wrote down the weather every evening.",
    "A barometer that falls before noon brings rain and wind from the north.",
    "for order in orders: total = total + order.amount  # 3 orders of 17.50 make 52.50",
    "When the boat came back, the sailors carried the lamp to the tower and lit it again.",
    "A list of small facts is worth more than one large opinion about the sea.",
]
CASES = SENTENCES[:1] + [
    "",
    " ",
    "a",
    "  two  spaces\tand a tab\n\nand lines\r\n",
    "Don't we'll I'M they're",
    "12345 x 67.8 = 1,000",
    "naïve café — Übermut, 東京, Привет, 🙂",
    "<|im_start|>user\nthe weather<|im_end|>",
    "<start_of_turn>user\nthe weather<end_of_turn>",
    "e\u0301 is not \u00e9",
    "snake_case(CamelCase)->[i+1];",
]
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
DIGITS_ONE = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS_THREE = DIGITS_ONE.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TURNS = (
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' "
    "else message['role']) + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)


def main():
    small = {"hidden_act": "silu", "rms_norm_eps": 1e-6, "initializer_range": 0.02, "max_position_embeddings": 256}
    llama = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", **small,
        "vocab_size": 336, "hidden_size": 72, "intermediate_size": 88, "num_hidden_layers": 3,
        "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "rope_theta": 5000.0,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 32},
        "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    qwen2 = {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", **small,
        "vocab_size": 344, "hidden_size": 60, "intermediate_size": 84, "num_hidden_layers": 3,
        "num_attention_heads": 6, "num_key_value_heads": 3, "rope_theta": 10000.0, "use_sliding_window": False,
        "sliding_window": 16, "max_window_layers": 3, "tie_word_embeddings": True, "torch_dtype": "float32",
        "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    qwen3 = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **small,
        "vocab_size": 344, "hidden_size": 64, "intermediate_size": 72, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 32, "attention_bias": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}, "layer_types": ["full_attention"] * 3,
        "use_sliding_window": False, "sliding_window": None, "max_window_layers": 3, "tie_word_embeddings": True,
        "dtype": "float32", "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    gemma3 = {
        "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "hidden_activation": "gelu_pytorch_tanh",
        "rms_norm_eps": 1e-6, "initializer_range": 0.02, "max_position_embeddings": 256,
        "vocab_size": 416, "hidden_size": 48, "intermediate_size": 72, "num_hidden_layers": 8,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 20, "query_pre_attn_scalar": 30,
        "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "rope_scaling": None, "sliding_window": 16,
        "sliding_window_pattern": 6, "attention_bias": False, "attn_logit_softcapping": None,
        "final_logit_softcapping": None, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip

    write("tiny-llama", llama, byte_level(DIGITS_THREE, ["<|begin|>", "<|end|>", "<|im_start|>", "<|im_end|>"]))
    qwen_tokenizer = byte_level(DIGITS_ONE, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizers.NFC())
    write("tiny-qwen2", qwen2, qwen_tokenizer, shard="240KB")
    write("tiny-qwen3", qwen3, qwen_tokenizer)
    write("tiny-gemma3", gemma3, sentencepiece_like())
    encoder("tiny-bert")
    variant("tiny-qwen3", "linear", {"rope_type": "linear", "factor": 2.5, "rope_theta": 100000.0})
    variant("tiny-qwen3", "yarn", {"rope_type": "yarn", "factor": 4.0, "rope_theta": 100000.0,
                                   "original_max_position_embeddings": 16})  # fmt: skip


# --- tokenizers --------------------------------------------------------------------------------------------------


def byte_level(pattern, specials, normalizer=None):
    """GPT-2's kind: bytes as letters, a splitting pattern, merges learned on the sentences above."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, min_frequency=1, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    if specials[0] == "<|begin|>":
        bos = (specials[0], tokenizer.token_to_id(specials[0]))
        template = processors.TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
        settings = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "add_bos_token": True}
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        settings = {"bos_token": None, "eos_token": "<|endoftext|>", "add_bos_token": False}
    return tokenizer, {**settings, "chat_template": CHATML, "tokenizer_class": "PreTrainedTokenizerFast"}


def sentencepiece_like():
    """Gemma's kind: spaces become ▁, no words, byte tokens for what the vocabulary lacks."""
    spaces = normalizers.Replace(" ", "▁")
    learner = Tokenizer(models.BPE())
    learner.normalizer = spaces
    # Learn inside words only, so that the pieces are few and short; encoding itself splits as Gemma's does.
    learner.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    learner.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=140, min_frequency=1, show_progress=False))
    learned = json.loads(learner.to_str())["model"]
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    pieces = specials + [f"<0x{b:02X}>" for b in range(256)]
    pieces += sorted((p for p in learned["vocab"]), key=learned["vocab"].get)
    merges = [tuple(m) for m in learned["merges"]]
    model = models.BPE(
        vocab={p: i for i, p in enumerate(pieces)}, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = spaces
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(specials)
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    settings = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return tokenizer, {**settings, "add_bos_token": True, "chat_template": TURNS, "tokenizer_class": "GemmaTokenizer"}


# --- models ------------------------------------------------------------------------------------------------------


def write(name, config, tokenizer_and_settings, shard="10MB"):
    tokenizer, settings = tokenizer_and_settings
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    dump(folder / "config.json", config)
    model = random_model(folder)
    model.save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    dump(folder / "config.json", config)  # ours again: save_pretrained rewrote it in the newest form
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    dump(folder / "tokenizer_config.json", settings)
    cases = [
        {
            "text": text,
            "ids": tokenizer.encode(text, add_special_tokens=False).ids,
            "with_specials": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False),
        }
        for text in CASES
    ]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    cases_file = folder / "tokenizer-cases.json"
    cases_file.write_text(f'{{"format":"hydrometer.tokenizer-cases/1","cases":[\n{lines}\n]}}\n')
    reference = script("reference-logits")
    result = reference.reference(folder, sequences(config, tokenizer), 2, True)
    reference.write_json(HERE / f"logits.{name}.json", result)


def encoder(name):
    """A BERT sentence encoder as sentence-transformers lays it out."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "1_Pooling").mkdir(parents=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=150, min_frequency=1, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    # As published encoders do: what a training script left.
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 24,
        "intermediate_size": 40, "layer_norm_eps": 1e-12, "max_position_embeddings": 40, "num_attention_heads": 3,
        "num_hidden_layers": 2, "pad_token_id": 0, "position_embedding_type": "absolute", "type_vocab_size": 2,
        "vocab_size": tokenizer.get_vocab_size() + 3,
    }  # fmt: skip
    dump(folder / "config.json", config)
    dump(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    named = enumerate(zip(kinds, paths))
    dump(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in named
    ])  # fmt: skip
    dump(folder / "1_Pooling" / "config.json", {
        "word_embedding_dimension": 24, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
    })  # fmt: skip
    model = BertModel(AutoConfig.from_pretrained(folder), add_pooling_layer=False)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for part, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            centre = 1.0 if part.endswith("LayerNorm.weight") else 0.0
            size = 1.3 / weight.shape[1] ** 0.5 if weight.dim() == 2 else 0.3
            weight.copy_(centre + size * noise)
    save_file({part: weight.contiguous() for part, weight in model.state_dict().items()}, folder / "model.safetensors")
    reference = script("reference-vectors")
    reference.write(HERE / f"vectors.{name}.json", reference.vectors(folder))


def random_model(folder):
    """Weights of a size at which attention is neither flat nor one-hot, stored and computed from the same numbers."""
    config = AutoConfig.from_pretrained(folder)
    dtype = config.dtype if isinstance(config.dtype, torch.dtype) else getattr(torch, config.dtype)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("norm.weight"):
                centre = 0.0 if config.model_type == "gemma3_text" else 1.0
                weight.copy_(centre + 0.3 * noise)
            elif name.endswith("bias"):
                weight.copy_(0.3 * noise)
            elif "embed_tokens" in name:
                weight.copy_(0.4 * noise)
            else:
                weight.copy_(1.3 * noise / weight.shape[1] ** 0.5)
    return model.to(dtype)


def sequences(config, tokenizer):
    rng = random.Random(SEED)
    words = tokenizer.encode(" ".join(SENTENCES)).ids[:LENGTH]
    draws = [rng.randrange(config["vocab_size"]) for _ in range(LENGTH)]
    named = [("words", words), ("random", draws)]
    return {"sequences": [{"name": name, "tokens": ids, "positions": POSITIONS} for name, ids in named]}


def variant(name, label, rope):
    """The same weights under another rotary scaling."""
    reference = script("reference-logits")
    stored = json.loads((HERE / f"logits.{name}.json").read_text())
    tokens = {"sequences": [{**s, "positions": [a["position"] for a in s["at"]]} for s in stored["sequences"]]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / name
        shutil.copytree(HERE / name, folder)
        config = json.loads((folder / "config.json").read_text())
        dump(folder / "config.json", {**config, "rope_parameters": rope})
        result = reference.reference(folder, tokens, 2, True)
    reference.write_json(HERE / f"logits.{name}-{label}.json", {**result, "config": {"rope_parameters": rope}})


def script(name):
    path = HERE.parents[3] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dump(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
