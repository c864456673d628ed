"""Describes a training run in English or Chinese."""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Mapping, Sequence

from biaffine_tf.config import Average, ExperimentConfig, Settings, settings_of


class Language(enum.StrEnum):
    """Language of the description."""

    ENGLISH = "en"
    CHINESE = "zh"


_SHAPES = {
    "bert": "{layers} layers, {width} wide, {heads} heads",
    "bilstm": "BiLSTM of {layers} layers, {width} wide",
}
# Translations of names and values; values of flags are not translated.
CHINESE = {
    "training data": "训练数据",
    "dev data": "验证数据",
    "test data": "测试数据",
    "date": "日期",
    "encoder": "编码器",
    "teachers": "教师模型",
    "random weights": "随机初始化",
    "true": "是",
    "{layers} layers, {width} wide, {heads} heads": "{layers} 层，隐藏维度 "
    "{width}，{heads} 个注意力头",
    "BiLSTM of {layers} layers, {width} wide": "{layers} 层 BiLSTM，隐藏维度 "
    "{width}",
    "{fraction} of the training data": "训练数据的 {fraction}",
    "fold {fold} of the training data": "训练数据的第 {fold} 折",
    "read at once": "单次读入长度",
    "long text": "长文本处理",
    "window overlap": "窗口重叠",
    "context on each side": "两侧上下文",
    "head": "输出层类型",
    "projection size": "投影维度",
    "dropout of the head": "输出层 dropout",
    "position": "位置编码",
    "widest span": "最大片段宽度",
    "activation of the projections": "投影的激活函数",
    "pointer size": "指针向量维度",
    "cnn channels": "卷积通道数",
    "cnn depth": "卷积层数",
    "tags": "标注体系",
    "decoder": "解码方式",
    "nested": "允许嵌套",
    "force one entity": "至少输出一个实体",
    "one label per span": "每个片段只有一个标签",
    "min width": "实体最小宽度",
    "max width": "实体最大宽度",
    "forbidden edges": "实体首尾禁用字符",
    "forbidden inside": "实体内部禁用字符",
    "word boundaries": "词边界",
    "word rule": "词的划分规则",
    "loss": "损失函数",
    "focal gamma": "focal loss 的 gamma",
    "negative pairs kept": "负样本采样比例",
    "negative pairs kept near gold spans, up to": "标注片段附近保留的负样本，"
    "距离不超过",
    "class weights": "类别权重",
    "boundary smoothing": "边界平滑",
    "smooth size": "边界平滑距离",
    "distil weight": "蒸馏损失占比",
    "distil temperature": "蒸馏温度",
    "pseudo weight": "伪标签损失权重",
    "head start": "输出层初始化",
    "learning rate": "学习率",
    "learning rate of the head over that of the encoder": "输出层与编码器的"
    "学习率之比",
    "weight decay": "权重衰减",
    "warm-up, fraction of the steps": "预热步数占比",
    "max gradient norm": "梯度裁剪范数上限",
    "gradient accumulation": "梯度累积",
    "freeze": "冻结部分",
    "mention replacement": "同类实体替换概率",
    "mention dropping": "实体遮盖概率",
    "sentence gluing": "句子拼接概率",
    "label balance": "稀有标签重采样阈值",
    "thaw after": "解冻步数",
    "epochs, at most": "最大训练轮数",
    "batch": "批大小",
    "num buckets": "长度分桶数上限",
    "early stopping patience": "早停轮数",
    "precision": "计算精度",
    "gradient checkpointing": "梯度检查点",
    "xla": "XLA 编译",
    "seed": "随机种子",
    "kept": "保留的权重",
    Average.EMA.description: "权重的指数平均",
    Average.SWA.description: "最后若干步权重的平均",
    "adversarial": "对抗训练",
    "adversarial weight": "对抗损失权重",
    "adversarial epsilon": "对抗扰动幅度",
    "adversarial steps": "对抗扰动步数",
    "average": "权重平均",
    "decay of the average": "平均的衰减率",
    "start of the average, fraction of the steps": "开始平均的步数占比",
    "layer decay": "逐层学习率衰减",
    "layer mix": "编码器层的混合",
    "units of the BiLSTM": "BiLSTM 单元数",
    "embedding dropout": "词嵌入 dropout",
    "spatial dropout": "特征 dropout",
}
UNITS = {
    "token": "个 token",
    "character": "个字符",
    "sentence": "句",
    "epoch": "轮",
    "step": "步",
    "batch": "批",
    "position": "个位置",
}


def run_facts(
    config: ExperimentConfig,
    *,
    files: Mapping[str, Sequence[str]],
    encoder: str | None,
    teachers: Sequence[str] = (),
    average: str | None = None,
    language: Language = Language.ENGLISH,
) -> dict[str, str]:
    """Describes a training run: data, date, encoder, and all settings.

    Args:
        config: The experiment.
        files: Paths by the name of the data, such as "training data".
        encoder: Source of the initial weights; None for random weights.
        teachers: Directories of the models that are distilled.
        average: Description of the average of weights that was kept; None for
            the weights of a step.
        language: Language of names and values.

    Returns:
        Values by name, in display order.
    """

    def say(text: str, **values: object) -> str:
        return _translate(text, language).format(**values)

    facts = {say(name): "\n".join(paths) for name, paths in files.items()}
    fraction, fold = map(config.data.get, ("dev_fraction", "fold"))
    if fold is not None:
        facts[say("dev data")] = say(
            "fold {fold} of the training data", fold=fold
        )
    elif fraction is not None:
        facts[say("dev data")] = say(
            "{fraction} of the training data", fraction=fraction
        )
    facts[say("date")] = f"{datetime.datetime.now():%Y-%m-%d %H:%M}"
    model = config.model
    shape = say(
        _SHAPES[model.encoder.KIND],
        layers=model.encoder.num_hidden_layers,
        width=model.encoder.hidden_size,
        heads=getattr(model.encoder, "num_attention_heads", None),
    )
    facts[say("encoder")] = f"{encoder or say('random weights')} ({shape})"
    if teachers:
        facts[say("teachers")] = "\n".join(teachers)
    for section in (model, model.head, config.decoding, config.training):
        facts |= settings_rows(section, language)
    if average is not None:
        facts[say("kept")] = say(average)
    return facts


def settings_rows(
    section: Settings, language: Language = Language.ENGLISH
) -> list[tuple[str, str]]:
    """Returns names and values of settings that have a flag and an effect.

    Leaves out those that are switched off or unset.
    """
    rows = []
    for name, one in settings_of(type(section)).items():
        value, spec = getattr(section, name), one.spec
        is_off = value is None or value is False or value == ""
        applies = spec.applies is None or spec.applies(section)
        if not one.flag or not applies or is_off:
            continue
        if not spec.unit:
            shown = _translate(format_value(value), language)
        elif language is Language.CHINESE:
            shown = f"{value} {UNITS[spec.unit]}"
        else:
            shown = count(value, spec.unit)
        label = spec.label or name.replace("_", " ")
        rows.append((_translate(label, language), shown))
    return rows


def count(number: int, noun: str) -> str:
    """Formats a number with its noun, in the plural if needed."""
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def format_value(value: object) -> str:
    """Formats a value as text; lists are joined with commas."""
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _translate(text: str, language: Language) -> str:
    return CHINESE.get(text, text) if language is Language.CHINESE else text
