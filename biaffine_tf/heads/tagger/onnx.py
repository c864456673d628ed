"""ONNX form of the taggers: writes their nodes, reads their outputs.

Does not load TensorFlow. The model gives the scores of tags, and `find` sums
over tag sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import HeadConfig
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.head import OnnxOutput, OnnxRun
from biaffine_tf.heads.tagger.reading import Chain, find_candidates
from biaffine_tf.heads.tagger.tags import SPEED, TagSet

OUTPUTS = {
    "emissions": OnnxOutput(
        np.float32,
        ["sentences", "tokens", "tags"],
        "score of each tag at each token",
    ),
    "counts": OnnxOutput(
        np.int32, ["sentences", "one"], "number of tokens of each sentence"
    ),
    "transitions": OnnxOutput(
        np.float32,
        ["tags", "next"],
        "score of each tag before the tag of the column; very low if the tag "
        "scheme rules it out",
    ),
    "starts": OnnxOutput(
        np.float32, ["tags"], "score of each tag as the first one"
    ),
    "ends": OnnxOutput(
        np.float32, ["tags"], "score of each tag as the last one"
    ),
    "roles": OnnxOutput(
        np.int32,
        ["tags"],
        "what each tag is: 0 outside, 1 begin, 2 inside, 3 end, 4 single",
    ),
    "labels": OnnxOutput(
        np.int32,
        ["tags"],
        "label of each tag; n is line n of `labels.txt`, from 1",
    ),
    "max_span_width": OnnxOutput(
        np.int32, ["one"], "maximum width of entities in tokens; 0 for none"
    ),
}


def write(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    vectors: str,
    counts: str,
) -> None:
    """Adds the head to a graph; see `OnnxForm`."""
    kernel, bias = (
        np.asarray(weights[f"tagger/emissions/{part}"], np.float32)
        for part in ("kernel", "bias")
    )
    emissions = graph.product(vectors, kernel, bias)
    graph("Identity", emissions, name="emissions")
    graph("Identity", counts, name="counts")
    tags = TagSet.of_size(config.tags, len(bias))
    names = ("transitions", "starts", "ends")
    values = {
        name: rule + np.float32(SPEED) * weights.get(f"tagger/{name}", 0)
        for name, rule in zip(names, tags.rules, strict=True)
    }
    values |= {
        "roles": tags.roles,
        "labels": tags.labels,
        "max_span_width": np.array([config.max_span_width or 0]),
    }
    for name, value in values.items():
        value = np.asarray(value, OUTPUTS[name].dtype)
        graph("Identity", graph.constant(value), name=name)


def find(
    run: OnnxRun,
    input_ids: np.ndarray,
    *,
    min_margin: float,
    force_one_entity: bool,
) -> Candidates:
    """Returns the spans with sufficient log-odds; see `OnnxForm`."""
    emissions, counts, *chain, roles, labels, max_span_width = run(
        input_ids, {}
    )
    return find_candidates(
        emissions,
        counts[:, 0],
        Chain(*(one.astype(np.float64) for one in chain)),
        TagSet(roles, labels),
        max_span_width=int(max_span_width[0]) or None,
        min_margin=min_margin,
        force_one_entity=force_one_entity,
    )


def floats(config: HeadConfig, *, length: int, num_classes: int) -> int:
    """Counts the emissions of a sentence, and the sums over sequences."""
    return 8 * length * len(TagSet.of(config.tags, num_classes - 1))
