"""spaCy's DocBin (.spacy): documents with entities and span groups.

Entities are read together with the spans of the group "sc", which spancat
uses. Needs spaCy; files are held in memory.

Reference: https://spacy.io/api/docbin
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.annotated_json import make_span
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.optional import require
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.words import words_of
from biaffine_tf.spans import Sentence, Span

GROUP = "sc"
_KEY = "biaffine_tf"  # of what else is kept of a sentence, in user_data
# zlib's first byte at the levels that DocBin may be written with.
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the documents of a DocBin as sentences."""
    spacy, tokens = _spacy()
    try:
        loaded = tokens.DocBin().from_bytes(source.content())
        documents = list(loaded.get_docs(spacy.blank("xx").vocab))
    except Exception as error:  # differs by what is broken
        raise source.place().error(
            f"is no DocBin that spaCy {spacy.__version__} reads ({error})",
            "write it again, or give another --format",
        ) from None

    def parse(unit: tuple[int, Any]) -> Sentence:
        return _sentence(unit[1], unit[0], source, options)

    return parse_each(
        enumerate(documents),
        parse,
        options.on_bad_data,
        problems,
        lambda unit: unit[1].text.encode("utf-8", "backslashreplace"),
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[bytes]:
    """Writes entities or, if any overlap, spans of the group "sc"."""
    spacy, tokens = _spacy()
    vocabulary = spacy.blank("xx").vocab
    packed = tokens.DocBin(store_user_data=True)
    for sentence in sentences:
        packed.add(_document(sentence, vocabulary, tokens, problems))
    yield packed.to_bytes()


def _spacy() -> tuple[Any, Any]:
    spacy = require("spacy", "spacy", "DocBin (.spacy)")
    return spacy, require("spacy", "spacy.tokens", "DocBin (.spacy)")


def _sentence(
    document: Any, index: int, source: Source, options: ReadOptions
) -> Sentence:
    text, place = document.text, source.place()
    kept = document.user_data.get(_KEY, {})
    found: list[Span] | None = None
    groups = [document.spans[GROUP]] if GROUP in document.spans else []
    if groups or document.has_annotation("ENT_IOB"):
        found = []
        for span in (
            *document.ents,
            *(one for group in groups for one in group),
        ):
            offsets = (span.start_char, span.end_char)
            made = make_span(text, offsets, span.label_, place)
            if made not in found:
                found.append(made)
    return Sentence(
        text,
        None if found is None or options.ignore_labels else tuple(found),
        kept.get("id"),
        tuple((one.idx, one.idx + len(one)) for one in document) or None,
        source.file,
        None,
        kept.get("document"),
        index,
        kept.get("extra"),
    )


def _document(
    sentence: Sentence, vocabulary: Any, tokens: Any, problems: Problems
) -> Any:
    words, spaces, starts, ends = _words(sentence)
    document = tokens.Doc(vocabulary, words=words, spaces=spaces)
    extra = dict(sentence.extra) if sentence.extra else None
    kept = {"id": sentence.id, "document": sentence.document, "extra": extra}
    if any(kept.values()):
        document.user_data[_KEY] = kept
    if sentence.spans is None:
        return document
    keys = list(dict.fromkeys(span.key for span in sentence.spans))
    if len(keys) < len(sentence.spans):
        problems.count(
            "span written once: it is given again", f"{sentence.text[:20]!r}"
        )
    spans = [
        tokens.Span(document, starts[start], ends[end], label=label)
        for start, end, label in keys
    ]
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    pairs = itertools.pairwise(ordered)
    if all(one.end <= other.start for one, other in pairs):
        document.set_ents(ordered, default="outside")
    else:
        document.spans[GROUP] = spans
    return document


def _words(
    sentence: Sentence,
) -> tuple[list[str], list[bool], dict[int, int], dict[int, int]]:
    """Divides a text into words and white space, all of which are kept.

    Returns:
        The words; whether a space follows each; the index of the word that
        begins at a character; one past that of the word that ends there.
    """
    text, position = sentence.text, 0
    words: list[str] = []
    spaces: list[bool] = []
    starts, ends = {}, {}
    for start, end in (*words_of(sentence), (len(text), len(text))):
        gap = text[position:start]
        if words and gap.startswith(" "):
            spaces[-1], gap = True, gap[1:]
        for word in (gap, text[start:end]):
            if not word:
                continue
            if word is not gap:
                starts[start], ends[end] = len(words), len(words) + 1
            words.append(word)
            spaces.append(False)
        position = end
    return words, spaces, starts, ends


def _is_docbin(source: Source) -> bool:
    return source.head.startswith(_ZLIB) and (
        b"\0" in source.head or source.file.endswith(".spacy")
    )


FORMAT = Format(
    "spacy",
    full_name="spaCy DocBin",
    suffix=".spacy",
    recognises=lambda source, options: _is_docbin(source),
    read=read,
    write=write,
    keys=True,
    binary=True,
    package="spacy",
)
