"""Writes the example corpus from the grammar beside this file.

    python examples/generate.py [--output examples] [--seed 0]

The same arguments give the same bytes on every machine. What the labels mean
and what the corpus is good for: examples/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EMPTY_SHARE = 0.125  # sentences without any entity
LONG_SHARE = 0.03  # sentences of several clauses
LONG_LENGTH = range(150, 231)  # characters
UNLABELLED = 50  # sentences of unlabelled.txt

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
COMMON_PUNCTUATION = "。，、；：？！…—～·“”‘’「」『』《》〈〉（）【】〔〕￥％℃№"
FULL_WIDTH_FORMS = "".join(map(chr, range(0xFF01, 0xFF5F)))

ENCODER = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 256,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
}

_REFERENCE = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")


@dataclasses.dataclass(frozen=True)
class Text:
    """A text and its spans (start, end, label), outer ones first."""

    text: str
    spans: tuple[tuple[int, int, str], ...] = ()

    def __add__(self, other: Text) -> Text:
        shift = len(self.text)
        moved = ((s + shift, e + shift, label) for s, e, label in other.spans)
        return Text(self.text + other.text, (*self.spans, *moved))

    def labelled(self, label: str) -> Text:
        """The same text, all of it an entity."""
        return Text(self.text, ((0, len(self.text), label), *self.spans))


class Grammar:
    """Random texts from the rules of a grammar file."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        with path.open("rb") as file:
            self._rules: dict[str, Any] = tomllib.load(file)
        self._words = {
            name: words.split() for name, words in self._rules["words"].items()
        }
        self._rng = rng

    def characters(self) -> set[str]:
        """Every character that any text of the grammar may hold."""
        templates = _strings(self._rules)
        return set(_REFERENCE.sub("", "".join(templates)))

    def short(self) -> Text:
        """A sentence of one template, with entities."""
        return self._expand(self._rng.choice(self._rules["sentences"]["short"]))

    def empty(self) -> Text:
        """A sentence without entities."""
        return self._expand(self._rng.choice(self._rules["sentences"]["empty"]))

    def long(self) -> Text:
        """A sentence of several clauses, `LONG_LENGTH` characters long."""
        while True:
            least = self._rng.choice(LONG_LENGTH)
            result = self._clause()
            while len(result.text) + 1 < least:
                joiner = self._rng.choice(self._rules["sentences"]["joiners"])
                result = result + Text(joiner) + self._clause()
            if len(result.text) + 1 in LONG_LENGTH:
                return result + Text("。")

    def _clause(self) -> Text:
        # Only a final full stop can be taken away without moving a span.
        while True:
            clause = self.short()
            if clause.text.endswith("。"):
                return Text(clause.text[:-1], clause.spans)

    def _expand(self, template: str) -> Text:
        result, position = Text(""), 0
        for match in _REFERENCE.finditer(template):
            result += Text(template[position : match.start()])
            result += self._resolve(match[1], match[2])
            position = match.end()
        return result + Text(template[position:])

    def _resolve(self, name: str, kind: str | None) -> Text:
        if name in self._rules["entities"]:
            kinds = self._rules["entities"][name]
            templates = kinds[kind or self._rng.choice([*kinds])]
            return self._expand(self._rng.choice(templates)).labelled(name)
        if name in self._rules["phrases"]:
            return self._expand(self._rng.choice(self._rules["phrases"][name]))
        return Text(self._rng.choice(self._words[name]))


def _strings(rules: Any) -> Iterator[str]:
    if isinstance(rules, str):
        yield rules
    else:
        for rule in rules.values() if isinstance(rules, dict) else rules:
            yield from _strings(rule)


def draw(
    grammar: Grammar, rng: random.Random, count: int, seen: set[str]
) -> list[Text]:
    """Draws sentences with fixed shares of empty and long ones.

    Args:
        grammar: Where the sentences come from.
        rng: Decides their order.
        count: How many.
        seen: Texts that must not come again; the new ones are added.

    Returns:
        `count` sentences whose texts all differ.
    """
    empty, long = round(count * EMPTY_SHARE), round(count * LONG_SHARE)
    makers = [grammar.empty] * empty + [grammar.long] * long
    makers += [grammar.short] * (count - len(makers))
    rng.shuffle(makers)
    sentences = []
    for make in makers:
        sentence = make()
        while sentence.text in seen:
            sentence = make()
        seen.add(sentence.text)
        sentences.append(sentence)
    return sentences


def to_json_line(sentence: Text, identifier: str) -> str:
    """A line of the span JSON format."""
    spans = [
        {"start": start, "end": end, "label": label}
        for start, end, label in sorted(
            sentence.spans, key=lambda span: (span[0], -span[1])
        )
    ]
    return json.dumps(
        {"id": identifier, "text": sentence.text, "spans": spans},
        ensure_ascii=False,
    )


def vocabulary(characters: set[str]) -> list[str]:
    """A BERT vocabulary of characters.

    Whitespace is left out, as in every BERT vocabulary: its tokens are lines.
    Both cases are in, for tokenizers that fold case and for those that do not.
    """
    characters = characters | set(string.printable)
    characters |= set(COMMON_PUNCTUATION) | set(FULL_WIDTH_FORMS)
    folded = {c.lower() for c in characters if len(c.lower()) == 1}
    tokens = (c for c in characters | folded if not c.isspace())
    return [*SPECIAL_TOKENS, *sorted(tokens)]


def write(path: Path, lines: list[str]) -> None:
    """Writes lines as UTF-8 with "\\n", whatever the machine's habits."""
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")


def generate(output: Path, *, seed: int, train: int, dev: int) -> None:
    """Writes all files of the corpus.

    Args:
        output: Folder to write to; made if it does not exist.
        seed: Decides everything.
        train: Sentences of train.jsonl.
        dev: Sentences of dev.jsonl; none of them is in train.jsonl.
    """
    rng = random.Random(seed)
    grammar = Grammar(HERE / "grammar.toml", rng)
    output.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    for name, count in (("train", train), ("dev", dev)):
        sentences = draw(grammar, rng, count, seen)
        lines = [
            to_json_line(sentence, f"{name}-{number:04}")
            for number, sentence in enumerate(sentences, start=1)
        ]
        write(output / f"{name}.jsonl", lines)
    unlabelled = draw(grammar, rng, UNLABELLED, seen)
    write(output / "unlabelled.txt", [each.text for each in unlabelled])
    tokens = vocabulary(grammar.characters())
    write(output / "vocab.txt", tokens)
    config = json.dumps(
        {**ENCODER, "vocab_size": len(tokens)}, indent=2, sort_keys=True
    )
    write(output / "bert_config.json", [config])


def main() -> None:
    """Reads the arguments and writes the corpus."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=1600)
    parser.add_argument("--dev", type=int, default=200)
    arguments = parser.parse_args()
    generate(
        arguments.output,
        seed=arguments.seed,
        train=arguments.train,
        dev=arguments.dev,
    )


if __name__ == "__main__":
    main()
