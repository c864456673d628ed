r"""A SavedModel under load: batches of mixed length from several threads.

python benchmarks/soak.py --export_dir=EXPORT --model_dir=MODEL \
    [--minutes=5] [--threads=4] [--json=FILE]

Every answer is compared with what the predictor of the model directory finds
in that text: a wrong one, or one that belongs to another text, is counted.
Memory of the process is sampled every second. Texts are CLUENER's dev set, some
of them joined to several thousand characters, and the hostile ones of the gate.
"""

from __future__ import annotations

import collections
import pathlib
import random
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, report
from benchmarks.data import require

_MAX_TEXTS = 64  # in a batch
_LONG_TEXTS = 20
_LONG_CHARACTERS = 5_000
_SCORE_TOLERANCE = 1e-4
MAX_GROWTH = 0.05  # of memory, from the second quarter to the last

Answer = list[tuple[int, int, str, float]]


def main() -> int:
    """Loads it for some minutes; the exit code says whether all was well."""
    parser = report.parser("soak", __doc__)
    parser.add_argument("--export_dir", required=True)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    require()
    texts = texts_to_ask(options.seed)
    wanted = answers_of_model(options.model_dir, texts)
    load = Load(options.export_dir, texts, wanted)
    load.run(options.minutes * 60, options.threads, options.seed)
    quarter = len(load.memory) // 4
    before = statistics.median(load.memory[quarter : 2 * quarter])
    after = statistics.median(load.memory[-quarter:])
    goals = [
        report.Goal.at_most(
            "wrong or swapped answers", 0, load.counts["wrong"]
        ),
        report.Goal.at_most("requests that failed", 0, load.counts["failed"]),
        report.Goal.at_most("growth of memory", MAX_GROWTH, after / before - 1),
    ]
    rows = [
        {
            "minutes": options.minutes,
            "threads": options.threads,
            **load.counts,
            "mib_second_quarter": round(before),
            "mib_last_quarter": round(after),
        }
    ]
    return report.publish(
        options.json,
        f"soak.py --export_dir=EXPORT --model_dir=MODEL "
        f"--minutes={options.minutes:g} --threads={options.threads} "
        f"--seed={options.seed}",
        goals,
        {"rows": rows},
        mib_every_second=[round(one, 1) for one in load.memory],
    )


def texts_to_ask(seed: int) -> list[bytes]:
    """Short, long and hostile texts."""
    from biaffine_tf.export import parity

    draw = random.Random(seed)
    texts = data.texts("dev")
    joined = [
        "\n".join(draw.choices(texts, k=_LONG_CHARACTERS // 40))
        for _ in range(_LONG_TEXTS)
    ]
    return [*(text.encode() for text in texts + joined), *parity.HOSTILE]


def answers_of_model(model_dir: str, texts: Sequence[bytes]) -> list[Answer]:
    """Entities that the model finds in each text by itself."""
    import biaffine_tf

    with biaffine_tf.load(model_dir) as ner:
        found = ner([text.decode("utf-8", "replace") for text in texts])
    return [
        [(one.start, one.end, one.label, one.score) for one in entities]
        for entities in found
    ]


class Load:
    """Threads that ask a SavedModel.

    Args:
        export_dir: The SavedModel.
        texts: What is asked.
        wanted: The right answers.

    Attributes:
        counts: Requests, texts, wrong answers and failures.
        memory: MiB of the process, a figure a second.
    """

    def __init__(
        self,
        export_dir: str,
        texts: Sequence[bytes],
        wanted: Sequence[Answer],
    ) -> None:
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  (operations of the tokenizer)

        self._model = tf.saved_model.load(export_dir)
        self._texts = texts
        self._wanted = wanted
        self._lock = threading.Lock()
        self.counts: collections.Counter[str] = collections.Counter(
            requests=0, texts=0, wrong=0, failed=0
        )
        self.memory: list[float] = []

    def run(self, seconds: float, threads: int, seed: int) -> None:
        """Asks for so long, from so many threads."""
        end = time.monotonic() + seconds
        workers = [
            threading.Thread(target=self._ask, args=(end, seed + number))
            for number in range(threads)
        ]
        for worker in workers:
            worker.start()
        while time.monotonic() < end:
            self.memory.append(_resident_mib())
            time.sleep(1)
        for worker in workers:
            worker.join()

    def _ask(self, end: float, seed: int) -> None:
        import tensorflow as tf

        serve = self._model.signatures["serving_default"]
        draw = random.Random(seed)
        while time.monotonic() < end:
            chosen = draw.choices(
                range(len(self._texts)), k=draw.randint(1, _MAX_TEXTS)
            )
            found: dict[str, int] = {"requests": 1, "texts": len(chosen)}
            try:
                answer = serve(
                    texts=tf.constant([self._texts[i] for i in chosen])
                )
                found["wrong"] = self._wrong(chosen, answer)
            except tf.errors.OpError:
                found["failed"] = 1
            with self._lock:
                self.counts.update(found)

    def _wrong(self, chosen: Sequence[int], answer: dict[str, Any]) -> int:
        rows = list(
            zip(
                *(answer[name].numpy().tolist() for name in ("starts", "ends")),
                [label.decode() for label in answer["labels"].numpy().tolist()],
                answer["scores"].numpy().tolist(),
                strict=True,
            )
        )
        wrong = begin = 0
        for index, length in zip(
            chosen, answer["row_lengths"].numpy().tolist(), strict=True
        ):
            own = rows[begin : begin + length]
            wrong += not _equal(own, self._wanted[index])
            begin += length
        return wrong + (begin != len(rows))


def _equal(found: Answer, wanted: Answer) -> bool:
    return [row[:3] for row in found] == [row[:3] for row in wanted] and all(
        abs(one[3] - other[3]) <= _SCORE_TOLERANCE
        for one, other in zip(found, wanted, strict=True)
    )


def _resident_mib() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    sys.exit(main())
