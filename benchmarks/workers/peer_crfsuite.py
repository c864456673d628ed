"""sklearn-crfsuite with the usual character features.

Runs in an environment of its own: it needs neither TensorFlow nor ours beyond
readers, scores and files.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import sys
import time
import unicodedata
from collections.abc import Sequence

import sklearn_crfsuite

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from biaffine_tf import evaluation, formats
from biaffine_tf.files import write_json
from biaffine_tf.spans import Span

_WINDOW = 2
_ITERATIONS = 100
# Runs of characters that are one unit; any other character is a unit.
_UNITS = {"char": re.compile(r"\S"), "word": re.compile(r"\w+|[^\w\s]")}


def units(text: str, kind: str) -> list[tuple[int, int]]:
    """Character ranges of the units of a text."""
    return [match.span() for match in _UNITS[kind].finditer(text)]


def tags(ranges: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    """BMES tags; of overlapping spans the longest is learnt."""
    found = ["O"] * len(ranges)
    for span in sorted(spans, key=lambda span: span.start - span.end):
        inside = [
            index
            for index, (start, end) in enumerate(ranges)
            if start < span.end and end > span.start
        ]
        if not inside or any(found[index] != "O" for index in inside):
            continue
        marks = ["B", *"M" * (len(inside) - 2), "E"]
        for index, mark in zip(inside, marks, strict=False):
            found[index] = f"{mark}-{span.label}"
        if len(inside) == 1:
            found[inside[0]] = f"S-{span.label}"
    return found


def read_tags(
    ranges: Sequence[tuple[int, int]], found: Sequence[str]
) -> list[Span]:
    """Spans of BMES tags; broken sequences give none."""
    spans, begin = [], None
    for (start, end), tag in zip(ranges, found, strict=True):
        mark, _, label = tag.partition("-")
        if mark == "S":
            spans.append(Span(start, end, label))
        if mark == "B":
            begin = start, label
        elif mark == "E" and begin is not None and begin[1] == label:
            spans.append(Span(begin[0], end, label))
        if mark in "ESO" or (begin is not None and begin[1] != label):
            begin = None
    return spans


def features(
    ranges: Sequence[tuple[int, int]], text: str
) -> list[dict[str, str]]:
    """Features of each unit.

    Units in a window of two on each side, their pairs and triples, and their
    kinds; of words also their lowercase form, ends and case.
    """
    words = [text[start:end] for start, end in ranges]
    edge = ["<s>"] * _WINDOW
    padded = [*edge, *words, *edge]
    kinds = [_kind(word) for word in padded]
    found = []
    for index in range(_WINDOW, _WINDOW + len(words)):
        one = {}
        for shift in range(-_WINDOW, _WINDOW + 1):
            one[f"u{shift}"] = padded[index + shift]
            one[f"k{shift}"] = kinds[index + shift]
            for count in (2, 3):
                last = shift + count - 1
                if last <= _WINDOW:
                    part = slice(index + shift, index + last + 1)
                    one[f"{count}{shift}"] = "|".join(padded[part])
        word = padded[index]
        if len(word) > 1:
            one["lower"] = word.lower()
            for count in (1, 2, 3):
                one[f"p{count}"] = word[:count]
                one[f"s{count}"] = word[-count:]
        one["kinds"] = "".join(kinds[index - 1 : index + 2])
        found.append(one)
    return found


def _kind(word: str) -> str:
    """Kind of the characters of a unit, repeated ones once."""
    kinds = [
        "H" if unicodedata.category(c) == "Lo" else unicodedata.category(c)
        for c in word
    ]
    return "".join(
        kind for at, kind in enumerate(kinds) if kinds[at - 1 : at] != [kind]
    )


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("train", "dev", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--units", choices=_UNITS, default="char")
    options = parser.parse_args()
    train = list(formats.read(options.train))
    dev = list(formats.read(options.dev))
    begin = time.process_time()
    model = sklearn_crfsuite.CRF(
        algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=_ITERATIONS
    )
    inputs, outputs = [], []
    for one in train:
        ranges = units(one.text, options.units)
        if ranges:
            inputs.append(features(ranges, one.text))
            outputs.append(tags(ranges, one.spans or ()))
    model.fit(inputs, outputs)
    seconds = time.process_time() - begin
    predicted = []
    for one in dev:
        ranges = units(one.text, options.units)
        found = model.predict_single(features(ranges, one.text))
        predicted.append(one.replace_spans(read_tags(ranges, found)))
    os.makedirs(os.path.dirname(options.output) or ".", exist_ok=True)
    scores = evaluation.score(zip(dev, predicted, strict=True))
    write_json(
        options.output,
        {
            "complete": True,
            "micro": dataclasses.asdict(scores.micro),
            "seconds": seconds,
        },
    )
    print(f"micro F1 {scores.micro.f1:.4f} in {seconds:.0f} s")


if __name__ == "__main__":
    _main()
