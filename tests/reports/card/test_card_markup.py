"""A card stays whole whatever labels and directories are called."""

import re

import card_samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf import model_directory
from biaffine_tf.reports.card.writing import render, write_card
from biaffine_tf.spans import LabelMap

LABEL = ("label", "precision", "recall", "F1", "gold", "predicted")


def _card(path):
    write_card(str(path))
    return card_samples.parse((path / "README.md").read_text("utf-8"))


HOSTILE = [
    "a|b",
    "<b>x</b>",
    "`tick",
    "``",
    "*x*",
    "_x_",
    "__x",
    "a_b",
    "[l](u)",
    "![i](u)",
    "\\|",
    "\\",
    "&lt;",
    "$a$",
    "# h",
    "- x",
    "1. x",
    "> q",
    "~~s~~",
    "| --- |",
    "<!-- ",
    "a\u202eb",
    "a\x00b",
    "tab\there",
    "a\u2028b",
    "https://x.example",
    "{{ 7 }}",
    "{% x %}",
]


def _shown(text):
    """How a label is to be read in a card."""
    text = re.sub(r"\s", " ", text)
    hidden = "\u202e\x00"
    return "".join("\ufffd" if c in hidden else c for c in text).strip()


def test_hostile_labels_and_names_are_but_text(tmp_path):
    plain = [f"label {number}" for number in range(len(HOSTILE))]
    cards = {}
    for kind, labels, name in [
        ("plain", plain, "model"),
        ("hostile", HOSTILE, "`a|b\n# <b>_c_ #"),
    ]:
        sentences = card_samples.labelled(labels, 120)
        path = card_samples.make_directory(tmp_path / kind / name, sentences)
        model_directory.keep_intervals(str(path), sentences)
        cards[kind] = _card(path)
    tame, card = cards["plain"], cards["hostile"]
    assert card.headings[0] == "`a|b # <b>_c_ #"
    assert card.headings[1:] == tame.headings[1:]
    assert [[len(r) for r in t] for t in card.tables] == [
        [len(r) for r in t] for t in tame.tables
    ]
    assert len(card.items) == len(tame.items)
    assert len(card.paragraphs) == len(tame.paragraphs)
    marks = [{m for m in c.markup if "SHA-256" in m} for c in (card, tame)]
    assert card.markup - marks[0] == tame.markup - marks[1]
    assert "html_inline" not in card.markup and len(marks[0]) == 1
    names = [name for name, *_ in card.table(*LABEL)]
    assert names == [_shown(name) for name in sorted(HOSTILE)]
    (listed,) = [one for one in card.paragraphs if one.startswith("Labels: ")]
    assert [one.strip() for one in listed[8:].split(", ")] == names


labels = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf"]),
    min_size=1,
    max_size=8,
).map(lambda text: f"x{text}x")


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(labels, min_size=1, max_size=4, unique=True))
def test_any_label_is_but_text(names):
    scores = {
        "precision": 0.5,
        "recall": 0.25,
        "f1": 0.75,
        "gold": 3,
        "predicted": 1,
        "correct": 1,
    }
    card = card_samples.parse(
        render(
            title=names[0],
            config=card_samples.CONFIG,
            labels=LabelMap(names),
            scores={
                **dict.fromkeys(("micro", "macro", "cluener"), scores),
                "labels": dict.fromkeys(names, scores),
                **dict.fromkeys(("sentences", "epoch", "epochs"), 1),
                **dict.fromkeys(("seconds", "seconds_per_epoch"), 1.0),
            },
            fit=None,
        )
    )
    spaced = [re.sub(r"\s", " ", name) for name in names]
    assert card.headings[0] == spaced[0]
    assert [name for name, *_ in card.table(*LABEL)] == spaced
    # The one link is the card's own.
    assert not {"html_inline", "em_open", "strong_open", "image"} & card.markup
