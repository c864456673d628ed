"""The committed corpus is what the generator writes, and worth learning."""

import collections
import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WRITTEN = (
    "train.jsonl",
    "dev.jsonl",
    "unlabelled.txt",
    "vocab.txt",
    "bert_config.json",
)
LABELS = {
    "amount",
    "code",
    "email",
    "event",
    "facility",
    "organization",
    "person",
    "place",
    "position",
    "product",
    "time",
    "title",
}


def load_generator():
    spec = importlib.util.spec_from_file_location(
        "examples_generate", EXAMPLES / "generate.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


generator = load_generator()


def read(name):
    lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module", params=["train", "dev"])
def sentences(request):
    return read(f"{request.param}.jsonl")


def keys(sentence):
    return [(s["start"], s["end"], s["label"]) for s in sentence["spans"]]


def is_nested(spans):
    return any(
        a != b and a[0] <= b[0] and b[1] <= a[1] for a in spans for b in spans
    )


def crosses(a, b):
    return a[0] < b[0] < a[1] < b[1]


def test_same_bytes_as_committed(tmp_path):
    subprocess.run(
        [sys.executable, EXAMPLES / "generate.py", "--output", tmp_path],
        check=True,
        cwd=tmp_path,
        env={"PYTHONHASHSEED": "7", "LC_ALL": "C"},
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(WRITTEN)
    for name in WRITTEN:
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_another_seed_writes_another_corpus(tmp_path):
    generator.generate(tmp_path, seed=1, train=30, dev=20)
    ours = {s["text"] for s in read("train.jsonl")}
    lines = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 30
    assert len({json.loads(line)["text"] for line in lines} - ours) > 20


def test_counts_and_disjoint_texts():
    train, dev = read("train.jsonl"), read("dev.jsonl")
    assert (len(train), len(dev)) == (1600, 200)
    unlabelled = (EXAMPLES / "unlabelled.txt").read_text(encoding="utf-8")
    texts = [s["text"] for s in train + dev] + unlabelled.splitlines()
    assert len(set(texts)) == len(texts) == 1850
    assert len({s["id"] for s in train + dev}) == 1800


def test_shares(sentences):
    count = len(sentences)
    nested = sum(is_nested(keys(s)) for s in sentences)
    empty = sum(not s["spans"] for s in sentences)
    long = sum(150 <= len(s["text"]) <= 230 for s in sentences)
    assert nested / count >= 0.30
    assert 0.10 <= empty / count <= 0.15
    assert 0.02 <= long / count <= 0.10
    assert max(len(s["text"]) for s in sentences) <= 230


def test_spans_nest_without_crossing_or_sharing_a_range(sentences):
    for sentence in sentences:
        spans = keys(sentence)
        ranges = [span[:2] for span in spans]
        assert len(set(ranges)) == len(ranges), sentence["id"]
        for start, end in ranges:
            assert 0 <= start < end <= len(sentence["text"])
        crossing = [(a, b) for a in spans for b in spans if crosses(a, b)]
        assert not crossing, sentence["id"]


def test_mentions_are_not_cut(sentences):
    """Offsets hold: what is easy to recognise by its form is whole."""
    for sentence in sentences:
        for start, end, label in keys(sentence):
            mention = sentence["text"][start:end]
            assert mention == mention.strip()
            if label == "email":
                assert mention.count("@") == 1
                assert mention.endswith(("com", "org", "net"))
            if label == "title":
                assert not set(mention) & set("《》")


def test_every_label_is_frequent():
    counts = collections.Counter(
        label for s in read("train.jsonl") for *_, label in keys(s)
    )
    assert set(counts) == LABELS
    assert min(counts.values()) >= 40, counts


def test_ordinary_input_is_hostile():
    text = "".join(s["text"] for s in read("train.jsonl"))
    for token in (
        "👍🏽",
        "👨‍👩‍👧",
        "《",
        "　",
        " ",
        "Ａ",
        "２",
        "％",
        "Wi-Fi",
        "@",
    ):
        assert token in text, token


@pytest.mark.slow
def test_a_dictionary_of_mentions_is_not_enough():
    mentions = collections.defaultdict(collections.Counter)
    for sentence in read("train.jsonl"):
        for start, end, label in keys(sentence):
            mentions[sentence["text"][start:end]][label] += 1
    assert sum(len(labels) > 1 for labels in mentions.values()) >= 10
    correct = predicted = expected = 0
    for sentence in read("dev.jsonl"):
        text, gold = sentence["text"], set(keys(sentence))
        found = {
            (start, start + len(mention), labels.most_common(1)[0][0])
            for mention, labels in mentions.items()
            for start in range(len(text))
            if text.startswith(mention, start)
        }
        correct += len(found & gold)
        predicted += len(found)
        expected += len(gold)
    f1 = 2 * correct / (predicted + expected)
    assert 0.2 < f1 < 0.7, f1


def test_vocabulary_and_config_agree():
    tokens = (EXAMPLES / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert tokens.pop() == ""
    assert tuple(tokens[:5]) == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert len(set(tokens)) == len(tokens)
    assert tokens[5:] == sorted(tokens[5:])
    config = json.loads((EXAMPLES / "bert_config.json").read_text())
    assert config["vocab_size"] == len(tokens)
    longest = max(len(s["text"]) for s in read("train.jsonl"))
    assert longest + 2 <= config["max_position_embeddings"]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_seed_keeps_the_promises(seed):
    tokens = set((EXAMPLES / "vocab.txt").read_text(encoding="utf-8"))
    rng = random.Random(seed)
    grammar = generator.Grammar(EXAMPLES / "grammar.toml", rng)
    seen = set()
    drawn = generator.draw(grammar, rng, 40, seen)
    assert {each.text for each in drawn} == seen
    assert sum(not each.spans for each in drawn) == 5
    for each in drawn:
        unknown = {c for c in each.text if not c.isspace()} - tokens
        assert not unknown
        assert {c.lower() for c in each.text if not c.isspace()} <= tokens
        ranges = [span[:2] for span in each.spans]
        assert len(set(ranges)) == len(ranges)
        assert not any(crosses(a, b) for a in ranges for b in ranges)
