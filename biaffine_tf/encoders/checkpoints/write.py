"""Writing of encoders as Hugging Face directories or TF1 checkpoints."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

import numpy as np
import safetensors.numpy

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.checkpoints import google, huggingface, names
from biaffine_tf.encoders.checkpoints.configs import (
    Family,
    family_of,
    to_google_values,
    to_values,
)
from biaffine_tf.encoders.checkpoints.layout import listed
from biaffine_tf.encoders.checkpoints.vocabularies import (
    SETTINGS,
    TokenizerSettings,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import (
    atomic_write,
    check_writable,
    remove,
    write_json,
)
from biaffine_tf.model_directory.weights import require_finite
from biaffine_tf.tokenization import Vocabulary, subword

_NO_SETTINGS = TokenizerSettings()
_CLASSES = {
    Family.BERT: ("BertForMaskedLM", "BertModel"),
    Family.ELECTRA: ("ElectraForMaskedLM", "ElectraModel"),
    Family.ALBERT: ("AlbertForMaskedLM", "AlbertModel"),
}


def write_huggingface(
    directory: str,
    config: EncoderConfig,
    tensors: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    *,
    tokenizer: TokenizerSettings = _NO_SETTINGS,
) -> None:
    """Writes an encoder for `transformers` and `open_source`.

    Leaves out the output matrix of a masked-LM head: `transformers` ties it to
    the embeddings, as we do.

    Args:
        directory: Directory, created if needed; existing files are replaced.
        config: Config of the encoder. Written as an ALBERT if layers share
            weights, else as an ELECTRA if the embeddings are projected or
            there is a replaced-token detector, else as a BERT.
        tensors: Tensors of the encoder and its heads, by canonical name.
        vocabulary: Vocabulary of the encoder.
        tokenizer: Known settings of its tokenizer.

    Raises:
        ConfigError: If the directory is not writable, the tensors do not fit
            the config, or Hugging Face has no such encoder.
    """
    _check(config, tensors, vocabulary)
    family = family_of(config, tensors)
    if family is Family.ALBERT and config.embedding_width == config.hidden_size:
        raise ConfigError(
            "Hugging Face's ALBERT always projects its embeddings, but this "
            f"encoder's are as wide as its layers, {config.hidden_size}",
            remedy="write a TensorFlow checkpoint",
        )
    check_writable(directory)
    os.makedirs(directory, exist_ok=True)
    stored = {}
    for name, value in tensors.items():
        value = value.T if name.endswith("/kernel") else value
        stored[huggingface.stored_name(family, name)] = np.ascontiguousarray(
            value, np.float32
        )
    path = os.path.join(directory, "model.safetensors")
    with atomic_write(path, "wb") as file:
        file.write(safetensors.numpy.save(stored, metadata={"format": "pt"}))
    _write_tokenizer(directory, vocabulary, tokenizer)
    values = {
        "architectures": [_architecture(family, tensors)],
        **to_values(config, family),
        "pad_token_id": vocabulary.pad_id,
    }
    write_json(os.path.join(directory, "config.json"), values)


def _write_tokenizer(
    directory: str, vocabulary: Vocabulary, tokenizer: TokenizerSettings
) -> None:
    settings, plain, whole = (
        os.path.join(directory, name)
        for name in (SETTINGS, "vocab.txt", "tokenizer.json")
    )
    if vocabulary.subwords is None:
        remove(whole)  # of another tokenizer
        vocabulary.save(plain)
        named = {"tokenizer_class": "BertTokenizer", **tokenizer.to_json()}
        write_json(settings, named)
        return
    remove(plain)
    write_json(whole, subword.restore(vocabulary))
    special = {
        f"{token.strip('[]').lower()}_token": token
        for token in subword.BRACKETED
        if token in vocabulary
    }
    named = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    write_json(settings, named)


def write_tf1(
    directory: str,
    config: EncoderConfig,
    tensors: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    *,
    tokenizer: TokenizerSettings = _NO_SETTINGS,
) -> None:
    """Writes `bert_model.ckpt`, `bert_config.json` and `vocab.txt`.

    Names are those of Google's release of the family; see `write_huggingface`
    for the choice of the family. Tokenizer settings, which Google's releases
    do not store, go to `tokenizer_config.json` as in Hugging Face directories.
    Loads TensorFlow.

    Args:
        directory: Directory, created if needed.
        config: Config of the encoder.
        tensors: Tensors of the encoder and its heads, by canonical name. An
            ELECTRA with a masked-LM head is written as a generator.
        vocabulary: Vocabulary of the encoder.
        tokenizer: Known settings of its tokenizer.

    Raises:
        ConfigError: If the directory is not writable, or the tensors do not
            fit the config.
    """
    import tensorflow as tf

    _check(config, tensors, vocabulary)
    if vocabulary.subwords is not None:
        raise ConfigError(
            "Google's releases have no tokenizer but BERT's",
            remedy="write the encoder with --to=huggingface",
        )
    family = family_of(config, tensors)
    check_writable(directory)
    os.makedirs(directory, exist_ok=True)
    table = google.table_for(family, tensors)
    tf.raw_ops.SaveV2(
        prefix=os.path.join(directory, "bert_model.ckpt"),
        tensor_names=[table.from_canonical(name) for name in tensors],
        shape_and_slices=[""] * len(tensors),
        tensors=[np.asarray(value, np.float32) for value in tensors.values()],
    )
    vocabulary.save(os.path.join(directory, "vocab.txt"))
    write_json(
        os.path.join(directory, "bert_config.json"),
        to_google_values(config, family),
    )
    if settings := tokenizer.to_json():
        write_json(os.path.join(directory, SETTINGS), settings)


def _check(
    config: EncoderConfig,
    tensors: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
) -> None:
    """Checks that the encoder could be loaded again."""
    wanted = names.encoder_shapes(config)
    for prefix, shapes in (
        ("mlm/", names.mlm_shapes(config)),
        ("rtd/", names.rtd_shapes(config)),
    ):
        if any(name.startswith(prefix) for name in tensors):
            wanted |= shapes
    wrong = [
        f"{name} "
        f"{list(tensors[name].shape) if name in tensors else 'missing'}, "
        f"not {list(wanted[name]) if name in wanted else 'known'}"
        for name in [*wanted, *(tensors.keys() - wanted.keys())]
        if name not in tensors
        or name not in wanted
        or tensors[name].shape != wanted[name]
    ]
    if len(vocabulary) != config.vocab_size:
        wrong.append(
            f"a vocabulary of {len(vocabulary)} tokens, not {config.vocab_size}"
        )
    if len({name[:4] for name in tensors if names.is_head(name)}) > 1:
        wrong.append("two heads, not one")
    for name, value in tensors.items():
        require_finite(name, value)
    if wrong:
        raise ConfigError(
            f"the encoder does not fit its config: {listed(wrong)}",
            remedy="give the config and vocabulary that it was trained with",
        )


def _architecture(family: Family, canonical: Collection[str]) -> str:
    if family is Family.ELECTRA and "rtd/dense/kernel" in canonical:
        return "ElectraForPreTraining"
    with_head, alone = _CLASSES[family]
    return with_head if "mlm/dense/kernel" in canonical else alone
