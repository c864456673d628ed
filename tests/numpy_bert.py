"""A BERT encoder in numpy, written from the paper, for comparison."""

import math

import numpy as np

_erf = np.vectorize(math.erf)


def encode(
    weights: dict[str, np.ndarray],
    ids: np.ndarray,
    *,
    num_layers: int,
    gelu: str = "gelu",
) -> np.ndarray:
    """Sequence output `[L, H]` of one unpadded sentence `[L]`, float64."""
    w = {k: np.asarray(v, np.float64) for k, v in weights.items()}
    x = w["encoder/word_embeddings/embeddings"][ids]
    x = x + w["encoder/position_embedding/embeddings"][: len(ids)]
    x = x + w["encoder/type_embeddings/embeddings"][0]
    x = norm(x, w, "encoder/embeddings/layer_norm")
    if "encoder/embedding_projection/kernel" in w:
        x = dense(x, w, "encoder/embedding_projection")
    for layer in range(num_layers):
        x = _block(x, w, f"encoder/transformer/layer_{layer}", gelu)
    return x


def _block(x: np.ndarray, w: dict, name: str, gelu: str) -> np.ndarray:
    attention = f"{name}/self_attention"
    query, key, value = (
        np.einsum("lh,hnd->nld", x, w[f"{attention}/{part}/kernel"])
        + w[f"{attention}/{part}/bias"][:, None]
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    scores /= scores.sum(-1, keepdims=True)
    mixed = np.einsum(
        "nld,ndh->lh", scores @ value, w[f"{attention}/attention_output/kernel"]
    )
    mixed += w[f"{attention}/attention_output/bias"]
    x = norm(x + mixed, w, f"{name}/self_attention_layer_norm")
    inner = activate(dense(x, w, f"{name}/intermediate"), gelu)
    return norm(
        x + dense(inner, w, f"{name}/output"), w, f"{name}/output_layer_norm"
    )


def dense(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    """A dense layer without activation."""
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def norm(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    """Layer normalization."""
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)
    return x * w[f"{name}/gamma"] + w[f"{name}/beta"]


def activate(x: np.ndarray, kind: str) -> np.ndarray:
    """GELU, exact or by tanh."""
    if kind == "gelu":
        return x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(inner))
