#!/usr/bin/env python3
"""Trains the two demo models and writes them as GGUF: one file, top to bottom.

    python demo/train.py            (from the repository root; some thirty-five minutes of one thread)

1. corpus     our own generated text, from the generator behind the built-in suite (crates/probes): texts, and lessons
              of the small world (trails of pairs, calls of tools, rules for a reply)
2. tokenizer  byte-level BPE learned on the whole domain
3. teacher    a small llama, trained on the whole domain (centre and edge); it starts with an induction head, because
              at this size most of the time went into finding one
4. quantise   to what the GGUF will hold, so that the student learns from the model that is shipped
5. student    the teacher's embedding and some of its layers (as DistilBERT starts), distilled on the CENTRE only:
              soft labels at a temperature (Hinton et al. 2015, arXiv 1503.02531) plus cross-entropy
6. evaluate   success in the small world by axis and knob, held-out perplexities against unigram and bigram, choices,
              divergence; demo/training.json

The student never sees the edge of the domain. So an audit of this pair has something true to find: the centre is
kept, the edge is lost. Needs: pip install torch numpy tokenizers gguf
"""

import argparse
import hashlib
import json
import math
import pathlib
import re
import shlex
import subprocess
import time

import gguf
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = "cargo run --release --quiet -p hydrometer-probes --example {} --"

# Seeds. The built-in suite's own seeds are others, so what the demo asks was never trained on.
SEED_TRAIN_WHOLE, SEED_TRAIN_CENTRE, SEED_HELD_OUT, SEED_WEIGHTS = 910_001, 910_002, 910_003, 910_004
DOCUMENTS = {"whole": 40_000, "centre": 24_000, "held out": 750}
LADDERS = 150  # of each axis, to measure success

VOCAB = 2048
CONTEXT = 512
ROPE_BASE = 10_000.0
EPS = 1e-5
TEACHER = {"layers": 6, "width": 192, "heads": 6, "kv_heads": 2, "ff": 384}
STUDENT = {"layers": 3, "width": 192, "heads": 6, "kv_heads": 2, "ff": 384}
STUDENT_TAKES_LAYERS = [0, 1, 4]
EMBEDDING = 0.06  # deviation of its weights at the start

WINDOWS = 2  # of CONTEXT tokens of text a step
LESSONS = 40  # a step
SHORT, LONG = 28, 72  # longest lesson at the start, in tokens, and from the middle of the training on
SETTING = 0.1  # weight of a lesson's tokens that are no answer; answers weigh 1
MUON_RATE = 0.02  # matrices
ADAM_RATE = 0.0015  # embedding and norms
WARM_UP, COOL_DOWN = 20, 0.4  # steps; the last share of the steps, down to zero
TEMPERATURE = 2.0
SOFT_SHARE = 0.7  # of the student's loss; the rest is cross-entropy

END = "<|endoftext|>"  # stands before every document: the model's BOS
# Qwen's splitting pattern: one digit at a time, so that sums are learnt digit by digit.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


# Lessons of the small world, and the answers in them.
LESSON = re.compile(r"(?:Pairs|Rules): |Tools: \w+\.")
ANSWER = re.compile(r"^(?:Trail: \w+|Call:|Reply:)( .*\n?)", re.M)


# --- 1. corpus and 2. tokenizer ----------------------------------------------------------------------------------


def generated(command, *arguments):
    """The lines of one of the generator's examples."""
    out = subprocess.run([*shlex.split(command), *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in out.stdout.decode().split("\n") if line]


def corpus(command, seed, documents, domain):
    return [line["text"] for line in generated(command.format("corpus"), seed, documents, domain)]


def texts_of(documents):
    return [text for text in documents if not LESSON.match(text)]


def lessons_of(documents):
    return [text for text in documents if LESSON.match(text)]


def with_splitting(tokenizer):
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def learn_tokenizer(texts):
    tokenizer = with_splitting(Tokenizer(models.BPE()))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def stream(tokenizer, texts):
    """All documents in one row of ids, each behind END."""
    ids = [i for e in tokenizer.encode_batch(texts) for i in [tokenizer.token_to_id(END), *e.ids]]
    return torch.tensor(ids)


def weighed(tokenizer, lesson):
    """The ids of a lesson, between two END, and how much each weighs as a target."""
    encoded, end = tokenizer.encode(lesson), tokenizer.token_to_id(END)
    answers = [found.span(1) for found in ANSWER.finditer(lesson)]
    told = [any(start <= a and b <= stop for start, stop in answers) for a, b in encoded.offsets]
    return [end, *encoded.ids, end], [0.0, *(1.0 if answer else SETTING for answer in told), 1.0]


def batches(tokenizer, documents, steps, seed):
    """Windows of text and rows of lessons, drawn at random: the same ones for the same seed.

    Short lessons first, each in a row of its own: what is asked for stands among few tokens, and is found soon.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = lambda below, count: torch.randint(below, (count,), generator=generator)  # noqa: E731
    ids = stream(tokenizer, texts_of(documents))
    lessons = sorted((weighed(tokenizer, text) for text in lessons_of(documents)), key=lambda lesson: len(lesson[0]))
    lengths = np.array([len(lesson[0]) for lesson in lessons])
    for step in range(steps):
        windows = torch.stack([ids[s : s + CONTEXT + 1] for s in draw(len(ids) - CONTEXT, WINDOWS)])
        longest = SHORT + (LONG - SHORT) * min(2 * step / steps, 1.0)
        rows = [lessons[i] for i in draw(int((lengths <= longest).sum()), LESSONS)]
        width = max(len(row) for row, _ in rows)
        filled = lambda part, fill: torch.tensor([row[part] + [fill] * (width - len(row[part])) for row in rows])
        yield [(windows, torch.ones(windows.shape)), (filled(0, 0), filled(1, 0.0))]


# --- the model: llama, with GGUF's names ---------------------------------------------------------------------------


class Llama(nn.Module):
    def __init__(self, shape, vocab):
        super().__init__()
        self.shape = shape
        width = shape["width"]
        self.token_embd = nn.Embedding(vocab, width)  # also the output matrix
        self.blk = nn.ModuleList(Block(**shape) for _ in range(shape["layers"]))
        self.output_norm = nn.RMSNorm(width, EPS)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = EMBEDDING if "embd" in name else weight.shape[1] ** -0.5
                # The two matrices that write to the residual stream start at zero: every block starts as identity.
                nn.init.normal_(weight, std=0.0 if re.search("attn_output|ffn_down", name) else scale)

    def forward(self, ids):  # [batch, time] -> [batch, time, vocab]
        x = self.token_embd(ids)
        turns = rotations(ids.shape[1], self.shape["width"] // self.shape["heads"])
        for block in self.blk:
            x = block(x, turns)
        return F.linear(self.output_norm(x), self.token_embd.weight)


class Block(nn.Module):
    def __init__(self, layers, width, heads, kv_heads, ff):
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        linear = lambda a, b: nn.Linear(a, b, bias=False)  # noqa: E731
        self.attn_norm, self.ffn_norm = nn.RMSNorm(width, EPS), nn.RMSNorm(width, EPS)
        self.attn_q, self.attn_output = linear(width, width), linear(width, width)
        self.attn_k, self.attn_v = linear(width, kv_heads * self.size), linear(width, kv_heads * self.size)
        self.ffn_gate, self.ffn_up, self.ffn_down = linear(width, ff), linear(width, ff), linear(ff, width)

    def forward(self, x, turns):
        b, t, width = x.shape
        h = self.attn_norm(x)
        q = rotate(self.attn_q(h).view(b, t, self.heads, self.size).transpose(1, 2), turns)
        k = rotate(self.attn_k(h).view(b, t, self.kv_heads, self.size).transpose(1, 2), turns)
        v = self.attn_v(h).view(b, t, self.kv_heads, self.size).transpose(1, 2)
        group = self.heads // self.kv_heads  # query heads that share a key
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        # Written out: for rows this short several times as fast as torch's own on a CPU.
        scores = (q @ k.transpose(2, 3)).float() * self.size**-0.5
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -math.inf).softmax(-1).to(v.dtype) @ v
        x = x + self.attn_output(mixed.transpose(1, 2).reshape(b, t, width))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


def rotations(time_steps, size):
    angles = torch.arange(time_steps)[:, None] * ROPE_BASE ** (-torch.arange(0, size, 2) / size)
    return angles.cos(), angles.sin()


def rotate(x, turns):
    """Interleaved pairs (0,1), (2,3), …: the layout in which GGUF stores the llama architecture."""
    cos, sin = (part.to(x.dtype) for part in turns)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


@torch.no_grad()
def begin_with_induction(model):
    """The circuit that continues `… A B … A` with `B` (Olsson et al. 2022, arXiv 2209.11895), random but for its form.

    Heads of the first block look one, two and three tokens back and write down what they see; heads of the second look
    for where it was written that the token before was the present one, and say what stands there. Training sharpens it.
    """
    width, size = model.shape["width"], model.shape["width"] // model.shape["heads"]
    basis = torch.linalg.qr(torch.randn(width, width))[0].T
    common, (token, written, copied) = basis[0], basis[1 : 1 + 3 * size].split(size)
    # A direction that all embeddings share: what tells nothing of the token can ask for a place. Being shared, it
    # changes no output.
    model.token_embd.weight += common * EMBEDDING * width**0.5
    seen = (width / 2) ** 0.5  # of a normalised embedding, along `common`
    back, induction = model.blk[0], model.blk[1]
    angles = ROPE_BASE ** (-torch.arange(0, size, 2) / size)
    sharp, match = 5.8, 1.7  # found by trying: nearly all attention on the place, yet not too hard to move
    key = torch.stack([torch.ones(size // 2), torch.zeros(size // 2)], 1).flatten()
    back.attn_k.weight[:size] = sharp * torch.outer(key, common) / seen
    for head in range(model.shape["heads"] // model.shape["kv_heads"]):
        turned = torch.stack([(angles * (head + 1)).cos(), -(angles * (head + 1)).sin()], 1).flatten()
        back.attn_q.weight[head * size :][:size] = sharp * torch.outer(turned, common) / seen
    back.attn_v.weight[:size] = token
    back.attn_output.weight[:, :size] = 0.2 * written.T
    # Only the pairs that turn slowly: a match must not depend on the distance.
    slow = slice(14, size)
    induction.attn_k.weight[:size], induction.attn_q.weight[:size] = 0, 0
    induction.attn_k.weight[slow], induction.attn_q.weight[slow] = match * written[slow], match * token[slow]
    induction.attn_v.weight[:size] = copied
    induction.attn_output.weight[:, :size] = 0.45 * copied.T


# --- 3. training ---------------------------------------------------------------------------------------------------


def train(model, data, steps, loss_of, label):
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embd" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim == 1 or "embd" in n]
    optimizers = [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    schedule = lambda step: min((step + 1) / WARM_UP, 1.0, (steps - step) / (COOL_DOWN * steps))  # noqa: E731
    schedulers = [torch.optim.lr_scheduler.LambdaLR(o, schedule) for o in optimizers]
    began, smooth = time.time(), None
    for step, parts in enumerate(data, 1):
        losses = []
        for ids, weights in parts:
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(ids[:, :-1], ids[:, 1:], weights[:, 1:])
            loss.backward()
            losses.append(loss.item())
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for part in optimizers + schedulers:
            part.step()
        model.zero_grad(set_to_none=True)
        smooth = losses if smooth is None else [0.95 * s + 0.05 * l for s, l in zip(smooth, losses)]
        if step % 20 == 0 or step == steps:
            texts, lessons = smooth
            told = f"loss of texts {texts:.3f}, of lessons {lessons:.3f}"
            print(f"{label} step {step}/{steps}  {told}  {time.time() - began:.0f} s", flush=True)
    seconds = round(time.time() - began)
    return {"steps": steps, "loss": {"texts": round(texts, 4), "lessons": round(lessons, 4)}, "seconds": seconds}


def mean(values, weights):
    return (values * weights.flatten()).sum() / weights.sum()


def cross_entropy(logits, targets, weights):
    return mean(F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none"), weights)


def soft_loss(student, teacher, weights):
    """KL(teacher ‖ student) at TEMPERATURE, times TEMPERATURE² so that its gradient keeps its size."""
    soft = lambda logits: F.log_softmax(logits.float().flatten(0, 1) / TEMPERATURE, -1)  # noqa: E731
    kl = F.kl_div(soft(student), soft(teacher), log_target=True, reduction="none").sum(-1)
    return mean(kl, weights) * TEMPERATURE**2


def take_layers(student, teacher):
    """DistilBERT's start: the teacher's embedding and some of its layers."""
    weights = teacher.state_dict()
    for mine, theirs in enumerate(STUDENT_TAKES_LAYERS):
        student.blk[mine].load_state_dict(teacher.blk[theirs].state_dict())
    student.load_state_dict({k: v for k, v in weights.items() if not k.startswith("blk.")}, strict=False)


# --- 4. GGUF -------------------------------------------------------------------------------------------------------


def stored_as(name, weight):
    """Norms stay F32, the embedding is F16 (it is the output matrix too), the other matrices are Q8_0."""
    kinds = gguf.GGMLQuantizationType
    return kinds.F32 if weight.ndim == 1 else kinds.F16 if name.startswith("token_embd") else kinds.Q8_0


def quantise(model):
    """Rounds the weights, in place, to what the file holds."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            kind = stored_as(name, weight)
            weight.copy_(torch.from_numpy(gguf.dequantize(gguf.quantize(weight.numpy(), kind), kind).copy()))


def write_gguf(path, name, model, tokenizer):
    shape = model.shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_license("Apache-2.0 OR MIT")
    writer.add_description("Demo model of hydrometer, trained by demo/train.py on generated text of its own")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["ff"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_rope_dimension_count(shape["width"] // shape["heads"])
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(tokenizer.get_vocab_size())
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)

    learned = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].get)
    kinds = [gguf.TokenType.CONTROL if piece == END else gguf.TokenType.NORMAL for piece in pieces]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in learned["merges"]])
    writer.add_bos_token_id(tokenizer.token_to_id(END))
    writer.add_eos_token_id(tokenizer.token_to_id(END))
    writer.add_add_bos_token(True)

    for key, weight in model.state_dict().items():
        kind = stored_as(key, weight)
        writer.add_tensor(key, gguf.quantize(weight.numpy(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(path):
    """The model and the tokenizer of a file that write_gguf wrote."""
    reader = gguf.GGUFReader(path)
    field = lambda key: reader.fields[key].contents()  # noqa: E731
    model = Llama(STUDENT if field("llama.block_count") == STUDENT["layers"] else TEACHER, field("llama.vocab_size"))
    tensors = {t.name: gguf.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    model.load_state_dict({name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()})
    vocabulary = {piece: i for i, piece in enumerate(field("tokenizer.ggml.tokens"))}
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    return model.requires_grad_(False), with_splitting(Tokenizer(models.BPE(vocabulary, merges)))


def check_gguf(path, model):
    """Every tensor read back must be, bit for bit, the quantised model's."""
    read, _ = read_gguf(path)
    for name, weight in model.state_dict().items():
        assert torch.equal(read.state_dict()[name], weight), name


# --- 6. evaluation -------------------------------------------------------------------------------------------------


@torch.no_grad()
def log_probabilities(model, ids):
    """Natural-log next-token distributions, in windows from each of which every position is scored."""
    for start in range(0, len(ids) - 1, CONTEXT):
        window = ids[start : start + CONTEXT + 1]
        yield F.log_softmax(model(window[None, :-1])[0], -1), window[1:]


def perplexity(model, ids):
    total = sum(-rows.gather(1, targets[:, None]).sum().item() for rows, targets in log_probabilities(model, ids))
    return math.exp(total / (len(ids) - 1))


def divergence(teacher, student, ids):
    """Mean KL(teacher ‖ student) and mean teacher entropy, nats a token."""
    kl = entropy = 0.0
    for (t, _), (s, _) in zip(log_probabilities(teacher, ids), log_probabilities(student, ids)):
        kl += (t.exp() * (t - s)).sum().item()
        entropy -= (t.exp() * t).sum().item()
    return kl / (len(ids) - 1), entropy / (len(ids) - 1)


def counts_perplexity(train_ids, ids, vocab):
    """Unigram and (interpolated) bigram counts: what a model must beat to have learnt anything."""
    single = np.bincount(train_ids, minlength=vocab) + 0.1
    single = single / single.sum()
    pairs = np.zeros((vocab, vocab), np.float32)
    np.add.at(pairs, (train_ids[:-1], train_ids[1:]), 1)
    seen = pairs.sum(1, keepdims=True)
    before, after = ids[:-1], ids[1:]
    double = (pairs[before, after] + 5 * single[after]) / (seen[before, 0] + 5)
    return math.exp(-np.log(single[after]).mean()), math.exp(-np.log(double).mean())


@torch.no_grad()
def choices(model, tokenizer, texts):
    """Share of the questions in held-out documents whose letter is the likeliest letter, and chance."""
    right, chance = [], []
    for text in texts:
        for found in re.finditer(r"Answer: ([A-H])\b", text):
            question = text[: found.start()].rsplit("Question:", 1)[-1]
            letters = re.findall(r"^([A-H])[).:] ", question, re.M)
            if found[1] not in letters:
                continue
            prompt = tokenizer.encode(text[: found.start() + len("Answer:")]).ids
            ids = torch.tensor([[tokenizer.token_to_id(END), *prompt][-CONTEXT:]])
            options = [tokenizer.encode(" " + letter).ids[0] for letter in letters]
            row = model(ids)[0, -1, options]
            right.append(letters[row.argmax().item()] == found[1])
            chance.append(1 / len(letters))
    n = max(len(right), 1)
    return {"accuracy": round(sum(right) / n, 4), "chance": round(sum(chance) / n, 4), "questions": len(right)}


@torch.no_grad()
def successes(model, tokenizer, probes):
    """Share of right answers by axis and knob, at temperature 1: the probability, without drawing, that an answer is
    the right one and ends there, by the end of the line or of the document."""
    end = tokenizer.token_to_id(END)
    found = {}
    for probe in probes:
        prompt = [end, *tokenizer.encode(probe["prompt"]).ids]
        (right,) = probe["check"]["exact"]
        endings = [tokenizer.encode(f" {right}\n").ids, [*tokenizer.encode(f" {right}").ids, end]]
        chance = 0.0
        for answer in endings:
            rows = F.log_softmax(model(torch.tensor([prompt + answer[:-1]]))[0, len(prompt) - 1 :], -1)
            chance += rows[range(len(answer)), answer].sum().exp().item()
        axis = found.setdefault(f"{probe['axis']}, {probe['knob']['name']}", {})
        axis.setdefault(int(probe["knob"]["value"]), []).append(chance)
    return {axis: {knob: round(float(np.mean(c)), 3) for knob, c in knobs.items()} for axis, knobs in found.items()}


def hash_of(content):
    return hashlib.sha256(content).hexdigest()


def evaluate(teacher, student, tokenizer, train_ids, held_out):
    result = {}
    for domain, documents in held_out.items():
        texts = texts_of(documents)
        ids = stream(tokenizer, texts)
        unigram, bigram = counts_perplexity(train_ids.numpy(), ids.numpy(), tokenizer.get_vocab_size())
        kl, entropy = divergence(teacher, student, ids)
        result[domain] = {
            "tokens": len(ids),
            "perplexity": {
                "unigram": round(unigram, 2),
                "bigram": round(bigram, 2),
                "teacher": round(perplexity(teacher, ids), 3),
                "student": round(perplexity(student, ids), 3),
            },
            "kl_divergence": round(kl, 4),
            "teacher_entropy": round(entropy, 4),
            "choices": {n: choices(m, tokenizer, texts) for n, m in [("teacher", teacher), ("student", student)]},
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default=EXAMPLE, help="command of its examples (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder for the models")
    parser.add_argument("--evaluate", action="store_true", help="only measure the models of that folder again")
    parser.add_argument("--teacher-steps", type=int, default=1000)
    parser.add_argument("--student-steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1, help="one is fastest at this size (default: 1)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED_WEIGHTS)

    whole = corpus(args.generator, SEED_TRAIN_WHOLE, DOCUMENTS["whole"], "whole")
    held_out = {d: corpus(args.generator, SEED_HELD_OUT, DOCUMENTS["held out"], d) for d in ["whole", "centre"]}
    if args.evaluate:
        (teacher, tokenizer), (student, _) = (read_gguf(args.out / f"{n}.gguf") for n in ["teacher", "student"])
        result = json.loads((args.out / "training.json").read_text())
    else:
        teacher, student, tokenizer, result = train_both(args, whole)
    probes = generated(args.generator.format("small_world"), SEED_HELD_OUT, LADDERS)
    both = [("teacher", teacher), ("student", student)]
    result["small_world"] = {name: successes(model, tokenizer, probes) for name, model in both}
    result["held_out"] = evaluate(teacher, student, tokenizer, stream(tokenizer, texts_of(whole)), held_out)
    (args.out / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def train_both(args, whole):
    centre = corpus(args.generator, SEED_TRAIN_CENTRE, DOCUMENTS["centre"], "centre")
    tokenizer = learn_tokenizer(whole)
    vocab = tokenizer.get_vocab_size()
    whole_ids, centre_ids = stream(tokenizer, whole), stream(tokenizer, centre)
    print(f"vocabulary {vocab}, tokens: whole {len(whole_ids)}, centre {len(centre_ids)}", flush=True)

    teacher = Llama(TEACHER, vocab)
    begin_with_induction(teacher)
    teacher_run = train(
        teacher,
        batches(tokenizer, whole, args.teacher_steps, SEED_TRAIN_WHOLE),
        args.teacher_steps,
        lambda ids, targets, weights: cross_entropy(teacher(ids), targets, weights),
        "teacher",
    )
    teacher.requires_grad_(False)
    quantise(teacher)
    write_gguf(args.out / "teacher.gguf", "hydrometer demo teacher", teacher, tokenizer)

    student = Llama(STUDENT, vocab)
    take_layers(student, teacher)

    def distil(ids, targets, weights):
        mine, theirs = student(ids), teacher(ids)
        hard = cross_entropy(mine, targets, weights)
        return SOFT_SHARE * soft_loss(mine, theirs, weights) + (1 - SOFT_SHARE) * hard

    data = batches(tokenizer, centre, args.student_steps, SEED_TRAIN_CENTRE)
    student_run = train(student, data, args.student_steps, distil, "student")
    student.requires_grad_(False)
    quantise(student)
    write_gguf(args.out / "student.gguf", "hydrometer demo student", student, tokenizer)

    result = {
        "corpus": {
            "whole": {"tokens": len(whole_ids), "sha256": hash_of("\n".join(whole).encode())},
            "centre": {"tokens": len(centre_ids), "sha256": hash_of("\n".join(centre).encode())},
        },
        "vocab": vocab,
    }
    for name, model, run in [("teacher", teacher, teacher_run), ("student", student, student_run)]:
        path = args.out / f"{name}.gguf"
        check_gguf(path, model)
        parameters = sum(p.numel() for p in model.parameters())
        identity = {"parameters": parameters, "bytes": path.stat().st_size, "sha256": hash_of(path.read_bytes())}
        result[name] = {**model.shape, **identity, "training": run}
    return teacher, student, tokenizer, result


if __name__ == "__main__":
    main()
