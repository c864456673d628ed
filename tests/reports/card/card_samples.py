"""Model directories as training leaves them, and cards read back."""

import dataclasses
import random
from typing import NamedTuple

import tiny
from markdown_it import MarkdownIt

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.files import write_json
from biaffine_tf.records.features import Counts
from biaffine_tf.spans import LabelMap, Sentence, Span

CONFIG = ExperimentConfig(
    model=tiny.model_config(), data={"train_data": "1a", "eval_data": "2b"}
)
ENVIRONMENT = {"biaffine_tf": "0.0.7", "cores": 2, "devices": ["CPU", "GPU"]}


def labelled(labels, count=40, *, seed=0):
    """Sentences with one or two entities each; every label occurs."""
    rng = random.Random(seed)
    sentences = []
    for number in range(count):
        first = labels[number % len(labels)]
        spans = [Span(0, 2, first), Span(3, 4, rng.choice(labels))]
        text = f"abcdefgh {number}"
        kept = spans[: rng.randint(1, 2)]
        sentences.append(Sentence(text, tuple(kept), id=str(number)))
    return sentences


def predictions(sentences, *, seed=0):
    """What a system that is often wrong finds in them."""
    rng = random.Random(seed)
    labels = sorted({span.label for one in sentences for span in one.spans})
    found = []
    for sentence in sentences:
        spans = [span for span in sentence.spans if rng.random() < 0.7]
        if rng.random() < 0.4:
            spans.append(Span(5, 7, rng.choice(labels)))
        found.append(sentence.replace_spans(spans))
    return found


def make_directory(path, sentences, *, labels=None, config=CONFIG, **scores):
    """A directory that was trained, but for its weights."""
    labels = labels or sorted({s.label for one in sentences for s in one.spans})
    path.parent.mkdir(parents=True, exist_ok=True)
    vocabulary = tiny.tokenizer(path.parent).vocabulary
    model_directory.write_description(
        str(path), config, LabelMap(labels), vocabulary
    )
    found = predictions(sentences)
    formats.write(path / "predictions.jsonl", found, "span_jsonl")
    counts = Counts(sentences=len(sentences), spans=70, cells=70, windows=40)
    write_json(
        path / "scores.json",
        {
            **evaluation.score(zip(sentences, found, strict=True)).to_json(),
            "epoch": 3,
            "epochs": 4,
            "seed": 42,
            "complete": True,
            "seconds": 12.5,
            "seconds_per_epoch": 3.1,
            "training_counts": dataclasses.asdict(counts),
            "eval_counts": dataclasses.asdict(counts),
            "environment": ENVIRONMENT,
        }
        | scores,
    )
    return path


class Card(NamedTuple):
    """A card as a Markdown reader shows it.

    Attributes:
        headings: In order.
        tables: Rows of cells, the first row being the head's.
        items: Of lists.
        paragraphs: All other text.
        markup: Kinds of markup within lines, and of blocks of HTML.
    """

    headings: list[str]
    tables: list[list[list[str]]]
    items: list[str]
    paragraphs: list[str]
    markup: set[str]

    def table(self, *head):
        """The rows below a head."""
        (found,) = [rows for rows in self.tables if rows[0] == list(head)]
        return found[1:]


def parse(text):
    """Reads a card with another implementation of Markdown than GitHub's."""
    body = text.split("\n---\n", 1)[1]
    card = Card([], [], [], [], set())
    where = []
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        if token.nesting == 1:
            where.append(token.type)
            if token.type == "table_open":
                card.tables.append([])
            elif token.type == "tr_open":
                card.tables[-1].append([])
        elif token.nesting == -1:
            where.pop()
        elif token.type == "html_block":
            card.markup.add(token.content)
        elif token.type == "inline":
            card.markup.update(child.type for child in token.children)
            shown = "".join(
                "\n" if child.type == "softbreak" else child.content
                for child in token.children
            )
            if where[-1] in ("th_open", "td_open"):
                card.tables[-1][-1].append(shown)
            elif where[-1] == "heading_open":
                card.headings.append(shown)
            elif "list_item_open" in where:
                card.items.append(shown)
            else:
                card.paragraphs.append(shown)
    return card
