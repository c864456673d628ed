"""What a path holds is recognised, or it is said why not."""

import json
import shutil
import sys

import numpy as np
import pytest
import tiny
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    assert_same,
    huggingface_directory,
    write,
    write_config,
    write_tf1,
)
from safetensors.numpy import load_file, save_file

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    """A release of Google's."""
    folder = tmp_path_factory.mktemp("releases") / "wwm ext"
    write("tf", folder)
    return folder


@pytest.fixture
def hugging_face(tmp_path):
    return huggingface_directory(tmp_path / "hf")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "bert_model.ckpt",
        "bert_model.ckpt.index",
        "bert_model.ckpt.data-00000-of-00001",
        "bert_config.json",
        "vocab.txt",
    ],
)
def test_any_file_of_a_release_will_do(google, name):
    source = checkpoints.open_source(str(google / name))
    assert source.format == checkpoints.Format.GOOGLE_BERT
    assert source.config == CONFIGS["bert"]
    assert source.vocabulary == VOCABULARY
    assert source.tokenizer.do_lower_case is None
    assert source.needs_tensorflow


@pytest.mark.parametrize("name", ["", "model.safetensors", "config.json"])
def test_any_file_of_hugging_face_s_will_do(hugging_face, name):
    source = checkpoints.open_source(str(hugging_face / name))
    assert source.format == checkpoints.Format.HUGGING_FACE
    assert source.config == CONFIGS["bert"]
    assert source.tokenizer.do_lower_case is True
    assert not source.needs_tensorflow


@pytest.mark.parametrize("name", ["", "weights.safetensors", "config.json"])
def test_any_file_of_a_model_directory_will_do(tmp_path, name):
    tiny.write_model(tmp_path)
    (tmp_path / "weights.safetensors").rename(tmp_path / "none yet")
    with pytest.raises(ConfigError, match="no epoch of this run"):
        checkpoints.open_source(str(tmp_path))
    (tmp_path / "none yet").rename(tmp_path / "weights.safetensors")
    source = checkpoints.open_source(str(tmp_path / name))
    assert source.format == checkpoints.Format.MODEL_DIRECTORY
    assert source.vocab_file == str(tmp_path / "vocab.txt")
    assert not source.needs_tensorflow


def test_a_name_that_tensorflow_takes_for_a_pattern(google, tmp_path):
    folder = shutil.copytree(google, tmp_path / "wwm [ext]")
    source = checkpoints.open_source(str(folder))
    assert source.vocabulary == VOCABULARY
    assert len(source.files) == 2
    with pytest.raises(ConfigError, match="a pattern; rename"):
        _ = source.format


def test_of_several_checkpoints_the_last_or_none(tmp_path):
    write("tf", tmp_path / "one")
    read = checkpoints.open_source(str(tmp_path / "one"))
    stored = {read.stored_name(n): read.tensor(n) for n in read.shapes}
    for step in (100, 200, 1000):
        write_tf1(tmp_path / f"model.ckpt-{step}", stored)
    with pytest.raises(ConfigError, match=r"holds 3 checkpoints: model.ckpt-"):
        checkpoints.open_source(str(tmp_path))
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "/moved/model.ckpt-200"\n'
        'all_model_checkpoint_paths: "/moved/model.ckpt-100"\n'
    )
    source = checkpoints.open_source(str(tmp_path))
    assert source.files[0] == str(
        tmp_path / "model.ckpt-200.data-00000-of-00001"
    )
    assert source.config is None and source.vocabulary is None


def test_a_config_of_the_wanted_component(tmp_path):
    write("tf", tmp_path, CONFIGS["electra"])
    (tmp_path / "bert_config.json").unlink()
    for name, size in (("discriminator", 32), ("generator", 48)):
        write_config(
            tmp_path / f"small_{name}_config.json",
            tiny.encoder_config(intermediate_size=size),
        )
        source = checkpoints.open_source(
            str(tmp_path), component=checkpoints.Component(name)
        )
        assert source.config.intermediate_size == size


def test_given_files_have_precedence(hugging_face, tmp_path):
    config = tiny.encoder_config(hidden_dropout_prob=0.5)
    path = tiny.write_vocabulary(tmp_path / "v.txt")
    source = checkpoints.open_source(
        str(hugging_face),
        vocab_file=path,
        bert_config_file=write_config(tmp_path / "c.json", config),
    )
    assert source.config == config
    assert source.vocab_file == path


@pytest.mark.parametrize("with_prefix", [False, True])
def test_a_prefix_may_be_there_or_not(hugging_face, with_prefix):
    path = hugging_face / "model.safetensors"
    want = checkpoints.open_source(str(hugging_face)).read()
    tensors = {
        name if with_prefix else name.removeprefix("bert."): value
        for name, value in load_file(path).items()
    }
    save_file(tensors | {"classifier.weight": np.zeros(3)}, path)
    source = checkpoints.open_source(str(hugging_face))
    assert_same(source.read(), want)
    assert source.unused == ("classifier.weight",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "nezha"}, "model_type is 'nezha'"),
        ({"model_type": "roformer", "hidden_act": "swish"}, "'roformer'"),
        ({"model_type": "deberta-v2"}, "'deberta-v2'"),
        ({"model_type": 3}, "model_type is 3"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type is 'relative_key'",
        ),
        ({"use_relative_position": True}, "use_relative_position is True"),
        ({"norm_first": True}, "norm_first is True"),
        ({"is_decoder": True}, "is_decoder is True"),
        (
            {"model_type": "albert", "inner_group_num": 2},
            "inner_group_num is 2",
        ),
        ({"hidden_act": "silu"}, "hidden_act must be .*, got 'silu'"),
    ],
)
def test_configs_of_other_architectures(hugging_face, changes, message):
    path = hugging_face / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ConfigError, match=message) as caught:
        checkpoints.open_source(str(hugging_face))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "bert.encoder.layer.0.attention.self.distance_embedding.weight",
        "encoder.relative_attention_bias.weight",
        "bert.embeddings.word_embeddings_2.weight",
    ],
)
def test_tensors_of_other_architectures(hugging_face, name):
    path = hugging_face / "model.safetensors"
    tensors = load_file(path)
    tensors[name] = next(iter(tensors.values()))
    save_file(tensors, path)
    with pytest.raises(ConfigError, match="unsupported architecture") as caught:
        _ = checkpoints.open_source(str(hugging_face)).shapes
    assert name in str(caught.value)


def test_tensors_that_are_no_encoder(hugging_face):
    path = hugging_face / "model.safetensors"
    tensors = {f"vision.{k}": v for k, v in load_file(path).items()}
    save_file(tensors, path)
    with pytest.raises(ConfigError, match=r"no encoder.*vision\.bert\."):
        _ = checkpoints.open_source(str(hugging_face)).shapes


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"model_type": "bert", "embedding_size": 3}, {}),
        ({"embedding_size": 128}, {"embedding_size": 128}),
        ({"embedding_size": 768}, {}),
        (
            {
                "inner_group_num": 1,
                "embedding_size": 128,
                "hidden_size": 768,
                "num_hidden_groups": 1,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
                "hidden_act": "gelu",
                "hidden_dropout_prob": 0.1,
                "attention_probs_dropout_prob": 0.1,
            },
            {
                "embedding_size": 128,
                "num_hidden_groups": 1,
                "hidden_act": "gelu_new",
            },
        ),
        (
            {"model_type": "albert", "hidden_act": "gelu", "hidden_size": 128},
            None,
        ),
    ],
)
def test_what_a_family_s_config_leaves_out(tmp_path, values, changes):
    """Defaults of transformers; and Google's ALBERT says gelu of another."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"vocab_size": 9} | values))
    config = checkpoints.read_config(str(path))
    if changes is None:
        assert config.hidden_act == "gelu"
    else:
        known = EncoderConfig(vocab_size=9, **changes)
        assert config == known


def test_defaults_are_those_of_transformers(tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed"
    )
    for theirs in ("BertConfig", "ElectraConfig", "AlbertConfig"):
        full = getattr(transformers, theirs)()
        path = tmp_path / f"{theirs}.json"
        short = {"vocab_size": full.vocab_size, "model_type": full.model_type}
        path.write_text(json.dumps(short))
        ours = checkpoints.read_config(str(path))
        for name, value in ours.to_dict().items():
            if value is not None:
                assert value == getattr(full, name), (theirs, name)


def _tokenizer_json(ids, added=(), **model):
    return {
        "added_tokens": [{"id": i, "content": c} for c, i in added],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Replace"},
                {"type": "BertNormalizer", "lowercase": False},
            ],
        },
        "model": {"type": "WordPiece", "vocab": ids} | model,
    }


def test_a_vocabulary_in_tokenizer_json(hugging_face):
    (hugging_face / "vocab.txt").unlink()
    (hugging_face / "tokenizer_config.json").unlink()
    ids = VOCABULARY.to_dict()
    shuffled = dict(sorted(ids.items()))
    last = shuffled.popitem()
    path = hugging_face / "tokenizer.json"
    path.write_text(json.dumps(_tokenizer_json(shuffled, [last])))
    source = checkpoints.open_source(str(hugging_face))
    assert source.vocabulary == VOCABULARY
    assert source.vocab_file == str(path)
    assert source.tokenizer.do_lower_case is False
    assert source.tokenizer.kind is None
    assert checkpoints.read_vocabulary(str(path)) == VOCABULARY


@pytest.mark.parametrize("kind", ["Unigram", "BPE"])
def test_damaged_subword_tokenizers(hugging_face, kind):
    (hugging_face / "vocab.txt").unlink()
    path = hugging_face / "tokenizer.json"
    path.write_text(json.dumps(_tokenizer_json({"a": 0}, type=kind)))
    with pytest.raises(DataError, match="not of a unigram or BPE tokenizer"):
        checkpoints.open_source(str(hugging_face))


def test_vocabularies_of_other_models(hugging_face):
    (hugging_face / "vocab.txt").unlink()
    path = hugging_face / "tokenizer.json"
    path.write_text(json.dumps(_tokenizer_json({"a": 0}, type="WordLevel")))
    source = checkpoints.open_source(str(hugging_face))
    assert source.vocabulary is None
    with pytest.raises(ConfigError, match=r"no vocab\.txt.*--vocab_file"):
        source.require_vocabulary()
    with pytest.raises(DataError, match="not WordPiece"):
        checkpoints.read_vocabulary(str(path))


def test_ids_with_a_gap(hugging_face):
    (hugging_face / "vocab.txt").unlink()
    ids = {token: 2 * i for i, token in enumerate(VOCABULARY)}
    path = hugging_face / "tokenizer.json"
    path.write_text(json.dumps(_tokenizer_json(ids)))
    with pytest.raises(DataError, match="are not 0 to 27"):
        checkpoints.open_source(str(hugging_face))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", r"config\.json: not JSON"),
        ("config.json", '{"hidden_size": 8}', "no vocab_size"),
        ("model.safetensors", "x", r"model\.safetensors: not readable"),
        ("tokenizer_config.json", "{", r"tokenizer_config\.json: not JSON"),
        ("vocab.txt", "a\nb\n", r"vocab\.txt: not a BERT"),
    ],
)
def test_damaged_files_are_named(hugging_face, name, content, message):
    (hugging_face / name).write_text(content)
    with pytest.raises((ConfigError, DataError), match=message):
        _ = checkpoints.open_source(str(hugging_face)).shapes


@pytest.mark.parametrize(
    "index", ["{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "b.s"}}']
)
def test_a_damaged_index_is_named(hugging_face, index):
    (hugging_face / "model.safetensors").unlink()
    path = hugging_face / "model.safetensors.index.json"
    path.write_text(index)
    with pytest.raises(ConfigError, match=r"index\.json|b\.s"):
        _ = checkpoints.open_source(str(hugging_face)).shapes


def test_nothing_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        checkpoints.open_source(str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"not a model directory.*\.index"):
        checkpoints.open_source(str(tmp_path))


def test_pickled_weights_without_torch(hugging_face, monkeypatch):
    shutil.move(
        hugging_face / "model.safetensors", hugging_face / "pytorch_model.bin"
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    source = checkpoints.open_source(str(hugging_face))
    with pytest.raises(ConfigError, match=r"not installed.*save_pretrained"):
        _ = source.shapes


def test_pickled_weights_that_are_damaged(hugging_face):
    pytest.importorskip("torch", reason="torch is not installed")
    shutil.move(
        hugging_face / "model.safetensors", hugging_face / "pytorch_model.bin"
    )
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin: not readable"):
        _ = checkpoints.open_source(str(hugging_face)).shapes
