"""Opinions of members on a corpus, kept in files.

The first line of a file is an object with the fingerprint of all that they
depend on and the number of sentences. Each of the others is a sentence: a list
of candidates, [start, end, label, log-odds], and a list of entities, [start,
end, label].
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from biaffine_tf import formats, model_directory
from biaffine_tf.config import DecodingConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.decoding import Candidate
from biaffine_tf.files import atomic_write
from biaffine_tf.inference import ensemble
from biaffine_tf.inference.ensemble import Opinion

# Raise it when equal members and sentences would get other opinions.
_VERSION = 1


def opinions_on(
    directory: str,
    corpus: Corpus,
    path: str,
    *,
    decoding: DecodingConfig,
) -> list[Opinion]:
    """Returns the opinions of a model on a corpus, from its file if it can.

    Args:
        directory: Model directory.
        corpus: The sentences.
        path: File of the opinions; written if it is missing or of others.
        decoding: Settings of decoding.
    """
    fingerprint = _fingerprint(directory, corpus, decoding)
    known = read_opinions(path, fingerprint)
    if known is not None:
        return known
    sentences = list(corpus.read())
    member = ensemble.load_member(directory)
    with member.predictor:
        found = list(
            tqdm(
                member.opinions(sentences, decoding),
                desc=_shown(path),
                total=len(sentences),
                unit=" sentences",
            )
        )
    write_opinions(path, fingerprint, found)
    return found


def _shown(path: str) -> str:
    """Returns "fold-1, out of fold" for `fold-1.out_of_fold.jsonl`."""
    name = os.path.basename(path).removesuffix(".jsonl")
    member, _, data = name.rpartition(".")
    return f"{member}, {data.replace('_', ' ')}"


def write_opinions(
    path: str, fingerprint: str, opinions: Sequence[Opinion]
) -> None:
    """Writes opinions atomically.

    Args:
        path: File to write; its folder is made.
        fingerprint: Digest of all that they depend on.
        opinions: Opinion on each sentence.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with atomic_write(path) as file:
        header = {"fingerprint": fingerprint, "sentences": len(opinions)}
        file.write(json.dumps(header) + "\n")
        file.writelines(map(_line, opinions))


def read_opinions(path: str, fingerprint: str) -> list[Opinion] | None:
    """Reads opinions; None if the file is missing, damaged or of others."""
    with contextlib.suppress(OSError, ValueError, TypeError, StopIteration):
        with open(path, encoding="utf-8") as file:
            header = json.loads(next(file))
            if header["fingerprint"] != fingerprint:
                return None
            opinions = [_opinion(*json.loads(line)) for line in file]
        if len(opinions) == header["sentences"]:
            return opinions
    return None


def _line(opinion: Opinion) -> str:
    values = [
        [[*one[:3], one.log_odds] for one in opinion.candidates],
        [list(one[:3]) for one in opinion.entities],
    ]
    return json.dumps(values, ensure_ascii=False) + "\n"


def _opinion(
    candidates: Iterable[tuple[int, int, str, float]],
    entities: Iterable[tuple[int, int, str]],
) -> Opinion:
    return Opinion(
        [
            Candidate(start, end, label, value, value, value)
            for start, end, label, value in candidates
        ],
        [Candidate(*key, margin=0.0) for key in entities],
    )


def _fingerprint(
    directory: str, corpus: Corpus, decoding: DecodingConfig
) -> str:
    values = {
        "version": _VERSION,
        "model": model_directory.model_fingerprints(directory),
        "corpus": corpus.fingerprint(),
        "reading": [str(corpus.options), formats.READER_VERSION],
        "decoding": decoding.to_dict(),
    }
    return hashlib.sha256(
        json.dumps(values, sort_keys=True).encode()
    ).hexdigest()
