"""Makes a BERT vocabulary from texts: `python -m biaffine_tf.vocabulary`.

For encoders with random initialization: give it as --vocab_file to
run_classifier.py or to pretrain/create_pretraining_data.py.
"""

from __future__ import annotations

import argparse
import collections
import functools
import os
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from biaffine_tf import console, formats
from biaffine_tf.choices import Choice
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    reading_options,
)
from biaffine_tf.config import TokenizerKind
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable
from biaffine_tf.formats import inputs
from biaffine_tf.tokenization import (
    Vocabulary,
    make_tokenizer,
    share_of_chinese,
)
from biaffine_tf.tokenization.vocabulary import CLS, PAD, SEP, UNK
from biaffine_tf.tokenization.wordpiece import without_surrogates

SPECIALS = (PAD, UNK, CLS, SEP, "[MASK]")

_INSIDE = "##"
_MIN_COUNT = 2  # of a WordPiece token; rarer ones are not learnt anyway
_WORDS_AT_ONCE = 1_000  # per text given to the WordPiece trainer


def make_vocabulary(
    texts: Iterable[str],
    *,
    size: int,
    kind: TokenizerKind | str,
    do_lower_case: bool = False,
    min_count: int = 1,
) -> Vocabulary:
    """Builds the vocabulary of a tokenizer from texts.

    [PAD], [UNK], [CLS], [SEP] and [MASK] come first, then the most frequent
    characters, white space included except line ends. For WordPiece these are
    the most frequent letters, at the start of words and inside them, and the
    tokens that the trainer of the `tokenizers` library joins them to. The
    result does not depend on the order of the texts.

    Args:
        texts: Training texts, read once.
        size: Maximum number of tokens, special ones included.
        kind: Kind of the tokenizer.
        do_lower_case: Whether the tokenizer lowercases.
        min_count: Minimum number of occurrences of a character, unless none
            has as many; WordPiece tokens have a minimum of their own.

    Returns:
        A vocabulary of `size` tokens, or fewer if the texts have fewer.

    Raises:
        ConfigError: If the size leaves no token for text, or there is no text.
    """
    if size <= len(SPECIALS):
        raise ConfigError(
            f"--size must be more than {len(SPECIALS)}, the number of special "
            f"tokens, got {size}",
            remedy="give a few thousand",
        )
    size -= len(SPECIALS)
    if kind == TokenizerKind.CHAR:
        tokens = _characters(texts, size, do_lower_case, min_count)
    else:
        tokens = _wordpiece_tokens(texts, size, do_lower_case)
    if not tokens:
        raise ConfigError(
            "the texts have no character to make a token of",
            remedy="give files that hold text",
        )
    return Vocabulary([*SPECIALS, *tokens])


def _characters(
    texts: Iterable[str], size: int, folds: bool, min_count: int
) -> list[str]:
    """Returns the most frequent characters, as `CharTokenizer` folds them."""
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        counts.update(text)
    folded: collections.Counter[str] = collections.Counter()
    for character, count in counts.items():
        lower = character.lower() if folds else character
        folded[lower if len(lower) == 1 else character] += count
    fitting = [c for c in _by_count(folded) if _fits_a_line(c)]
    common = [c for c in fitting if folded[c] >= min_count]
    return (common or fitting)[:size]


def _wordpiece_tokens(
    texts: Iterable[str], size: int, folds: bool
) -> list[str]:
    """Fills half of the vocabulary with letters, the rest with longer tokens.

    Tokens that are left, for example if all words are Chinese characters, go
    to rarer letters.
    """
    words = _count_words(texts, folds)
    letters: collections.Counter[str] = collections.Counter()
    inside: set[str] = set()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
        inside.update(word[1:])
    singles = []
    for letter in _by_count(letters):
        singles.append(letter)
        if letter in inside:
            singles.append(_INSIDE + letter)
    common, rare = singles[: size // 2], singles[size // 2 :]
    joined = _join(words, common, size)
    return [*common, *joined, *rare][:size]


def _count_words(texts: Iterable[str], folds: bool) -> collections.Counter[str]:
    """Counts words as `WordPieceTokenizer` divides texts."""
    normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=folds,
        lowercase=folds,
    )
    pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words: collections.Counter[str] = collections.Counter()
    for text in texts:
        normal = normalizer.normalize_str(without_surrogates(text))
        words.update(word for word, _ in pre_tokenizer.pre_tokenize_str(normal))
    return words


def _join(
    words: collections.Counter[str], singles: list[str], size: int
) -> list[str]:
    """Learns WordPiece tokens of several letters.

    Args:
        words: Words with counts; those with other letters are ignored.
        singles: Letters, and letters inside words with "##".
        size: Maximum number of tokens, `singles` included.
    """
    known = set(singles)
    spelled = [
        word
        for word in sorted(words)
        if word[0] in known and all(_INSIDE + c in known for c in word[1:])
    ]
    alphabet = [token for token in singles if len(token) == 1]
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(
        (text for word in spelled for text in _repeated(word, words[word])),
        trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=_MIN_COUNT,
            # Ties are broken by the ids of the parts; for reproducible ids,
            # all tokens of one letter are given at the start.
            special_tokens=singles,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    ids = tokenizer.get_vocab()
    return [token for token in sorted(ids, key=ids.get) if token not in known]


def _repeated(word: str, count: int) -> Iterator[str]:
    """Yields texts that repeat a word `count` times in total."""
    for begin in range(0, count, _WORDS_AT_ONCE):
        yield " ".join([word] * min(_WORDS_AT_ONCE, count - begin))


def _by_count(counts: collections.Counter[str]) -> list[str]:
    """Sorts by descending count, ties by code point."""
    return sorted(counts, key=lambda token: (-counts[token], token))


def _fits_a_line(character: str) -> bool:
    return character not in "\r\n" and not "\ud800" <= character <= "\udfff"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.vocabulary"),
        description="Makes a BERT vocabulary (vocab.txt) for an encoder with "
        "random initialization, from labelled or plain texts in any format.",
    )
    console.add_version(parser)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="path or glob; .gz, .xz, .bz2 and .zst are unpacked",
    )
    parser.add_argument(
        "--size",
        type=int,
        required=True,
        help="maximum number of tokens, special ones included",
    )
    parser.add_argument(
        "--output", metavar="vocab.txt", required=True, help="file to write"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing file"
    )
    parser.add_argument(
        "--kind",
        choices=[str(TokenizerKind.CHAR), str(TokenizerKind.WORDPIECE)],
        help="tokenizer to use it with (default: char for Chinese text, "
        "wordpiece for other text)",
    )
    parser.add_argument(
        "--do_lower_case",
        action="store_true",
        help="lowercase the texts; the tokenizer must do the same",
    )
    add_reading_arguments(parser)
    return parser


def _run(options: argparse.Namespace) -> None:
    if os.path.lexists(options.output) and not options.overwrite:
        raise ConfigError(
            f"{options.output}: exists already",
            remedy="give another --output, or --overwrite to replace it",
        )
    check_writable(os.path.dirname(options.output) or ".")
    files = inputs.find_files(options.files, flag="FILE")
    corpus = Corpus(tuple(files), reading_options(options))
    kind = options.kind
    if kind is None:
        choice = _choose_kind(one.text for one in corpus.read())
        print(f"chosen: {choice}")
        kind = choice.value
    problems = formats.Problems()
    characters: collections.Counter[str] = collections.Counter()

    def texts() -> Iterator[str]:
        for one in corpus.read(problems):
            characters.update(one.text)
            yield one.text

    vocabulary = make_vocabulary(
        texts(),
        size=options.size,
        kind=kind,
        do_lower_case=options.do_lower_case,
    )
    os.makedirs(os.path.dirname(options.output) or ".", exist_ok=True)
    vocabulary.save(options.output)
    for line in problems.lines():
        print(line)
    _report(options, kind, vocabulary, characters)


def _choose_kind(texts: Iterable[str]) -> Choice:
    share = share_of_chinese(texts) or 0.0
    kind = TokenizerKind.CHAR if share > 1 / 2 else TokenizerKind.WORDPIECE
    reason = f"{100 * share:.0f} % of the letters are Chinese characters"
    return Choice("kind", kind, reason)


def _report(
    options: argparse.Namespace,
    kind: TokenizerKind,
    vocabulary: Vocabulary,
    characters: collections.Counter[str],
) -> None:
    """Prints the coverage of the vocabulary and the flags to use it with."""
    tokenizer = make_tokenizer(
        kind, vocabulary, do_lower_case=options.do_lower_case
    )
    # Tokenizers drop white space, or do not distinguish its kinds.
    counts = {c: n for c, n in characters.items() if not c.isspace()}
    total = sum(counts.values())
    known = sum(n for c, n in counts.items() if tokenizer.knows(c))
    share = 100 * known / max(total, 1)
    all_there_are = len(vocabulary) < options.size
    print(
        f"{options.output}: {len(vocabulary):,} tokens"
        + (", all that the texts give" if all_there_are else "")
        + f"; {share:.2f} % of {total:,} characters are known"
    )
    no = "" if options.do_lower_case else "no"
    print(
        f"train with --vocab_file={options.output} --tokenizer={kind} "
        f"--{no}do_lower_case"
    )


main = console.command(_parser, _run)
run = functools.partial(console.run, main)
