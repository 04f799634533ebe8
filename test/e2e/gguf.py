"""A tiny model with random weights, written from nothing in the GGUF format (version 3, the ggml project's docs/gguf.md) with
the tensors and keys of the llama architecture: enough for a real llama.cpp server to load it and to make tokens."""

import array
import random
import struct

U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9
ALIGNMENT = 32
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
CONTEXT = 512


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, it):
    if kind == STRING:
        return text(it)
    if kind == ARRAY:
        inner, items = it
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, item) for item in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], it)


def vocabulary():
    """The special tokens, every byte, and what makes short words: (text, kind)."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    return tokens + [(f"\u2581{letter}", NORMAL) for letter in "abcdefghijklmnopqrstuvwxyz"] + [("\u2581", NORMAL)]


def tensors(layers, width, inner, words):
    """(name, dimensions), the quickest dimension first."""
    yield "token_embd.weight", (width, words)
    for layer in range(layers):
        at = f"blk.{layer}."
        yield at + "attn_norm.weight", (width,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{at}{name}.weight", (width, width)
        yield at + "ffn_norm.weight", (width,)
        yield at + "ffn_gate.weight", (width, inner)
        yield at + "ffn_up.weight", (width, inner)
        yield at + "ffn_down.weight", (inner, width)
    yield "output_norm.weight", (width,)
    yield "output.weight", (width, words)


def size(dimensions):
    count = 1
    for one in dimensions:
        count *= one
    return count * 4


def keys(layers, width, inner, heads):
    tokens = vocabulary()
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "random"),
        ("llama.context_length", U32, CONTEXT),
        ("llama.embedding_length", U32, width),
        ("llama.block_count", U32, layers),
        ("llama.feed_forward_length", U32, inner),
        ("llama.attention.head_count", U32, heads),
        ("llama.attention.head_count_kv", U32, heads),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        ("llama.rope.dimension_count", U32, width // heads),
        ("llama.vocab_size", U32, len(tokens)),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, [word for word, _ in tokens])),
        ("tokenizer.ggml.scores", ARRAY, (F32, [-float(i) for i in range(len(tokens))])),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [kind for _, kind in tokens])),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, 2),
    ]


def write(path, layers=4, width=512, inner=1536, heads=8, seed=1):
    """About 50 MB. Weights come from one block of noise, begun elsewhere for each tensor."""
    rng = random.Random(seed)
    noise = array.array("f", (rng.gauss(0, 0.02) for _ in range(1 << 16)))
    table = list(tensors(layers, width, inner, len(vocabulary())))
    meta = keys(layers, width, inner, heads)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(meta))
    head += b"".join(text(key) + struct.pack("<I", kind) + value(kind, it) for key, kind, it in meta)
    offset = 0
    for name, dimensions in table:
        head += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, 0, offset)
        offset += -(-size(dimensions) // ALIGNMENT) * ALIGNMENT
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGNMENT))
        for name, dimensions in table:
            want = size(dimensions)
            ones = name.endswith("norm.weight")
            block = array.array("f", [1.0]) * (want // 4) if ones else noise[(start := rng.randrange(1 << 15)):] + noise[:start]
            data = block.tobytes()
            out.write((data * (want // len(data) + 1))[:want] + b"\0" * (-want % ALIGNMENT))
    return path
