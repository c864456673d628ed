"""A run in words, in English and in Chinese."""

import dataclasses

import pytest
import tiny

from biaffine_tf.config import ExperimentConfig, TrainingConfig
from biaffine_tf.reports.run_facts import Language, run_facts

CONFIG = ExperimentConfig(
    model=tiny.model_config(max_span_width=7),
    training=TrainingConfig(gradient_accumulation=2, xla=True),
    data={"dev_fraction": "0.1"},
)
FILES = {"training data": ("a.json", "b.conll")}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            Language.ENGLISH,
            {
                "training data": "a.json\nb.conll",
                "dev data": "0.1 of the training data",
                "encoder": "hfl/bert (2 layers, 16 wide, 2 heads)",
                "widest span": "7 tokens",
                "gradient accumulation": "2 batches",
                "batch": "32 sentences",
                "xla": "true",
            },
        ),
        (
            Language.CHINESE,
            {
                "训练数据": "a.json\nb.conll",
                "验证数据": "训练数据的 0.1",
                "编码器": "hfl/bert (2 层，隐藏维度 16，2 个注意力头)",
                "最大片段宽度": "7 个 token",
                "梯度累积": "2 批",
                "批大小": "32 句",
                "XLA 编译": "是",
            },
        ),
    ],
)
def test_facts_of_a_run(language, expected):
    facts = run_facts(
        CONFIG, files=FILES, encoder="hfl/bert", language=language
    )
    assert expected.items() <= facts.items()
    assert all(isinstance(value, str) for value in facts.values())


def test_files_of_a_dev_set_and_a_random_start():
    config = dataclasses.replace(CONFIG, data={})
    files = {**FILES, "dev data": ("c.json",)}
    facts = run_facts(config, files=files, encoder=None)
    assert facts["dev data"] == "c.json"
    assert facts["encoder"].startswith("random weights (")
