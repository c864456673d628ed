"""Scores of a model in training on the dev set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.evaluation.partial import judged
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import Tokenizer


class DevScorer:
    """Predicts the dev set with a model in training, again and again.

    TensorFlow traces the model only once.

    Args:
        config: Settings of the run.
        tokenizer: Tokenizer of the model.
        labels: Labels of the model.
        sentences: Labelled dev set.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        tokenizer: Tokenizer,
        labels: LabelMap,
        sentences: Sequence[Sentence],
    ) -> None:
        self._config = config
        self._tokenizer = tokenizer
        self._labels = labels
        self._sentences = sentences
        self._predictor: Predictor | None = None

    def __call__(
        self, model: SpanModel
    ) -> tuple[evaluation.Scores, Callable[[str], None]]:
        """Scores the model as it is now.

        Args:
            model: The same model in every call.

        Returns:
            The scores, and a function that writes the predictions to a path.
        """
        predictor, sentences = self._predictor_of(model), self._sentences
        predicted = list(judged(sentences, predictor.predict(sentences)))
        scores = evaluation.score(zip(sentences, predicted, strict=True))

        def write(path: str) -> None:
            formats.write(path, predicted, "span_jsonl")

        return scores, write

    def load(self, model: SpanModel, directory: str) -> Predictor:
        """Loads the kept weights into the model.

        Args:
            model: As in the other calls; its weights are replaced.
            directory: Model directory of this run.

        Returns:
            The predictor of this model, with the confidence of the directory.
        """
        predictor = self._predictor_of(model)
        model_directory.load_weights(directory, model)
        predictor.confidence = model_directory.read_confidence(directory)
        return predictor

    def _predictor_of(self, model: SpanModel) -> Predictor:
        if self._predictor is None:
            self._predictor = Predictor(
                model,
                self._tokenizer,
                self._labels,
                decoding=self._config.decoding,
                precision=self._config.training.evaluation_precision,
            )
        return self._predictor
