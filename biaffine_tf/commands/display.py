"""Prints sentences with their entities in colour.

    python -m biaffine_tf.display PREDICTIONS [--gold GOLD] [--count 10]

Colours are left out in a pipe or a file, or if the environment variable
NO_COLOR is set. `FORCE_COLOR=1 ... | less -R` keeps them.
"""

from __future__ import annotations

import argparse
import collections
import functools
import random
from collections.abc import Iterable, Iterator

from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from biaffine_tf import console, evaluation
from biaffine_tf.commands.arguments import natural, seed
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    read_with_notes,
    reading_options,
)
from biaffine_tf.reports.terminal.folding import fold
from biaffine_tf.reports.terminal.palette import Palette
from biaffine_tf.reports.terminal.rendering import (
    MISSED_STYLE,
    WRONG_STYLE,
    Verdict,
    render,
    visible,
)
from biaffine_tf.spans import Sentence

Pair = tuple[Sentence | None, Sentence]  # gold, if given, and predicted

_INDENT = 2
_MAX_WIDTH = 100  # of a line, in cells: longer ones are hard to read


def _show(options: argparse.Namespace) -> None:
    shown, labels = _choose(options)
    palette = Palette(labels)
    console = Console(highlight=False, markup=False, emoji=False)
    for number, (gold, sentence) in enumerate(shown, start=1):
        _print_header(console, number, gold, sentence)
        _print_body(console, render(sentence, gold=gold, palette=palette))
    _print_legend(console, shown, palette)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.display"),
        description="Prints sentences with their entities in colour.",
    )
    console.add_version(parser)
    parser.add_argument(
        "predictions", help="labelled sentences in any supported format"
    )
    parser.add_argument(
        "--gold", help="the same sentences with gold labels: marks mistakes"
    )
    parser.add_argument(
        "--count",
        type=natural("sentences"),
        default=10,
        help="number of sentences to draw at random; 0 for all (default: 10)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="random seed of the draw, from 0 below 2^63 (default: 0)",
    )
    add_reading_arguments(parser, "", "gold")
    return parser


def _choose(options: argparse.Namespace) -> tuple[list[Pair], set[str]]:
    """Returns the pairs to show, and the labels of both files."""
    labels: set[str] = set()
    predicted = _collect_labels(
        read_with_notes(options.predictions, reading_options(options)), labels
    )
    pairs: Iterable[Pair]
    if options.gold is None:
        pairs = ((None, sentence) for sentence in predicted)
    else:
        gold = read_with_notes(options.gold, reading_options(options, "gold"))
        pairs = evaluation.match(_collect_labels(gold, labels), predicted)
    return sample(pairs, options.count, options.seed), labels


def _collect_labels(
    sentences: Iterable[Sentence], labels: set[str]
) -> Iterator[Sentence]:
    for sentence in sentences:
        labels.update(span.label for span in sentence.spans or ())
        yield sentence


def sample(pairs: Iterable[Pair], count: int, seed: int) -> list[Pair]:
    """Draws pairs at random in constant memory (reservoir sampling).

    Args:
        pairs: The pairs to draw from.
        count: Number of pairs to draw; 0 takes all.
        seed: Random seed.

    Returns:
        `count` pairs in their order, or all if there are fewer.
    """
    if not count:
        return list(pairs)
    rng = random.Random(seed)
    drawn: list[tuple[int, Pair]] = []
    for index, pair in enumerate(pairs):
        if index < count:
            drawn.append((index, pair))
        elif (place := rng.randrange(index + 1)) < count:
            drawn[place] = (index, pair)
    return [pair for _, pair in sorted(drawn, key=lambda item: item[0])]


def _print_header(
    console: Console, number: int, gold: Sentence | None, sentence: Sentence
) -> None:
    header = Text(f"{number}", style="bold")
    if sentence.id is not None:
        header.append(f"  {visible(sentence.id)}", style="dim not bold")
    if sentence.spans is None:
        header.append("  no spans given", style="dim not bold")
    if gold is not None:
        header.append("  ").append_text(_tally(gold, sentence))
    console.print(header, soft_wrap=True)


def _tally(gold: Sentence, sentence: Sentence) -> Text:
    expected = {span.key for span in gold.spans or ()}
    predicted = {span.key for span in sentence.spans or ()}
    if expected == predicted:
        everything = f"✓ all {len(expected)}" if expected else "✓ none"
        return Text(everything, style="green not bold")
    tally = Text(f"✓ {len(expected & predicted)}", style="green not bold")
    if wrong := len(predicted - expected):
        tally.append(f"  {Verdict.WRONG} {wrong} wrong", WRONG_STYLE)
    if missed := len(expected - predicted):
        tally.append(f"  {Verdict.MISSED} {missed} missed", MISSED_STYLE)
    return tally


def _print_body(console: Console, body: Text) -> None:
    """Prints the text indented, and folded if on a terminal."""
    lines = [body]
    if console.is_terminal:
        width = min(console.width, _MAX_WIDTH) - _INDENT
        lines = fold(body, width)
    for line in lines:
        console.print(Text(" " * _INDENT).append_text(line), soft_wrap=True)
    console.print()


def _print_legend(
    console: Console, shown: Iterable[Pair], palette: Palette
) -> None:
    """Prints the labels shown, with their numbers of predictions."""
    counts: collections.Counter[str] = collections.Counter()
    has_gold = False
    for gold, sentence in shown:
        counts.update(s.label for s in sentence.spans or ())
        if gold is not None:
            has_gold = True
            counts.update({s.label: 0 for s in gold.spans or ()})
    entries = [
        Text.assemble(
            (f" {visible(label)} ", palette.text(label)), f" {counts[label]}"
        )
        for label in sorted(counts)
    ]
    if has_gold:
        entries.append(Text(f"{Verdict.WRONG} wrong", WRONG_STYLE))
        entries.append(Text(f"{Verdict.MISSED} missed", MISSED_STYLE))
    columns = Columns(entries, padding=(0, 3))
    console.print(Padding(columns, (0, 0, 0, _INDENT)))


main = console.command(_parser, _show)
run = functools.partial(console.run, main)
