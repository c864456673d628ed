"""Small tokenizers of unigram and byte-level BPE."""

import functools
import json

import tokenizers
from tokenizers import (
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from biaffine_tf.tokenization import Vocabulary
from biaffine_tf.tokenization.subword import prepare

SPECIAL = {
    "<s>": "[CLS]",
    "<pad>": "[PAD]",
    "</s>": "[SEP]",
    "<unk>": "[UNK]",
    "<mask>": "[MASK]",
}
LATE = list(SPECIAL)[:4]  # <mask> is added behind the others, as in XLM-R
WORDS = ["the cat", "Café", "un", "北京", "中文", "ab ab", "é", "😀"]
PARTS = ["a", "b", "ab", "ba", "the", "c", "中", "文", "中文", "！", "▁", "12"]


@functools.cache
def unigram() -> tokenizers.Tokenizer:
    scores = {
        part: -1.0 - (3 * len(part) + 7 * index) % 5 / 2
        for index, part in enumerate([*PARTS, *(f"▁{p}" for p in PARTS[:8])])
    }
    made = tokenizers.Tokenizer(
        models.Unigram([*((s, 0.0) for s in LATE), *scores.items()], unk_id=3)
    )
    made.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(tokenizers.Regex(" {2,}"), " "),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens([*LATE, "<mask>"])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


@functools.cache
def bpe() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        [" ".join(WORDS)] * 3,
        trainers.BpeTrainer(
            vocab_size=330,
            special_tokens=[*LATE, "<mask>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return made


MAKERS = {"unigram": unigram, "bpe": bpe}


@functools.cache
def vocabulary(name: str) -> Vocabulary:
    """Tokens of a sample, for our tokenizer."""
    tokens, subwords = prepare(json.loads(MAKERS[name]().to_str()), SPECIAL)
    return Vocabulary(tokens, subwords=subwords)
