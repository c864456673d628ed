"""The biaffine head: layer, loss, candidates, initial weights, ONNX form.

The layer alone is `biaffine_tf.heads.biaffine.Biaffine`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biaffine_tf.heads.biaffine.layer import Biaffine

__all__ = ["Biaffine"]


def __getattr__(name: str) -> Any:
    # Imported on demand: the ONNX predictor works without TensorFlow.
    if name != "Biaffine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from biaffine_tf.heads.biaffine.layer import Biaffine

    return Biaffine
