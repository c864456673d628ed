"""Prediction with several models at once, each on its own engine."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Self

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence, to_log_odds
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    Decoder,
    DecodingConfig,
    Engine,
    LongText,
    Precision,
)
from biaffine_tf.decoding import Candidate
from biaffine_tf.decoding.candidates import to_probability
from biaffine_tf.decoding.voting import Key, average, mean_log_odds, vote
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.engines import choose_for_member
from biaffine_tf.inference.postprocessing import decoder_of
from biaffine_tf.inference.windowed import WindowedPredictor, confidence_of
from biaffine_tf.inference.windowed_text import Wanted
from biaffine_tf.model_directory import Ensemble, EnsembleMember, Rule
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import WordRule

# Calibrated score below which candidates of a member count as absent.
MIN_SCORE = 0.01
FLOOR = to_log_odds(MIN_SCORE)
# Settings of decoding in which members may differ; see `decoding_of`.
_MAY_DIFFER = ("nested", "word_rule", "force_one_entity")


class Opinion(NamedTuple):
    """Candidates of a member in a sentence.

    Attributes:
        candidates: Candidates with calibrated log-odds of at least `FLOOR`.
        entities: Entities that it decodes by itself.
    """

    candidates: list[Candidate]
    entities: list[Candidate]


class Judgement(NamedTuple):
    """Candidates of an ensemble in a sentence.

    Attributes:
        entities: Entities, by position, with calibrated scores.
        candidates: All candidates of its members, likewise.
    """

    entities: list[Span]
    candidates: list[Span]


class Member:
    """A model of an ensemble.

    Args:
        predictor: Predictor of the model, uncalibrated.
        confidence: Its calibration and thresholds.
    """

    def __init__(
        self, predictor: WindowedPredictor, confidence: Confidence
    ) -> None:
        self.predictor = predictor
        self._confidence = confidence
        self._lowest = dataclasses.replace(
            confidence, thresholds={}, default_threshold=MIN_SCORE
        ).lowest_margin

    def opinions(
        self, sentences: Iterable[Sentence], decoding: DecodingConfig
    ) -> Iterator[Opinion]:
        """Finds the candidates and entities of sentences, in order.

        Args:
            sentences: Sentences, whose spans are ignored.
            decoding: Settings of decoding.
        """
        own = self._confidence
        wanted = Wanted(
            min(self._lowest, own.lowest_margin), rule=WordRule.of(decoding)
        )
        decode = decoder_of(decoding)
        surrounded = self.predictor.surround(sentences)
        for text in self.predictor.search(surrounded, wanted):
            rescored = own.rescore(text.candidates)
            passing = [
                one for one in text.candidates if one.margin > own.lowest_margin
            ]
            yield Opinion(
                [one for one in rescored if (one.log_odds or 0.0) >= FLOOR],
                decode(own.apply(_best_labels(passing)), text.sentence.text),
            )


class Combination:
    """Makes one answer of the opinions of several members.

    Args:
        ensemble: Weights, rule and calibration.
        decoding: Settings of decoding. Averages are decoded exactly, unless
            overlaps are free.
    """

    def __init__(self, ensemble: Ensemble, decoding: DecodingConfig) -> None:
        self._ensemble = ensemble
        is_exact = (
            ensemble.rule is Rule.AVERAGE
            and decoding.decoder is not Decoder.FREE
        )
        self._decode = decoder_of(
            dataclasses.replace(decoding, decoder=Decoder.EXACT)
            if is_exact
            else decoding
        )

    def __call__(self, opinions: Sequence[Opinion], text: str) -> Judgement:
        """Combines opinions on a text.

        Args:
            opinions: That of each member of the ensemble.
            text: The text.
        """
        ensemble = self._ensemble
        means = mean_log_odds(
            [one.candidates for one in opinions], ensemble.weights, floor=FLOOR
        )
        proposed = (
            average(means, cut=to_log_odds(ensemble.average_threshold))
            if ensemble.rule is Rule.AVERAGE
            else vote(
                [one.entities for one in opinions],
                ensemble.weights,
                means,
                threshold=ensemble.vote_threshold,
                floor=FLOOR,
            )
        )
        kept = self._decode(proposed, text)
        return Judgement(
            [
                self._span((one.start, one.end, one.label), one.log_odds or 0.0)
                for one in kept
            ],
            [self._span(key, value) for key, value in means.items()],
        )

    def _span(self, key: Key, log_odds: float) -> Span:
        calibrated = float(self._ensemble.confidence.rescale(log_odds))
        return Span(*key, to_probability(calibrated))


class EnsemblePredictor(BasePredictor):
    """Finds the entities of texts with the models of an ensemble.

    Args:
        ensemble: Description of the ensemble.
        members: Its members, in order.
        decoding: Settings of decoding.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        members: Sequence[Member],
        decoding: DecodingConfig,
    ) -> None:
        super().__init__()
        self.ensemble = ensemble
        self.members = tuple(members)
        self.decoding = decoding
        self.windowing = members[0].predictor.windowing

    @classmethod
    def from_directory(
        cls,
        directory: str | os.PathLike[str],
        *,
        calibrated: bool = True,
        thresholds: bool = True,
        long_text: LongText | None = None,
        window_overlap: int | None = None,
        batch_size: int = 64,
        precision: Precision = PREDICTION_PRECISION,
        xla: bool = False,
        engine: Engine = Engine.AUTO,
        threads: int | None = None,
        **decoding: Any,
    ) -> Self:
        """Loads an ensemble, or a model directory as an ensemble of one.

        Args:
            directory: Ensemble directory or model directory.
            calibrated: Whether to calibrate scores.
            thresholds: Whether members vote by their thresholds.
            long_text: See `Predictor.from_directory`, as the rest.
            window_overlap: Likewise.
            batch_size: Likewise.
            precision: Likewise.
            xla: Likewise.
            engine: Engine of the members; TensorFlow is that of members which
                ONNX Runtime cannot predict with.
            threads: Maximum number of cores of ONNX Runtime; None for all.
            **decoding: See `Predictor.from_directory`.

        Raises:
            ConfigError: If the directory is incomplete, members do not belong
                together, or a setting is unknown or out of range.
        """
        ensemble = open_ensemble(os.fspath(directory))
        if not calibrated:
            ensemble = dataclasses.replace(ensemble, confidence=Confidence())
        settings = decoding_of(ensemble).replace_given(**decoding)
        check_decoding(settings)
        members = [
            load_member(
                one,
                calibrated=calibrated,
                thresholds=thresholds,
                long_text=long_text,
                window_overlap=window_overlap,
                batch_size=batch_size,
                precision=precision,
                xla=xla,
                engine=engine,
                threads=threads,
            )
            for one in ensemble.directories
        ]
        return cls(ensemble, members, settings)

    def predict(
        self, sentences: Iterable[Sentence], **decoding: Any
    ) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predictions.

        Args:
            sentences: Sentences, whose own spans are ignored.
            **decoding: Fields of `DecodingConfig` to change in this call.

        Yields:
            Each sentence with predicted spans and their scores.

        Raises:
            ConfigError: If a setting is unknown or out of range.
        """
        self._check_open()
        settings = self.decoding.replace_given(**decoding)
        check_decoding(settings)
        return (
            sentence.replace_spans(judgement.entities)
            for sentence, judgement in self._judge(sentences, settings)
        )

    def judge(
        self, sentences: Iterable[Sentence]
    ) -> Iterator[tuple[Sentence, Judgement]]:
        """Finds entities and candidates of sentences, in order.

        Args:
            sentences: Sentences, whose own spans are ignored.

        Yields:
            Each sentence as it was given, with what the ensemble finds.
        """
        self._check_open()
        return self._judge(sentences, self.decoding)

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a member cannot read a sentence."""
        for member in self.members:
            member.predictor.check(sentence)

    def _judge(
        self, sentences: Iterable[Sentence], settings: DecodingConfig
    ) -> Iterator[tuple[Sentence, Judgement]]:
        combine = Combination(self.ensemble, settings)
        given, *copies = itertools.tee(sentences, len(self.members) + 1)
        streams = [
            member.opinions(copy, settings)
            for member, copy in zip(self.members, copies, strict=True)
        ]
        first = self.members[0].predictor
        for opinions in zip(*streams, strict=True):
            self.windowed_sentences = first.windowed_sentences
            self.cut_sentences = first.cut_sentences
            sentence = next(given)
            yield sentence, combine(opinions, sentence.text)

    def _release(self) -> None:
        for member in self.members:
            member.predictor.close()


def open_ensemble(directory: str) -> Ensemble:
    """Reads an ensemble; a model directory is an ensemble of one, which votes.

    Raises:
        ConfigError: If it is damaged, or a member has changed.
    """
    if model_directory.is_ensemble(directory):
        return model_directory.read_ensemble(directory)
    labels = model_directory.read_description(directory).labels
    return Ensemble(
        members=(EnsembleMember(directory=directory),),
        labels=tuple(labels),
        rule=Rule.VOTES,
    )


def decoding_of(ensemble: Ensemble) -> DecodingConfig:
    """Returns the decoding settings that the members share.

    Nested entities are allowed if they are to any member. The rule of words in
    plain text is that of the first member, and no member is forced to find an
    entity.

    Raises:
        ConfigError: If members differ in other settings.
    """
    settings = [
        model_directory.read_config(one).decoding
        for one in ensemble.directories
    ]
    first = dataclasses.replace(
        settings[0],
        nested=any(one.nested for one in settings),
        force_one_entity=False,
    )
    for directory, own in zip(ensemble.directories, settings, strict=True):
        differing = [
            f"--{name}"
            for name, value in vars(own).items()
            if name not in _MAY_DIFFER and value != getattr(first, name)
        ]
        if differing:
            raise ConfigError(
                f"{directory} and {ensemble.directories[0]} differ in "
                f"{', '.join(differing)}",
                remedy="give members that were trained with the same settings "
                "of decoding",
            )
    return first


def check_decoding(settings: DecodingConfig) -> None:
    """Checks that an ensemble can decode with some settings.

    Raises:
        ConfigError: If it cannot.
    """
    if settings.force_one_entity:
        raise ConfigError(
            "an ensemble cannot be forced to find an entity in each sentence",
            remedy="leave out --force_one_entity",
        )


def load_member(
    directory: str,
    *,
    calibrated: bool = True,
    thresholds: bool = True,
    engine: Engine = Engine.TENSORFLOW,
    threads: int | None = None,
    precision: Precision = PREDICTION_PRECISION,
    xla: bool = False,
    **options: Any,
) -> Member:
    """Loads a member, which proposes every label of a span if its head can.

    Args:
        directory: Model directory.
        calibrated: Whether to calibrate its scores.
        thresholds: Whether it decides by its thresholds.
        engine: Engine that is asked for; see `engines.choose_for_member`.
        threads: Maximum number of cores of ONNX Runtime; None for all.
        precision: See `Predictor.from_directory`, as the rest.
        xla: Likewise.
        **options: Likewise.

    Raises:
        ConfigError: If the model directory is incomplete.
    """
    choice = choose_for_member(
        directory, {"engine": engine, "precision": precision, "xla": xla}
    )
    options |= {"calibrated": False, "force_one_entity": False}
    predictor: WindowedPredictor
    if choice.engine is Engine.ONNX:
        from biaffine_tf.inference.onnx import OnnxPredictor

        predictor = OnnxPredictor.from_directory(
            directory, threads=threads, **options
        )
    else:
        from biaffine_tf.inference.teachers import predictor_of_every_label

        predictor = predictor_of_every_label(
            directory, precision=precision, xla=xla, **options
        )
    return Member(
        predictor,
        confidence_of(directory, calibrated=calibrated, thresholds=thresholds),
    )


def _best_labels(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Keeps the label with the highest logit of each range."""
    best: dict[tuple[int, int], Candidate] = {}
    for one in candidates:
        known = best.setdefault((one.start, one.end), one)
        if (one.rank, known.label) > (known.rank, one.label):
            best[one.start, one.end] = one
    return list(best.values())
