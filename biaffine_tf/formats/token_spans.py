"""Training JSON of two models that read tokens: GLiNER and W2NER.

- GLiNER: `{"tokenized_text": [...], "ner": [[first, last, label], ...]}`;
- W2NER: `{"sentence": [...], "ner": [{"index": [...], "type": label}]}`.

Both count tokens from 0, ends inclusive. "text", if present, is the text that
the tokens are from; otherwise they are joined. Discontinuous spans of W2NER
are counted and left.

Reference: Zaratiana et al. 2023, https://arxiv.org/abs/2311.08526; Li et al.
2021, https://arxiv.org/abs/2112.10070
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from biaffine_tf.formats.annotated_json import (
    bad_span,
    check_tokens,
    is_list_of,
    make_sentence,
    make_span,
    read_records,
)
from biaffine_tf.formats.json_head import any_record, head_records
from biaffine_tf.formats.json_values import check_encodable, check_type
from biaffine_tf.formats.json_writing import dump_id, dump_object
from biaffine_tf.formats.layers import snap_to_tokens
from biaffine_tf.formats.lines import Place, Source
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.tags import WordSpan
from biaffine_tf.formats.words import place_words, separator_of, words_of
from biaffine_tf.spans import Sentence

DISCONTINUOUS = "discontinuous span left out: spans are one range"

FromItem = Callable[[Any, Place], tuple[int, int, Any] | None]
ToItem = Callable[[WordSpan], Any]


def _from_gliner(item: Any, place: Place) -> tuple[int, int, Any]:
    if not isinstance(item, list) or len(item) != 3:
        raise bad_span(item, "[first token, last token, label]", place)
    return item[0], item[1], item[2]


def _from_w2ner(item: Any, place: Place) -> tuple[int, int, Any] | None:
    if not isinstance(item, dict) or not {"index", "type"} <= item.keys():
        raise bad_span(item, "an object of index and type", place)
    index = item["index"]
    if not is_list_of(index, int) or not index:
        raise bad_span(item, "an object with a list of token numbers", place)
    if index != list(range(index[0], index[-1] + 1)):
        return None
    return index[0], index[-1], item["type"]


def _read(
    tokens_key: str,
    from_item: FromItem,
    source: Source,
    options: ReadOptions,
    problems: Problems,
) -> Iterator[Sentence]:
    sample = [
        [token for token in record[tokens_key] if isinstance(token, str)]
        for record in head_records(source)
        if isinstance(record.get(tokens_key), list)
    ]
    separator = separator_of(sample, options)

    def make(record: dict[str, Any], place: Place) -> Sentence:
        if tokens_key not in record:
            raise place.error(f"the object has no {tokens_key!r}")
        tokens = check_tokens(record[tokens_key], place)
        text = record.get("text")
        if text is not None:
            check_type(text, str, place, "'text'")
            check_encodable(text, place, "'text'")
        text, words = place_words(tokens, text, separator, place)
        if "ner" not in record or options.ignore_labels:
            return make_sentence(text, None, record, place, words)
        spans = []
        for item in check_type(record["ner"], list, place, "'ner'"):
            found = from_item(item, place)
            if found is None:
                problems.count(DISCONTINUOUS, f"{place}: {item}")
                continue
            first, last, label = found
            if not (
                type(first) is type(last) is int
                and 0 <= first <= last < len(words)
            ):
                raise place.error(
                    f"the span {item} is outside its sentence of {len(words)} "
                    "tokens",
                    "offsets count tokens, from 0, ends inclusive; correct "
                    "them or pass --on_bad_data=skip",
                )
            offsets = (words[first][0], words[last][1])
            spans.append(make_span(text, offsets, label, place))
        return make_sentence(text, spans, record, place, words)

    own = (tokens_key, "ner", "text", "word")
    return read_records(source, options, problems, make, own=own)


def _write(
    tokens_key: str,
    to_item: ToItem,
    sentences: Iterable[Sentence],
    options: WriteOptions,
    problems: Problems,
) -> Iterator[str]:
    """Writes an array of objects, with the text beside the tokens."""
    yield "["
    for number, sentence in enumerate(sentences):
        words = words_of(sentence)
        record: dict[str, Any] = {}
        if sentence.id is not None:
            record["id"] = dump_id(sentence.id)
        if sentence.document is not None:
            record["document"] = sentence.document
        record[tokens_key] = [sentence.text[slice(*word)] for word in words]
        if sentence.spans is not None:
            placed = snap_to_tokens(
                sentence.spans, words, problems, f"sentence {number}"
            )
            record["ner"] = [to_item(span) for span in placed]
        record["text"] = sentence.text
        yield "\n" if number == 0 else ",\n"
        yield dump_object(record, sentence, options, problems).rstrip("\n")
    yield "\n]\n"


def _format(
    name: str, full_name: str, key: str, from_item: FromItem, to_item: ToItem
) -> Format:
    def is_record(record: dict[str, Any]) -> bool:
        items = record.get("ner")
        if not is_list_of(record.get(key), str) or "spans" in record:
            return False
        return items is None or (
            isinstance(items, list)
            and all(isinstance(one, type(to_item(_ANY))) for one in items)
        )

    return Format(
        name,
        full_name=full_name,
        suffix=".json",
        recognises=lambda source, options: any_record(source, is_record),
        read=functools.partial(_read, key, from_item),
        write=functools.partial(_write, key, to_item),
        keys=True,
    )


_ANY = WordSpan(0, 1, "label")

GLINER = _format(
    "gliner",
    "GLiNER",
    "tokenized_text",
    _from_gliner,
    lambda span: [span.start, span.end - 1, span.label],
)
W2NER = _format(
    "w2ner",
    "W2NER",
    "sentence",
    _from_w2ner,
    lambda span: {"index": [*range(span.start, span.end)], "type": span.label},
)
