"""Hugging Face data sets of tokens and tags, as JSON lines.

`{"id", "tokens": [...], "ner_tags": [...]}`; tags are strings, or numbers with
names of their own (`--tag_names`). "text", if present, is the text that the
tokens are from; otherwise they are joined.

Reference: https://huggingface.co/docs/datasets
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from biaffine_tf.formats import tags as tag_schemes
from biaffine_tf.formats.annotated_json import (
    check_tokens,
    is_list_of,
    make_sentence,
    read_records,
)
from biaffine_tf.formats.json_head import any_record, head_records
from biaffine_tf.formats.json_values import check_encodable, check_type
from biaffine_tf.formats.json_writing import dump_id, dump_object
from biaffine_tf.formats.layers import assign_layers, snap_to_tokens
from biaffine_tf.formats.lines import Place, Source
from biaffine_tf.formats.options import ReadOptions, TagScheme, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.unread import check_nothing_unread, note_unread
from biaffine_tf.formats.words import place_words, separator_of, words_of
from biaffine_tf.spans import Sentence, Span

TOKENS = ("tokens", "words")
TAGS = ("ner_tags", "ner", "ner_labels", "tags", "labels", "label", "bio_tags")
_ONE_TAG = "it overlaps another one, and a token has one tag"


class TokenReader:
    """Makes sentences of records of tokens and tags.

    Args:
        sample: First records of the file, which decide how tokens are joined
            and what their scheme is.
        options: Options for reading the file.
        problems: Counts malformed tags.
        names: Names of numbered tags that the file itself gives.
    """

    def __init__(
        self,
        sample: Iterable[dict[str, Any]],
        options: ReadOptions,
        problems: Problems,
        names: Sequence[str] | None = None,
    ) -> None:
        self._options = options
        self._problems = problems
        self._names = options.tag_names or names
        sample = list(sample)
        tokens = [
            [one for one in record[key] if isinstance(one, str)]
            for record in sample
            if (key := find_key(record, TOKENS)) is not None
        ]
        self._separator = separator_of(tokens, options)
        tags: list[str] = []
        for record in sample:
            if (key := find_key(record, TAGS)) is not None:
                tags += [self._name(tag) or "O" for tag in record[key]]
                tags.append(tag_schemes.OUTSIDE)
        self._guessed = tag_schemes.guess_scheme(tags)

    def __call__(self, record: dict[str, Any], place: Place) -> Sentence:
        """Makes the sentence of a record."""
        key = find_key(record, TOKENS)
        if key is None:
            raise place.error(
                f"the object has no {TOKENS[0]!r}; it has "
                f"{', '.join(map(repr, record)) or 'no keys'}"
            )
        tokens = check_tokens(record[key], place)
        text = record.get("text")
        if text is not None:
            check_encodable(
                check_type(text, str, place, "'text'"), place, "'text'"
            )
        text, words = place_words(tokens, text, self._separator, place)
        key = find_key(record, TAGS)
        if self._options.ignore_labels:
            return make_sentence(text, None, record, place, words)
        if key is None:
            check_nothing_unread(record, place)
            return make_sentence(text, None, record, place, words)
        note_unread(record, own_keys(record), place, self._problems)
        if len(record[key]) != len(tokens):
            raise place.error(
                f"{len(record[key])} tags in {key!r} for {len(tokens)} tokens",
                "give one tag per token, or pass --on_bad_data=skip",
            )
        spans = self._spans(record[key], key, words, place)
        return make_sentence(text, spans, record, place, words)

    def _spans(
        self,
        values: list[Any],
        key: str,
        words: tuple[tuple[int, int], ...],
        place: Place,
    ) -> list[Span]:
        tags = [self._name(value) for value in values]
        for tag, value in zip(tags, values, strict=True):
            if tag is None:
                raise self._no_name(value, key, place)

        def report(kind: str, index: int) -> None:
            self._problems.count(kind, f"{place}: {tags[index]}")

        try:
            found = tag_schemes.decode(
                [tag or "" for tag in tags],
                self._options.tag_scheme,
                report,
                self._guessed,
            )
        except tag_schemes.TagError as error:
            raise place.error(
                f"{key!r}: {error}",
                "correct the tag, or pass --on_bad_data=skip",
            ) from None
        return [
            Span(words[start][0], words[end - 1][1], label)
            for start, end, label in found
        ]

    def _name(self, value: Any) -> str | None:
        if isinstance(value, str):
            return value
        names = self._names or ()
        if type(value) is int and 0 <= value < len(names):
            return names[value]
        return None

    def _no_name(self, value: Any, key: str, place: Place) -> Exception:
        if type(value) is int and self._names is None:
            return place.error(
                f"{key!r} are numbers, and the file does not name them",
                "give the names with commas or in a file: "
                "--tag_names=O,B-PER,I-PER,... or --tag_names=FILE",
            )
        return place.error(
            f"{key!r} holds {value!r}, which is no tag"
            + (f" of the {len(self._names)} named" if self._names else ""),
            "correct the tag, or --tag_names",
        )


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a file of tokens and tags."""
    make = TokenReader(head_records(source), options, problems)
    return read_records(source, options, problems, make, own=own_keys)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes lines of tokens, their tags by name, and the text."""
    for number, sentence in enumerate(sentences):
        record = token_record(sentence, number, options.scheme, problems)
        yield dump_object(record, sentence, options, problems)


def token_record(
    sentence: Sentence, number: int, scheme: TagScheme, problems: Problems
) -> dict[str, Any]:
    """Returns the record of a sentence: ids, tokens, tags and text."""
    words = words_of(sentence)
    record: dict[str, Any] = {}
    if sentence.id is not None:
        record["id"] = dump_id(sentence.id)
    if sentence.document is not None:
        record["document"] = sentence.document
    record["tokens"] = [sentence.text[start:end] for start, end in words]
    if sentence.spans is not None:
        place = f"sentence {number}"
        placed = snap_to_tokens(sentence.spans, words, problems, place)
        (layer,) = assign_layers(placed, 1, problems, place, _ONE_TAG)
        record["ner_tags"] = tag_schemes.encode(layer, len(words), scheme)
    record["text"] = sentence.text
    return record


def find_key(record: dict[str, Any], keys: Iterable[str]) -> str | None:
    """Returns the first of several keys under which a record has a list."""
    return next((k for k in keys if isinstance(record.get(k), list)), None)


def own_keys(record: dict[str, Any]) -> tuple[str, ...]:
    """Returns the keys of a record that are read."""
    keys = (find_key(record, TOKENS), find_key(record, TAGS))
    return ("text", *(key for key in keys if key is not None))


def is_record(record: dict[str, Any]) -> bool:
    """Returns whether a record has as many tags as tokens."""
    tokens, tags = find_key(record, TOKENS), find_key(record, TAGS)
    if tokens is None or tags is None or "spans" in record:
        return False
    values = record[tags]
    return (
        is_list_of(record[tokens], str)
        and (is_list_of(values, str) or is_list_of(values, int))
        and "entity_mentions" not in record
    )


FORMAT = Format(
    "hf",
    full_name="Hugging Face tokens",
    suffix=".jsonl",
    recognises=lambda source, options: any_record(source, is_record),
    read=read,
    write=write,
    keys=True,
)
