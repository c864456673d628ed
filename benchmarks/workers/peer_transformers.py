"""The token classifier of transformers: training steps and its pipeline."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import transformers
from torch.nn.utils.rnn import pad_sequence

from benchmarks import data
from benchmarks.harness import THREADS
from benchmarks.shapes import Shape
from benchmarks.workers.measuring import seconds_of

torch.set_num_threads(THREADS)
torch.set_num_interop_threads(THREADS)

BATCH_SIZE = 32
_IGNORED = -100  # label of positions that do not count
_BATCH_SIZES = (1, 8, 32)  # of which the pipeline takes what is best for it
_TRIAL_TEXTS = 128

_Batch = dict[str, torch.Tensor]


def bert_config(shape: Shape, **settings: Any) -> transformers.BertConfig:
    """A BERT of a shape over its Chinese vocabulary."""
    return transformers.BertConfig(
        vocab_size=len(bert_tokenizer()),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        **settings,
    )


def bert_tokenizer() -> transformers.BertTokenizerFast:
    """WordPiece tokens of BERT's Chinese vocabulary, lower case."""
    return transformers.BertTokenizerFast(
        vocab_file=str(data.VOCABULARY), do_lower_case=True
    )


def classifier(
    shape: Shape, seed: int
) -> transformers.BertForTokenClassification:
    """A random classifier of 21 classes: O, then B and I of each label."""
    torch.manual_seed(seed)
    names = [f"{t}-{n}" for n in data.label_names() for t in "BI"]
    labels = dict(enumerate(["O", *names]))
    return transformers.BertForTokenClassification(
        bert_config(shape, id2label=labels)
    )


def padded_batches(input_ids: Sequence[Sequence[int]]) -> Iterator[_Batch]:
    """Batches of similar length, each padded to its longest sentence."""
    ordered = sorted(input_ids, key=len)
    for begin in range(0, len(ordered), BATCH_SIZE):
        rows = list(map(torch.tensor, ordered[begin : begin + BATCH_SIZE]))
        masks = [torch.ones_like(row) for row in rows]
        yield {
            "input_ids": pad_sequence(rows, batch_first=True),
            "attention_mask": pad_sequence(masks, batch_first=True),
        }


class TrainingSteps:
    """The token classifier's training; a request is one pass over a sample.

    Forward, backward, gradients clipped by their norm, AdamW (the fused one,
    as its own trainer takes), gradients to nothing. Its batches are of 32
    sentences sorted by length, in random order, their tensors made before.

    Args:
        shape: "4x256" and the like.
        input_ids: `[CLS] tokens [SEP]` of each sentence.
        seed: Of everything.
        bfloat16: Whether PyTorch's autocast is on.
        compiled: Whether torch.compile compiles the model, for any length.
    """

    def __init__(
        self,
        *,
        shape: str,
        input_ids: Sequence[Sequence[int]],
        seed: int,
        bfloat16: bool = False,
        compiled: bool = False,
    ) -> None:
        self._autocast = functools.partial(
            torch.autocast, "cpu", dtype=torch.bfloat16, enabled=bfloat16
        )
        self._model = classifier(Shape.parse(shape), seed).train()
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), lr=3e-5, weight_decay=0.01, fused=True
        )
        # The parameters stay those of the optimizer.
        self._forward = (
            torch.compile(self._model, dynamic=True)
            if compiled
            else self._model
        )
        self._sentences = len(input_ids)
        self._batches = list(padded_batches(input_ids))
        for batch in self._batches:
            # Which labels makes no difference to the time.
            labels = torch.randint(
                self._model.num_labels, batch["input_ids"].shape
            )
            batch["labels"] = labels.where(
                batch["attention_mask"] > 0, _IGNORED
            )
        self._random = random.Random(seed)
        padded = sum(batch["input_ids"].numel() for batch in self._batches)
        self.about: dict[str, Any] = {
            "batches": len(self._batches),
            "padding": 1 - sum(map(len, input_ids)) / padded,
            "first_pass_seconds": self()["seconds"],
        }

    def __call__(self) -> dict[str, Any]:
        """Trains one pass; units are sentences."""
        self._random.shuffle(self._batches)
        return {"seconds": seconds_of(self._train), "units": self._sentences}

    def _train(self) -> None:
        for batch in self._batches:
            with self._autocast():
                loss = self._forward(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad()


class Pipeline:
    """The token-classification pipeline, and the model alone.

    Args:
        shape: "4x256" and the like.
        texts: What is predicted.
        entities_per_sentence: How many the random model is to find.
        seed: Of the weights.
    """

    def __init__(
        self,
        *,
        shape: str,
        texts: Sequence[str],
        entities_per_sentence: float,
        seed: int,
    ) -> None:
        self._texts = list(texts)
        self._model = classifier(Shape.parse(shape), seed).eval()
        tokenizer = bert_tokenizer()
        self._tensors = list(
            padded_batches(tokenizer(self._texts)["input_ids"])
        )
        bias_outside(self._model, self._trial_batches(), entities_per_sentence)
        self._pipeline = transformers.pipeline(
            "token-classification",
            model=self._model,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
        )
        self._batch_size = BATCH_SIZE
        first_pass_seconds = self()["seconds"]
        rates = self._try_batch_sizes()
        self._batch_size = max(rates, key=rates.__getitem__)
        self.about: dict[str, Any] = {
            "first_pass_seconds": first_pass_seconds,
            "batch_size": self._batch_size,
            "tried": {str(size): rate for size, rate in rates.items()},
        }
        self(bare=True)

    def __call__(self, *, bare: bool = False) -> dict[str, Any]:
        """Predicts, or runs the model alone; units are sentences."""
        if bare:
            seconds = seconds_of(self._forward)
            return {"seconds": seconds, "units": len(self._texts)}
        found: list[Any] = []
        seconds = seconds_of(
            lambda: found.extend(
                self._pipeline(self._texts, batch_size=self._batch_size)
            )
        )
        return {
            "seconds": seconds,
            "units": len(found),
            "entities_per_sentence": sum(map(len, found)) / len(found),
        }

    @torch.inference_mode()
    def _forward(self) -> None:
        for batch in self._tensors:
            self._model(**batch)

    def _trial_batches(self) -> list[_Batch]:
        return data.spread(self._tensors, _TRIAL_TEXTS // BATCH_SIZE)

    def _try_batch_sizes(self) -> dict[int, float]:
        """Sentences a second with each batch size; the second time counts."""
        texts = data.spread(self._texts, _TRIAL_TEXTS)
        rates = {}
        for size in _BATCH_SIZES * 2:
            seconds = seconds_of(
                functools.partial(self._pipeline, texts, batch_size=size)
            )
            rates[size] = len(texts) / seconds
        return rates


@torch.inference_mode()
def bias_outside(
    model: transformers.BertForTokenClassification,
    batches: Sequence[_Batch],
    wanted: float,
) -> None:
    """Lets a random classifier find about so many entities a sentence.

    A random one finds a label at nearly every position, and putting those
    together would take the pipeline longer than what it is made for.
    """
    margins = []
    for batch in batches:
        logits = model(**batch).logits  # [B, L, C]
        margin = logits[..., 1:].amax(-1) - logits[..., 0]  # [B, L]
        margins.append(margin[batch["attention_mask"] > 0])
    sentences = sum(len(batch["input_ids"]) for batch in batches)
    ordered = torch.cat(margins).sort(descending=True).values
    # Labels of neighbours are seldom the same: a position is an entity.
    model.classifier.bias[0] += ordered[round(wanted * sentences)]
