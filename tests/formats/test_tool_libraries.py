"""Files that the tools' own libraries make and read, if installed."""

from __future__ import annotations

import json

import pytest

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import (
    Problems,
    ReadOptions,
    detect_format,
    read,
    write,
)
from biaffine_tf.formats.optional import check_package, require
from biaffine_tf.spans import Sentence, Span

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
ROWS = {
    "id": ["0", "1"],
    "tokens": [["Ann", "Lee", "in", "Ely"], ["nobody"]],
    "ner_tags": [[1, 2, 0, 3], [0]],
    "source": ["news", "web"],
}
SPANS = (Span(0, 7, "PER"), Span(11, 14, "LOC"))
OURS = [
    Sentence("Ann Lee in Ely", SPANS, "a"),
    Sentence("  北京\t😀 \n", (Span(2, 4, "LOC"), Span(1, 3, "X")), "b"),
    Sentence("none", (), "c"),
    Sentence("not labelled", None, "d"),
]


@pytest.fixture(scope="module")
def spacy():
    return pytest.importorskip("spacy")


def docbin(spacy, path, mark):
    """Writes a document with spaCy, labelled by a function."""
    nlp = spacy.blank("en")
    document = nlp("Ann Lee isn't in Ely.")
    mark(document)
    spacy.tokens.DocBin(docs=[document]).to_disk(path)
    return document


def test_spacy_writes_and_we_read(spacy, tmp_path):
    def entities(document):
        document.ents = [document.char_span(0, 7, label="PER")]

    def groups(document):
        document.spans["sc"] = [
            document.char_span(0, 7, label="PER"),
            document.char_span(4, 7, label="LAST"),
        ]

    wanted = {
        entities: (Span(0, 7, "PER"),),
        groups: (Span(0, 7, "PER"), Span(4, 7, "LAST")),
        lambda document: None: None,
        lambda document: document.set_ents([], default="outside"): (),
    }
    for number, (mark, spans) in enumerate(wanted.items()):
        path = tmp_path / f"{number}.spacy"
        document = docbin(spacy, path, mark)
        assert detect_format(path) == "spacy"
        (found,) = read(path)
        assert (found.text, found.spans) == (document.text, spans)
        assert [found.text[a:b] for a, b in found.words] == [
            token.text for token in document
        ]


def test_we_write_and_spacy_reads(spacy, tmp_path):
    path = tmp_path / "f.spacy"
    write(path, OURS, "spacy")
    vocab = spacy.blank("en").vocab
    documents = list(spacy.tokens.DocBin().from_disk(path).get_docs(vocab))
    assert [one.text for one in documents] == [one.text for one in OURS]
    first, second, third, fourth = documents
    assert [(e.start_char, e.end_char, e.label_) for e in first.ents] == [
        span.key for span in SPANS
    ]
    assert {(s.start_char, s.end_char) for s in second.spans["sc"]} == {
        (2, 4),
        (1, 3),
    }
    assert third.has_annotation("ENT_IOB")
    assert not fourth.has_annotation("ENT_IOB")
    assert [one.id for one in read(path)] == [one.id for one in OURS]


def test_datasets_writes_and_we_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=NAMES)),
            "source": datasets.Value("string"),
        }
    )
    made = datasets.Dataset.from_dict(ROWS, features=features)
    made.to_parquet(str(tmp_path / "f.parquet"))
    made.save_to_disk(str(tmp_path / "folder"))
    for path in (tmp_path / "f.parquet", tmp_path / "folder"):
        found = list(read(path))
        assert [one.spans for one in found] == [SPANS, ()]
        assert found[0].text == "Ann Lee in Ely"
        assert [one.id for one in found] == ["0", "1"]
        assert found[1].extra == {"source": "web"}
    made.to_json(str(tmp_path / "f.jsonl"))
    with pytest.raises(DataError, match="--tag_names"):
        next(read(tmp_path / "f.jsonl"))
    options = ReadOptions(tag_names=tuple(NAMES))
    assert [one.spans for one in read(tmp_path / "f.jsonl", options)] == [
        SPANS,
        (),
    ]


def test_we_write_and_datasets_reads(tmp_path):
    datasets = pytest.importorskip("datasets")
    for name, kind in (
        ("parquet", "parquet"),
        ("arrow", "arrow"),
        ("hf", "json"),
    ):
        path = tmp_path / f"f.{name}"
        write(path, OURS, name)
        loaded = datasets.load_dataset(
            kind, data_files=str(path), split="train", cache_dir=tmp_path / "c"
        )
        assert loaded[0]["tokens"] == ["Ann", "Lee", "in", "Ely"]
        assert loaded[0]["ner_tags"] == ["B-PER", "I-PER", "O", "B-LOC"]
        assert loaded[3]["ner_tags"] is None


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_features_name_the_tags(tmp_path, name):
    """As `datasets` stores them, without that library."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    label = {"names": NAMES, "_type": "ClassLabel"}
    features = {"ner_tags": {"feature": label, "_type": "List"}}
    table = pa.table(ROWS)
    numbered = tmp_path / "numbered"
    named = tmp_path / "named"
    for path, metadata in (
        (numbered, None),
        (named, {"huggingface": json.dumps({"info": {"features": features}})}),
    ):
        one = table.replace_schema_metadata(metadata)
        if name == "parquet":
            parquet.write_table(one, path)
        else:
            with pa.ipc.new_file(path, one.schema) as writer:
                writer.write_table(one)
    assert [one.spans for one in read(named)] == [SPANS, ()]
    assert detect_format(named) == name
    with pytest.raises(DataError, match="'ner_tags' are numbers"):
        next(read(numbered))
    options = ReadOptions(tag_names=tuple(NAMES))
    assert [one.spans for one in read(numbered, options)] == [SPANS, ()]


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_other_columns_stay_or_are_counted(tmp_path, name):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    kept = {
        "pages": [[1, 2], []],
        "meta": [{"by": "x", "years": [3]}, {"by": None, "years": []}],
    }
    lost = {"raw": [b"a", b"b"], "deep": [[{"raw": b"c"}], []]}
    unread = {"fine_ner_tags": [[2, 2, 0, 4], [0]]}
    one = pa.table(
        {key: ROWS[key] for key in ("id", "tokens", "ner_tags")}
        | kept
        | lost
        | unread
    )
    path, problems = tmp_path / "f", Problems()
    if name == "parquet":
        parquet.write_table(one, path)
    else:
        with pa.ipc.new_file(path, one.schema) as writer:
            writer.write_table(one)
    options = ReadOptions(tag_names=tuple(NAMES))
    found = list(read(path, options, problems))
    for number, sentence in enumerate(found):
        expected = {key: values[number] for key, values in kept.items()}
        expected |= {key: values[number] for key, values in unread.items()}
        if number == 1:
            expected["deep"] = []
        assert sentence.extra == expected
    amounts = {"raw": 2, "deep": 1, "fine_ner_tags": 1}  # a tag is no list
    for key, amount in amounts.items():
        (kind,) = (one for one in problems.counts if repr(key) in one)
        assert problems.counts[kind] == amount


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_broken_and_foreign_columns(tmp_path, name):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "f"
    write(path, OURS, name)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="cannot be read"):
        list(read(path))
    if name == "parquet":
        parquet.write_table(pa.table({"a": [1]}), path)
        with pytest.raises(DataError, match="without the column 'tokens'"):
            next(read(path))


def test_bioc_reads_what_we_write(tmp_path):
    """The library of the format's authors, for both biomedical ones."""
    biocjson = pytest.importorskip("bioc.biocjson")
    from bioc import pubtator

    labelled = [one for one in OURS if one.spans]
    write(tmp_path / "f.json", labelled, "bioc")
    with open(tmp_path / "f.json", encoding="utf-8") as stream:
        collection = biocjson.load(stream)
    for ours, document in zip(labelled, collection.documents, strict=True):
        (passage,) = document.passages
        assert passage.text == ours.text
        assert [
            (one.total_span.offset, one.text, one.infons["type"])
            for one in passage.annotations
        ] == [(s.start, ours.surface(s), s.label) for s in ours.spans]
    write(tmp_path / "f.txt", OURS[:1], "pubtator")
    with open(tmp_path / "f.txt", encoding="utf-8") as stream:
        (document,) = pubtator.load(stream)
    assert document.title == OURS[0].text
    assert [(one.start, one.end, one.type) for one in document.annotations] == [
        span.key for span in SPANS
    ]


@pytest.mark.parametrize("kind", ["JSON_MIN", "JSON", "CONLL2003"])
def test_label_studio_converts_what_we_write(tmp_path, kind):
    sdk = pytest.importorskip("label_studio_sdk.converter")
    texts = ["Ann Lee in Ely", "\u5317\u4eac \U0001f600 Bo", "none"]
    spans = [SPANS, (Span(5, 7, "PER"),), ()]
    ours = [Sentence(t, s) for t, s in zip(texts, spans, strict=True)]
    write(tmp_path / "ours", ours, "label_studio")
    tasks = json.loads((tmp_path / "ours").read_text())
    for number, task in enumerate(tasks):  # what a server adds
        task["id"] = task["annotations"][0]["id"] = number
    (tmp_path / "exported.json").write_text(json.dumps(tasks))
    config = (
        '<View><Labels name="label" toName="text"><Label value="PER"/>'
        '<Label value="LOC"/></Labels><Text name="text" value="$text"/></View>'
    )
    converter = sdk.Converter(config, str(tmp_path), download_resources=False)
    (tmp_path / "out").mkdir()
    converter.convert(
        str(tmp_path / "exported.json"), str(tmp_path / "out"), kind, False
    )
    (path,) = (tmp_path / "out").iterdir()
    found = list(read(path))
    assert [(one.text, one.spans) for one in found] == [
        (one.text, one.spans) for one in ours
    ]


def test_packages_that_are_missing_are_named():
    for ask in (
        lambda: require("no_such", "no_such", "x"),
        lambda: check_package("no_such", "x"),
    ):
        with pytest.raises(ConfigError, match="pip install no_such"):
            ask()
