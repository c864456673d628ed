"""JSON objects with a list of spans: ours, CMeEE's and token lists.

- ours: `{"id", "text", "spans": [{"start", "end", "label", "score"}]}`, ends
  exclusive; "id" and "score" may be missing, "text" in a span is checked;
- CMeEE: `{"text", "entities": [{"start_idx", "end_idx", "type", "entity"}]}`,
  ends inclusive, in characters;
- token lists, as in the papers on nested entities (GENIA): `{"tokens",
  "entity_mentions": [{"start", "end", "entity_type", "text"}]}`, ends
  exclusive, in tokens; the text is the tokens joined with spaces.

Each object is detected by its keys. One with only "text" is unlabelled.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.entity_items import WHITE_END, read_entity
from biaffine_tf.formats.joining import join_words
from biaffine_tf.formats.json_values import (
    check_score,
    check_type,
    get,
    get_id,
    get_label,
    is_json,
    read_objects,
)
from biaffine_tf.formats.json_writing import dump_id, dump_object
from biaffine_tf.formats.lines import Place, Source, shorten
from biaffine_tf.formats.offsets import place_span
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.token_mentions import find_mention, read_token_span
from biaffine_tf.formats.unread import check_nothing_unread, note_unread
from biaffine_tf.spans import Sentence, Span

_SPAN_KEYS = ("spans", "entities", "entity_mentions")
_FEW_KEYS = 2  # a text and its spans
_MENTION_KEYS = ("text", "mention")
# Keys of our format, and that of CLUENER. Text never matches: its quotes are
# escaped.
_KEYS = re.compile(
    r'"(?:(spans|entities|entity_mentions|tokens)"\s*:|label"\s*:\s*\{)'
)


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a span JSON file, lines or one array."""
    make = functools.partial(_sentence, options=options, problems=problems)
    return read_objects(source, options, problems, make)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes the lines of a file in our span JSON.

    Objects have "id" and "document" if the sentences do, "spans" unless they
    are unlabelled, and their extra keys.
    """
    for sentence in sentences:
        record: dict[str, Any] = {}
        if sentence.id is not None:
            record["id"] = dump_id(sentence.id, None)
        if sentence.document is not None:
            record["document"] = sentence.document
        record["text"] = sentence.text
        if sentence.spans is not None:
            record["spans"] = [
                _span_record(span, options.with_scores)
                for span in sentence.spans
            ]
        yield dump_object(record, sentence, options, problems)


def _span_record(span: Span, with_scores: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "start": span.start,
        "end": span.end,
        "label": span.label,
    }
    if with_scores and span.score is not None:
        record["score"] = span.score
    return record


def _sentence(
    record: dict[str, Any],
    place: Place,
    *,
    options: ReadOptions,
    problems: Problems,
) -> Sentence:
    if options.ignore_labels:
        return _unlabelled(record, place)
    kinds = [key for key in _SPAN_KEYS if key in record]
    if len(kinds) > 1:
        raise place.error(
            f"the object has both {kinds[0]!r} and {kinds[1]!r}",
            "keep the one that holds the spans",
        )
    if kinds and len(record) > _FEW_KEYS:
        note_unread(record, kinds, place, problems)
    if "spans" in kinds:
        return _from_ours(record, place, options.offsets)
    if "entities" in kinds:
        return _from_entities(record, place, options.offsets, problems)
    if "entity_mentions" in kinds:
        return _from_tokens(record, place, options.offsets)
    check_nothing_unread(record, place)
    if "tokens" in record:
        return _from_tokens(record, place)
    if isinstance(record.get("label"), dict):
        raise place.error(
            "the object has 'label' but none of 'spans', 'entities', "
            "'entity_mentions'",
            "if it is CLUENER's format, read it with --format=cluener",
        )
    text = get(record, "text", str, place, "the object")
    return _make(text, None, record, place)


def _unlabelled(record: dict[str, Any], place: Place) -> Sentence:
    """Makes an unlabelled sentence, whatever labels the object has."""
    is_of_text = "spans" in record or "entities" in record
    if "tokens" in record and not is_of_text:
        return _from_tokens(record, place, labelled=False)
    text = get(record, "text", str, place, "the object")
    return _make(text, None, record, place)


def _make(
    text: str,
    spans: list[Span] | None,
    record: dict[str, Any],
    place: Place,
    tokens: tuple[tuple[int, int], ...] | None = None,
) -> Sentence:
    return Sentence(
        text,
        None if spans is None else tuple(spans),
        get_id(record, place, ("id", "sent_id")),
        tokens,
        place.file,
        place.line,
        get_id(record, place, ("document", "doc_id")),
    )


def _from_ours(
    record: dict[str, Any], place: Place, offsets: Offsets
) -> Sentence:
    text = get(record, "text", str, place, "the object")
    spans = []
    for item in _items(record, "spans", place):
        start = get(item, "start", int, place, "a span")
        end = get(item, "end", int, place, "a span")
        label = get_label(item, "label", place, "a span")
        score = None
        if "score" in item:
            score = check_score(item["score"], place)
        mention = find_mention(item, _MENTION_KEYS)
        start, end = place_span(text, start, end, offsets, mention, place)
        spans.append(Span(start, end, label, score))
    return _make(text, spans, record, place)


def _from_entities(
    record: dict[str, Any],
    place: Place,
    offsets: Offsets,
    problems: Problems,
) -> Sentence:
    """Reads CMeEE's entities, and those of `entity_items`."""
    text = get(record, "text", str, place, "the object")
    spans = []
    for item in get(record, "entities", list, place, "the object"):
        if type(item) is not dict or "start_idx" not in item:
            spans.append(read_entity(item, text, offsets, place))
            continue
        start = get(item, "start_idx", int, place, "an entity")
        end = get(item, "end_idx", int, place, "an entity")
        label = get_label(item, "type", place, "an entity")
        mention = item.get("entity")
        if (
            offsets is Offsets.AUTO
            and mention is not None
            and 0 <= start <= end
            and text[start : end + 1] == mention
        ):
            end += 1
        else:
            start, end = _place_inclusive(
                text, start, end, offsets, mention, place, problems
            )
        spans.append(Span(start, end, label))
    return _make(text, spans, record, place)


def _place_inclusive(
    text: str,
    start: int,
    end: int,
    offsets: Offsets,
    mention: Any,
    place: Place,
    problems: Problems,
) -> tuple[int, int]:
    """Returns the half-open characters of a span, inclusive by default."""
    if offsets is not Offsets.AUTO:
        return place_span(text, start, end, offsets, mention, place)
    found = place_span(text, start, end, Offsets.INCLUSIVE, mention, place)
    if text[found[1] - 1].isspace():
        problems.count(WHITE_END, f"{place}: {shorten(text[slice(*found)])}")
    return found


def _from_tokens(
    record: dict[str, Any],
    place: Place,
    offsets: Offsets = Offsets.AUTO,
    *,
    labelled: bool = True,
) -> Sentence:
    tokens = get(record, "tokens", list, place, "the object")
    for index, token in enumerate(tokens):
        check_type(token, str, place, f"token {index}")
        if not token:
            raise place.error(f"token {index} is empty")
    text, ranges = join_words(tokens, " ")
    spans = None
    if labelled and "entity_mentions" in record:
        spans = [
            read_token_span(item, text, ranges, place, offsets)
            for item in _items(record, "entity_mentions", place)
        ]
    return _make(text, spans, record, place, ranges)


def _items(
    record: dict[str, Any], key: str, place: Place
) -> list[dict[str, Any]]:
    items = get(record, key, list, place, "the object")
    for item in items:
        check_type(item, dict, place, f"each of {key!r}")
    return items


def recognises(source: Source, _: ReadOptions) -> bool:
    """Returns whether a key of ours comes before one of CLUENER's."""
    if not is_json(source.head_lines):
        return False
    key = _KEYS.search("\n".join(source.head_lines))
    return key is not None and key[1] is not None


FORMAT = Format(
    "span_jsonl",
    full_name="span JSON",
    suffix=".jsonl",
    recognises=recognises,
    read=read,
    write=write,
    scores=True,
    keys=True,
)
