r"""brat: a text, `NAME.txt`, and its stand-off annotations, `NAME.ann`.

`T1\tPER 0 3\tAnn`: half-open, in characters of the text. A text is one
sentence. A span over a line break is two fragments, as brat writes it; spans
of other fragments are discontinuous, and counted and left, as are relations,
events and attributes. A text without annotation file is unlabelled.

Reference: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator

from biaffine_tf.errors import DataError
from biaffine_tf.formats.annotated_json import make_span
from biaffine_tf.formats.lines import Line, Place, Source, decode, shorten
from biaffine_tf.formats.options import (
    Offsets,
    OnBadData,
    ReadOptions,
    WriteOptions,
)
from biaffine_tf.formats.output import NamedFile
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.reviews import remarks
from biaffine_tf.formats.token_spans import DISCONTINUOUS
from biaffine_tf.spans import Sentence, Span

_SPAN = re.compile(r"T\S*\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?", re.DOTALL)
_OTHER = re.compile(r"[REAMN*#]\S*\t")
_KINDS = {
    **{"R": "relation", "*": "relation", "E": "event", "A": "attribute"},
    **{"M": "attribute", "N": "normalization", "#": "note"},
}
_SCORE = re.compile(r"#\S*\tAnnotatorNotes (T\S*)\tscore ([0-9.e-]+)")
_NAME = re.compile(r"(?!\.)[\w.-]+")
_LONGEST_NAME = 100  # bytes


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the text of an annotation file, or of a text without one."""
    stem, suffix = os.path.splitext(source.file)
    if suffix == ".txt":
        text = source.content()
        labelled = False
    else:
        labelled = not options.ignore_labels
        text = _text_beside(stem, source)
    try:
        content = _decoded(text, f"{stem}.txt")
        spans = None
        if labelled:
            spans = tuple(_spans(content, source, options, problems))
    except DataError as error:
        if options.on_bad_data is OnBadData.ERROR:
            raise
        problems.skip(error, text)
        return
    sentence = Sentence(
        content, spans, os.path.basename(stem), None, source.file, 1
    )
    problems.check(sentence)
    yield sentence


def _text_beside(stem: str, source: Source) -> bytes:
    try:
        with open(f"{stem}.txt", "rb") as stream:
            return stream.read()
    except OSError as error:
        raise source.place().error(
            f"brat's annotations need their text, and {stem}.txt cannot be "
            f"read ({error.strerror})",
            "put it beside the .ann file, or pass --format=text to read each "
            "line as a text",
        ) from None


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return decode(Line(1, data), file)  # raises the error with its place


def _spans(
    text: str, source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Span]:
    lines = [
        (source.place(line.number), decode(line, source.file))
        for line in source.lines()
        if line.data.strip()
    ]
    scores = {
        match[1]: float(match[2])
        for _, line in lines
        if (match := _SCORE.fullmatch(line))
    }
    for place, line in lines:
        if not line.startswith("T"):
            _count_other(line, problems, place)
            continue
        match = _SPAN.fullmatch(line)
        if match is None:
            raise place.error(
                f"expected 'T1\\tLABEL START END\\tTEXT', got {shorten(line)}",
                "correct the line or pass --on_bad_data=skip",
            )
        score = scores.get(line.partition("\t")[0])
        span = _span(text, match, score, place, options.offsets)
        if span is None:
            problems.count(DISCONTINUOUS, f"{place}: {shorten(line)}")
        else:
            yield span


def _count_other(line: str, problems: Problems, place: Place) -> None:
    if _OTHER.match(line) is None:
        raise place.error(
            f"this is no line of brat: {shorten(line)}",
            "correct the line or pass --on_bad_data=skip",
        )
    if not _SCORE.fullmatch(line):
        problems.count(
            f"{_KINDS[line[0]]} left out: only spans are read",
            f"{place}: {shorten(line)}",
        )


def _span(
    text: str,
    match: re.Match[str],
    score: float | None,
    place: Place,
    unit: Offsets,
) -> Span | None:
    """Returns a span; None if it is discontinuous."""
    fragments = [tuple(map(int, pair.split())) for pair in match[2].split(";")]
    for (_, before), (after, _) in itertools.pairwise(fragments):
        gap = text[before:after]
        if after < before or gap.strip("\r\n"):
            return None
    start, end = fragments[0][0], fragments[-1][1]
    mention = match[3]
    if mention is not None:
        shown = _shown(text, fragments)
        if mention.split() == shown.split():
            mention = text[start:end]
    return make_span(
        text,
        (start, end),
        match[1],
        place,
        mention=mention,
        score=score,
        unit=unit,
    )


def _shown(text: str, fragments: Iterable[tuple[int, ...]]) -> str:
    """Returns the mention of fragments, as brat shows it."""
    joined = " ".join(text[start:end] for start, end in fragments)
    return re.sub(r"[\r\n\t\0]", " ", joined)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[NamedFile]:
    """Writes a text and an annotation file per sentence, and the labels.

    Files have the sentence's id as their name, or else its number. Scores are
    notes; so are remarks of a review, at the first entity.
    """
    names: set[str] = set()
    labels: dict[str, None] = {}
    for number, sentence in enumerate(sentences, options.first_number):
        place = f"sentence {number}"
        name = _name(sentence.id, number, names, problems)
        lines: list[str] = []
        for span in sentence.spans or ():
            fragments = _fragments(sentence, span)
            if not span.label or any(map(str.isspace, span.label)):
                problems.count(
                    "span not written: its label holds white space", place
                )
                continue
            if not fragments:
                problems.count(
                    "span not written: it is nothing but line breaks", place
                )
                continue
            if (fragments[0][0], fragments[-1][1]) != (span.start, span.end):
                problems.count("line break at the end of a span cut off", place)
            labels[span.label] = None
            key = f"T{len(lines) + 1}"
            offsets = ";".join(f"{start} {end}" for start, end in fragments)
            shown = _shown(sentence.text, fragments)
            line = f"{key}\t{span.label} {offsets}\t{shown}\n"
            if span.score is not None:
                line += f"#{len(lines) + 1}\tAnnotatorNotes {key}\t"
                line += f"score {span.score!r}\n"
            lines.append(line)
        if found := remarks(sentence):
            if lines:
                shown = re.sub(r"\s+", " ", "; ".join(found))
                lines.append(f"#0\tAnnotatorNotes T1\t{shown}\n")
            else:
                problems.count(
                    "remark not written: brat's notes need an entity", place
                )
        yield NamedFile(f"{name}.txt", sentence.text.encode())
        yield NamedFile(f"{name}.ann", "".join(lines).encode())
    yield NamedFile("annotation.conf", _configuration(labels).encode())


def _name(
    key: str | None, number: int, names: set[str], problems: Problems
) -> str:
    """Returns a file name that no other text has, in any case."""
    name = key or f"{number:06d}"
    if not _NAME.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
        name = f"{number:06d}"
    while name.casefold() in names:
        name = f"{name}-{number}"
    names.add(name.casefold())
    if key is not None and name != key:
        problems.count("id that is no file name written as another", key)
    return name


def _fragments(sentence: Sentence, span: Span) -> list[tuple[int, int]]:
    """Divides a span at line breaks."""
    surface = sentence.surface(span)
    return [
        (span.start + match.start(), span.start + match.end())
        for match in re.finditer(r"[^\r\n]+", surface)
    ]


def _configuration(labels: Iterable[str]) -> str:
    """Returns the annotation.conf that brat needs to know labels."""
    sections = "".join(f"\n[{one}]\n" for one in _SECTIONS)
    return "[entities]\n" + "".join(f"{one}\n" for one in labels) + sections


_SECTIONS = ("relations", "events", "attributes")


def recognises(source: Source, _: ReadOptions) -> bool:
    """Returns whether a file has brat's name and lines."""
    lines = [one for one in source.head_lines if one.strip()]
    if not lines:
        return source.file.endswith(".ann") and os.path.isfile(source.file)
    return any(map(_SPAN.fullmatch, lines)) and all(
        _SPAN.fullmatch(one) or _OTHER.match(one) for one in lines
    )


def files_in(folder: str) -> list[str]:
    """Returns the annotation files of a folder, and texts without one."""
    inside = glob.escape(folder)
    found = glob.glob(os.path.join(inside, "*.ann"))
    if not found:
        return []
    texts = glob.glob(os.path.join(inside, "*.txt"))
    bare = [
        one for one in texts if f"{os.path.splitext(one)[0]}.ann" not in found
    ]
    return sorted(found + bare)


def companions(path: str) -> list[str]:
    """Returns the text of an annotation file."""
    text = f"{os.path.splitext(path)[0]}.txt"
    return [text] if path.endswith(".ann") and os.path.isfile(text) else []


FORMAT = Format(
    "brat",
    full_name="brat",
    suffix="",
    recognises=recognises,
    read=read,
    write=write,
    documents=False,
    scores=True,
    unlabelled=False,
    folder=True,
    files_in=files_in,
    companions=companions,
)
