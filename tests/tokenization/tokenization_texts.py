"""Hostile texts, and a vocabulary that knows part of them."""

from hypothesis import strategies as st

from biaffine_tf.tokenization import Vocabulary

WORDS = ["the", "cat", "cafe", "un", "i", "is", "a", "b", "ab", "x", "12"]
CHINESE = ["中", "文", "北", "京", "　", "，"]
VOCABULARY = Vocabulary(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "[", "]"]
    + WORDS
    + ["##" + word for word in WORDS]
    + CHINESE
    + ["The", "C", "##LS", "cls", "sep", "!", "-", "😀", "İ", "É", "é", "ａ"]
    + ["##tan", "##bul", "\u1112", "##\u1161", "##\u11ab", "\u2028", "\ufeff"]
)
FRAGMENTS = [
    *WORDS,
    *CHINESE,
    *["İ", "İstanbul", "ﬁ", "É", "e\u0301", "\u0301", "Cafe\u0301s", "ẞ"],
    *[
        "😀",
        "👩‍👩‍👧",
        "❤\ufe0f",
        "🇨🇳",
        "ＡＢ",
        "ａ",
        "한",
        "ﷺ",
        "ǅ",
        "\U00020000",
    ],
    *[" ", "\t", "\n", "\r\n", "\u2028", "\u00a0", "\u200b", "\u200d"],
    *["\ufeff", "\x00", "\x7f", "\ufffd", "\ud800", "\udc00", "\ue000"],
    *["[SEP]", "[CLS]", "[UNK]", "[unused1]", "##a", "-", "!", "The"],
]
hostile_texts = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=12
).map("".join)
