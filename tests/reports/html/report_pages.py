"""Sentences to make reports of, and pages taken apart again."""

from __future__ import annotations

import html.parser
import json
import random

from biaffine_tf.evaluation.taxonomy import ErrorClass
from biaffine_tf.spans import Sentence, Span

LABELS = ["address", "government_agency", "name", "organization", "rôle 角"]
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]> --> <img src=x onerror=alert(1)>",
    "\u2028 and \u2029 end lines; \u202e turns \u2066 it \u061c round \u2069",
    "\"quotes\" 'and' `these` \\ & &amp; &lt; {{ title }} {% raw %}",
    "控\x00制\x1b字\x7f符\x85，🙂👩‍👩‍👧 e\u0301 ﷺ עברית العربية",
    "第一行\n第二行\r\n\t缩进\n\n空行后",
    "lone \ud800 surrogate, \udfff too",
    "https://example.org/?a=1&b=2 和 javascript:alert(1)",
    "长" * 300 + "Donaudampfschifffahrtsgesellschaft" * 12,
]
# Some take two units of UTF-16, as offsets in a browser do not count.
_CHARACTERS = "在上海的王小明教授认为，这家公司Apple与大学合作。 🙂𠮷"


def random_text(randomness: random.Random, length: int) -> str:
    return "".join(randomness.choices(_CHARACTERS, k=length))


def random_pairs(
    seed: int, count: int, *, most=60, nested=True, scores=True
) -> list[tuple[Sentence, Sentence]]:
    """Gold, and predictions that are right most of the time."""
    r = random.Random(seed)
    pairs = []
    for number in range(count):
        text = random_text(r, r.randint(1, most))
        gold = _spans(r, text, nested)
        found = [s for s in gold if r.random() < 0.7]
        found += [_moved(r, s, len(text)) for s in gold if r.random() < 0.3]
        found += _spans(r, text, nested)[: r.choice([0, 0, 0, 1])]
        predicted = {
            s.key: s._replace(score=r.random() if scores else None)
            for s in found
        }
        sentence = Sentence(text, tuple(gold), id=f"id-{number}")
        pairs.append((sentence, sentence.replace_spans(predicted.values())))
    return pairs


def other_system(pairs, seed):
    """The same gold with other predictions."""
    r = random.Random(seed)
    return [
        (gold, gold.replace_spans(s for s in gold.spans if r.random() < 0.8))
        for gold, _ in pairs
    ]


def hostile_pairs() -> list[tuple[Sentence, Sentence]]:
    """Texts, ids and labels that would break out of a careless page."""
    pairs = []
    for index, text in enumerate(HOSTILE):
        label = HOSTILE[index % 9]
        end = min(len(text), 40)
        gold = Sentence(text, (Span(0, end, label),), id=text)
        wrong = Span(1, end, HOSTILE[(index + 1) % 9], 0.5)
        right = Span(0, end, label, 0.25)
        spans = (wrong,) if index % 2 else (right, wrong)
        pairs.append((gold, gold.replace_spans(spans)))
    return pairs


def _spans(r, text, nested):
    spans, position = [], 0
    while position < len(text):
        width = min(r.randint(1, 9), len(text) - position)
        if r.random() < 0.45:
            spans.append(Span(position, position + width, r.choice(LABELS)))
            if nested and width > 2 and r.random() < 0.4:
                inner = position + r.randint(0, width - 2)
                end = r.randint(inner + 1, position + width)
                spans.append(Span(inner, end, r.choice(LABELS)))
        position += width
    return list(dict.fromkeys(spans))


def _moved(r, span, length):
    start = min(max(0, span.start + r.randint(-2, 2)), length - 1)
    end = min(max(start + 1, span.end + r.randint(-2, 2)), length)
    return Span(start, end, r.choice([span.label, r.choice(LABELS)]))


class Page(html.parser.HTMLParser):
    """What a browser's parser would find, as far as the tests ask.

    Attributes:
        attributes: (element, name, value) of all of them.
        scripts: Type and content of every script element.
        styles: Content of every style element.
        texts: Of every section by its id, its words.
        rows: Of every table row within a section, its cells.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts: list[tuple[str, str]] = []
        self.styles: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self._section = self._element = ""
        self._in_cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.attributes += [(tag, n, v or "") for n, v in attributes]
        self._element = tag
        if tag == "script":
            self.scripts.append((values.get("type", ""), ""))
        elif tag == "style":
            self.styles.append("")
        elif tag == "section":
            self._section = values["id"]
            self.texts[self._section] = []
            self.rows[self._section] = []
        elif tag == "tr":
            self.rows[self._section].append([])
        elif tag in ("td", "th"):
            self.rows[self._section][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._element = ""
        if tag == "section":
            self._section = ""
        elif tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data):
        if self._element == "script":
            kind, content = self.scripts[-1]
            self.scripts[-1] = kind, content + data
        elif self._element == "style":
            self.styles[-1] += data
        elif self._section:
            self.texts[self._section] += data.split()
            if self._in_cell:
                row = self.rows[self._section][-1]
                row[-1] = f"{row[-1]} {data.strip()}".strip()

    @property
    def data(self):
        (content,) = [c for kind, c in self.scripts if kind.endswith("/json")]
        return json.loads(content)


def unpack(data):
    """The pairs of every system and their errors, from a page's data.

    Scores are those of the page: rounded to thousandths.
    """
    labels, systems = data["labels"], [[] for _ in data["names"]]
    for text, id_, gold, *found in data["sentences"]:
        expected = [
            Span(*gold[i : i + 2], labels[gold[i + 2]])
            for i in range(0, len(gold), 3)
        ]
        sentence = Sentence(text, tuple(expected), id=id_)
        for system, (flat, errors) in zip(systems, found, strict=True):
            spans = [
                Span(
                    *flat[i : i + 2],
                    labels[flat[i + 2]],
                    None if flat[i + 3] is None else flat[i + 3] / 1000,
                )
                for i in range(0, len(flat), 4)
            ]
            named = [
                (
                    ErrorClass(data["classes"][kind]),
                    [expected[i].key for i in unfound],
                    [spans[i].key for i in wrong],
                )
                for kind, unfound, wrong in errors
            ]
            system.append((sentence, sentence.replace_spans(spans), named))
    return systems
