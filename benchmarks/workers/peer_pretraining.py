"""Masked language modelling with transformers."""

from __future__ import annotations

import torch
import transformers

from benchmarks.shapes import Shape
from benchmarks.workers import masked_batches
from benchmarks.workers.peer_transformers import bert_config

_IGNORED = -100  # label of positions that do not count


class MaskedSteps(masked_batches.Steps):
    """Pretraining of one shape of encoder.

    Args:
        shape: "4x256" and the like.
        batches: How many.
        seed: Of everything.
    """

    def __init__(self, *, shape: str, batches: int, seed: int) -> None:
        torch.manual_seed(seed)
        config = bert_config(Shape.parse(shape))
        self._model = transformers.BertForMaskedLM(config).train()
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), lr=1e-4, weight_decay=0.01, fused=True
        )
        inputs = []
        for batch in masked_batches.make(
            batches, vocab_size=config.vocab_size, seed=seed
        ):
            original = torch.tensor(batch.original_ids, dtype=torch.int64)
            positions = torch.tensor(batch.positions, dtype=torch.int64)
            labels = torch.full_like(original, _IGNORED)
            labels.scatter_(1, positions, original.gather(1, positions))
            input_ids = torch.tensor(batch.input_ids, dtype=torch.int64)
            inputs.append(
                {
                    "input_ids": input_ids,
                    "attention_mask": torch.ones_like(input_ids),
                    "labels": labels,
                }
            )
        super().__init__(inputs)

    def train(self, batches: list[dict]) -> None:
        """One step on each batch, clipped by the norm, with AdamW."""
        for batch in batches:
            self._model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad()
