"""How a card says things, and writes values so that Markdown stays whole."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from biaffine_tf.calibration.fitting import FittedConfidence
from biaffine_tf.calibration.objectives import Aim, Goal
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    EncoderConfig,
    LongText,
    ModelConfig,
    Settings,
    TokenizerKind,
    settings_of,
)
from biaffine_tf.evaluation import PRF
from biaffine_tf.reports.html.words import format_setting, visible
from biaffine_tf.tokenization import Windowing

# What would otherwise be markup, the cell separator of tables among it.
# Underscores between letters or digits are none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$#]|(?<![^\W_])_|_(?![^\W_])")

TOKENIZERS = {
    TokenizerKind.CHAR: "characters",
    TokenizerKind.WORDPIECE: "word pieces",
}

DECODERS = {
    Decoder.EXACT: "the consistent set with the greatest total margin",
    Decoder.GREEDY: "a consistent set, taken from the highest logit to the "
    "lowest",
    Decoder.FREE: "every one that is likelier than none, whatever it overlaps",
}

# What became of sentences and entities that could not be used as they were.
_LOSSES = {
    "empty_sentences": "sentences without a token",
    "cut_sentences": "texts cut at the greatest length",
    "cut_spans": "entities beyond the cut",
    "split_spans": "entities that no window holds whole",
    "unaligned_spans": "entities whose ends are not those of tokens",
    "conflicting_spans": "entities with the range of another one, of another "
    "label",
    "duplicate_spans": "entities given twice",
    "unknown_label_spans": "entities of labels that the training data lacks",
    "wide_spans": "entities wider than the widest span",
}
_NOT_LOSSES = {
    "sentences",
    "spans",
    "cells",
    "windows",
    "windowed_sentences",
}


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escape(value: object) -> object:
    """Makes a string show as it is in a line or a table cell.

    Args:
        value: Anything; only strings that are not `Markdown` are changed.
            Line ends and other spaces become one space each, characters that
            act on what is around them U+FFFD.
    """
    if not isinstance(value, str) or isinstance(value, Markdown):
        return value
    shown = visible(re.sub(r"\s", " ", value))
    return Markdown(_MARKUP.sub(r"\\\g<0>", shown))


def count(number: int, noun: str) -> str:
    """A number and what it counts, in the plural where it is due.

    Args:
        number: How many.
        noun: In the singular.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def figure(value: float) -> str:
    """A score as the project writes scores.

    Args:
        value: In [0, 1].
    """
    return f"{value:.4f}"


def rounded(value: float) -> float:
    """A fitted value, as exactly as anybody needs it.

    Args:
        value: Any.
    """
    return float(f"{value:.4g}")


def row(*cells: object) -> Markdown:
    """A row of a table.

    Args:
        *cells: What stands in it.
    """
    return Markdown("| " + " | ".join(str(escape(one)) for one in cells) + " |")


def score_row(
    name: str,
    score: PRF | Mapping[str, float],
    intervals: Mapping[str, Mapping[str, float]] | None,
    *more: object,
) -> Markdown:
    """A row of a precision, a recall and an F1.

    Args:
        name: What they are of.
        score: The figures.
        intervals: "low" and "high" of each; None if they are not known.
        *more: Further cells.
    """
    values = dataclasses.asdict(score) if isinstance(score, PRF) else score
    return row(
        name,
        *(
            _estimate(
                values[each], None if intervals is None else intervals[each]
            )
            for each in ("precision", "recall", "f1")
        ),
        *more,
    )


def _estimate(value: float, interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return figure(value)
    low, high = figure(interval["low"]), figure(interval["high"])
    return f"{figure(value)} ({low} to {high})"


def setting(value: object) -> str:
    """A setting as text.

    Args:
        value: A JSON value.
    """
    if isinstance(value, list):
        return ", ".join(map(format_setting, value))
    return format_setting(value)


def start(data: Mapping[str, str]) -> str:
    """Describes the initial weights.

    Args:
        data: Of the experiment.
    """
    if "init_model" in data:
        return (
            "a trained model, head included, with the fingerprint "
            f"{data['init_model']}"
        )
    if "init_checkpoint" in data:
        return f"weights with the fingerprint {data['init_checkpoint']}"
    return "random weights"


def losses(counts: Mapping[str, int]) -> list[tuple[int, str]]:
    """What was not as the model can have it, and how often.

    Args:
        counts: Of `scores.json`.

    Returns:
        How often, and what; without what did not occur.
    """
    return [
        (number, _LOSSES.get(name, name.replace("_", " ")))
        for name, number in counts.items()
        if number and name not in _NOT_LOSSES
    ]


def long_texts(model: ModelConfig) -> str:
    """What becomes of texts that are longer than the model reads at once.

    Args:
        model: Settings.
    """
    windows = Windowing.of(model)
    lost = (
        f"in windows that share {count(windows.overlap, 'token')}; an entity "
        "wider than that may be in no window as a whole, and is missed then"
    )
    return {
        LongText.WINDOW: f"are read {lost}",
        LongText.LINE: "are read line by line, so that no entity crosses "
        f"lines; a line that is too long is read {lost}",
        LongText.TRUNCATE: "are cut; entities behind the cut are missed",
        LongText.ERROR: "are refused",
    }[windows.long_text]


def settings_rows(section: Settings) -> list[tuple[str, str]]:
    """Settings that flags can give and that have an effect.

    Args:
        section: Settings.

    Returns:
        Names and values; without what is switched off or not given.
    """
    rows = []
    for name, one in settings_of(type(section)).items():
        value, spec = getattr(section, name), one.spec
        is_off = value is None or value is False or value == ""
        applies = spec.applies is None or spec.applies(section)
        if one.flag and applies and not is_off:
            label = spec.label or name.replace("_", " ")
            shown = count(value, spec.unit) if spec.unit else setting(value)
            rows.append((label, shown))
    return rows


def overlaps(decoding: DecodingConfig) -> str:
    """How entities may lie to one another.

    Args:
        decoding: Settings.
    """
    if decoding.decoder is Decoder.FREE:
        return "Entities may overlap in any way."
    if decoding.nested:
        return "Entities may lie within one another."
    return "Entities never overlap."


def shape(encoder: EncoderConfig) -> str:
    """How large an encoder is.

    Args:
        encoder: Settings.
    """
    parts = [
        count(encoder.num_hidden_layers, "layer"),
        f"{encoder.hidden_size} wide",
        count(encoder.num_attention_heads, "head"),
        f"{encoder.intermediate_size} inner",
        count(encoder.max_position_embeddings, "position"),
    ]
    if encoder.num_layers < encoder.num_hidden_layers:
        parts[0] += f" ({encoder.num_layers} distinct)"
    if encoder.embedding_size is not None:
        parts.append(f"embeddings {encoder.embedding_size} wide")
    return ", ".join(parts)


def goal(goal: Goal) -> str:
    """What thresholds are for.

    Args:
        goal: The goal.
    """
    if goal.aim is Aim.F1:
        return "the best F1"
    other = "recall" if goal.aim is Aim.PRECISION else "precision"
    return (
        f"the greatest {other} with a {goal.aim} of at least {goal.target} "
        f"(certainty {goal.certainty})"
    )


def remark(label: str, threshold: float, fit: FittedConfidence) -> str:
    """What is special about a label's threshold.

    Args:
        label: The label.
        threshold: Its threshold.
        fit: What was fitted.
    """
    remarks = {
        "shared by rare labels": label in fit.sharing,
        "the aim is out of reach": label in fit.unmet,
        "lets none through": threshold == 1,
    }
    return ", ".join(what for what, is_so in remarks.items() if is_so)
