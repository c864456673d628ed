"""Advice for runs that predict no entity of the dev set; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from biaffine_tf.config import ExperimentConfig, TokenizerKind


def hint(
    epochs: Sequence[Mapping[str, Any]], config: ExperimentConfig
) -> str | None:
    """Returns advice after a third of the epochs, if dev F1 is still 0.

    Args:
        epochs: Entries of the history so far.
        config: Settings of the run.

    Returns:
        A line, once per run; else None.
    """
    total = config.training.num_train_epochs
    if len(epochs) != -(-total // 3):
        return None
    if any(one.get("micro_f1", 1.0) for one in epochs):  # 1: no dev set
        return None
    return (
        f"dev micro F1 is still 0 after {len(epochs)} of {total} epochs; if it "
        f"stays there, try {_advice(config)}"
    )


def verdict(scores: Mapping[str, Any], config: ExperimentConfig) -> str | None:
    """Returns advice at the end of a run whose dev F1 is 0.

    Args:
        scores: Contents of `scores.json`.
        config: Settings of the run.

    Returns:
        A line; None if F1 is above 0, or there are no dev scores.
    """
    micro = scores.get("micro")
    if not micro or micro["f1"] > 0:
        return None
    return (
        "the model finds no entity of the dev set (micro F1 0 after "
        f"{scores.get('epochs')} epochs); try {_advice(config)}"
    )


def _advice(config: ExperimentConfig) -> str:
    training, tokenizer = config.training, config.model.tokenizer
    starts_at_random = not {"init_checkpoint", "init_model"} & set(config.data)
    encoder = (
        "pretrained weights (--encoder_dir; now the encoder starts at random)"
        if starts_at_random
        else "another --encoder_dir, trained on text of this language"
    )
    advice = (
        f"a larger --learning_rate (now {training.learning_rate:g}), more "
        f"--num_train_epochs (now {training.num_train_epochs})"
    )
    if tokenizer.kind == TokenizerKind.SUBWORD:
        return f"{advice}, or {encoder}"
    other = (
        TokenizerKind.WORDPIECE
        if tokenizer.kind == TokenizerKind.CHAR
        else TokenizerKind.CHAR
    )
    case = "lower case" if tokenizer.do_lower_case else "case kept"
    return (
        f"{advice}, {encoder}, or --tokenizer={other} if its vocabulary is "
        f"made for that (now {tokenizer.kind}, {case})"
    )
