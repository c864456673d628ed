"""Bad input through the real commands: one clear line, exit code 2."""

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

import pretraining_texts
import pytest
import tiny
import tiny_pretraining
from command_harness import run_all
from encoders.checkpoints import checkpoint_samples

from biaffine_tf import formats
from biaffine_tf.commands.reading_arguments import reading_arguments
from biaffine_tf.config import ExperimentConfig, Masking

GOOD = '{"text": "ab天", "spans": [{"start": 0, "end": 2, "label": "x"}]}\n'
OUTSIDE = '{"text": "ab", "spans": [{"start": 1, "end": 9, "label": "x"}]}\n'
SECOND = '{"text": "cd", "spans": []}\n'
CLUENER = '{"text": "ab天", "label": {"x": {"ab": [[0, 1]]}}}\n'
MENTION = '{"text": "ab天", "label": {"x": {"ab": [[1, 2]]}}}\n'
FILES = {
    "good.jsonl": GOOD * 3,
    "broken.jsonl": GOOD + '{"text": "ab", \n' + GOOD,
    "broken_first.jsonl": '{"text": "ab", \n' + GOOD,
    "outside.jsonl": GOOD + OUTSIDE,
    "mention.json": CLUENER + MENTION,
    "unlabelled.jsonl": GOOD + '{"text": "ab"}\n' * 2 + GOOD,
    "none.jsonl": '{"text": "ab", "spans": []}\n' * 2,
    "blank.jsonl": '{"text": " ", "spans": [{"start": 0, "end": 1, "label": '
    '"x"}]}\n',
    "white.jsonl": OUTSIDE.replace("9", "2").replace('"ab"', '"a  b"'),
    "two_columns.conll": "a B-x\nb O\n\n",
    "four_columns.conll": "a 1 B-x O\nb 2 O O\n\n",
    "tags.conll": "a Q-x\nb E-x\n\n",
    "columns.conll": "a B-x\nb\n\nb O\n\nc O\n\nd O\n",
    "mixed.jsonl": GOOD.encode() + GOOD.replace("天", "地").encode("gb18030"),
    "utf16.jsonl": GOOD.encode("utf-16"),
    "long.jsonl": GOOD + GOOD.replace("ab天", "ab天" * 13),
    "empty.jsonl": "",
    "blank.txt": "\n\n",
    "no_special.txt": "[PAD]\na\nb\n",
    "repeated.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n",
    "short_vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n",
    "not_json.json": "{",
    "unmasked.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n",
    "small_bert_config.json": json.dumps(
        tiny.encoder_config(vocab_size=6).to_dict()
    ),
    "no_bert.json": '{"a": 1}',
    "odd.json": '{"vocab_size": 5, "hidden_size": 10}',
    "not.flags": "--learning_rat=1\n",
    "newline.jsonl": '{"text": "\\n"}\n',
    "two.jsonl": GOOD + SECOND,
    "second.jsonl": SECOND,
    "other.jsonl": GOOD.replace('"x"', '"y"') + SECOND,
    "cut.jsonl": '{"text": "ab", "spans": []}\n' + SECOND,
    "plain.txt": "ab天\ncd\n",
}
TRAINING = {
    "train_data": "F/good.jsonl",
    "eval_data": "F/good.jsonl",
    "vocab_file": "F/vocab.txt",
    "bert_config_file": "F/bert_config.json",
    "output_dir": "F/new",
    "max_seq_length": "40",
    "num_train_epochs": "1",
}
PREDICTION = {
    "model_dir": "F/model",
    "input": "F/good.jsonl",
    "output": "F/predictions.jsonl",
}


class Case(NamedTuple):
    """Flags that differ from good ones (None: left out) and the message."""

    changes: dict
    parts: list[str]


def _cases(table):
    """Cases of lines `flag=value -left_out -> part of message ... part`.

    F is the folder of the files. Lines that are indented go on. A run that
    goes on from a model says nothing that this knows.
    """
    cases = {}
    for line in table.replace("\n    ", " ").strip().split("\n"):
        flags, said = line.split(" -> ")
        changes = {}
        if "init_model=" in flags:
            changes = {"vocab_file": None, "bert_config_file": None}
        for flag in flags.split(" "):
            name, given, value = flag.removeprefix("-").partition("=")
            changes[name] = value if given else None
        cases[flags] = Case(changes, said.split(" ... "))
    return cases


# Known before TensorFlow is loaded.
EARLY_TRAINING = _cases("""
train_data=F/none -> F/none: ... no such file
eval_data=F/none -> F/none: ... no such file
test_data=F/none -> F/none: ... no such ... --test_data
train_data=F/good.jsonl,F/absent*.jsonl -> F/absent*.jsonl: ... as a pattern it
    matches none ... --train_data
eval_data=F/good.jsonl,F/outside.jsonl -> F/outside.jsonl:2:
test_data=F/unlabelled.jsonl -> F/unlabelled.jsonl:2: ... --test_data must be
    labelled
test_data=F/broken.jsonl -> F/broken.jsonl:2: ... skip
dev_fraction=0.1 -> --dev_fraction and --eval_data are both given
dev_fraction=0 -eval_data -> --dev_fraction must be above 0 and below 1
dev_fraction=nan -eval_data -> --dev_fraction must be above 0 and below 1
dev_fraction=0.5 -eval_data -> F/good.jsonl: --dev_fraction=0.5 leaves no ...
    --eval_data
early_stopping_patience=3 -eval_data -> --early_stopping_patience is given but
    there is no dev set ... --dev_fraction
calibrate=true -eval_data -> --calibrate is given but there is no dev set ...
    --dev_fraction
threshold_objective=f1 -eval_data -> --threshold_objective is given but there
    is no dev set ... --dev_fraction
threshold_target=0.9 -eval_data -> --threshold_target is given but there is no
    dev set ... --dev_fraction
report=true -eval_data -> --report is given but there is no dev set ...
    --dev_fraction
init_model=F/none -> none: no such directory
init_model=F/encoder -> not of a model
init_model=F/half -> no epoch of this run
init_model=F/cut -> restore
init_model=F/model encoder_dir=F/model -> --encoder_dir and --init_model are
    both given; leave out --encoder_dir
init_model=F/model init_checkpoint=F/model -> --init_checkpoint and --init_model
    are both given; leave out --init_checkpoint
init_model=F/model extend_positions=true -> --extend_positions and --init_model
    are both given; leave out --extend_positions
init_model=F/model tokenizer=wordpiece -> --tokenizer=wordpiece contradicts
    --init_model= ... leave out --tokenizer, or
init_model=F/model projection_size=9 -> --projection_size=9 contradicts
    --init_model= ... leave out --projection_size, or
init_model=F/model position=joined -> --position=joined contradicts
    --init_model= ... leave out --position, or
init_model=F/model max_seq_length=41 -> --max_seq_length=40
init_model=F/model output_dir=F/./model -> --output_dir is --init_model=
vocab_file=F/none -> F/none: ... No such ... vocab.txt
bert_config_file=F/none -> F/none: ... No such file
train_data=F/folder -> F/folder: ... a folder
train_data=/dev/null -> /dev/null: ... a device ... to a file
data_dir=F/folder eval_data=a -> F/folder/a:
train_data=F/empty.jsonl -> F/empty.jsonl: ... empty
eval_data=F/empty.jsonl -> F/empty.jsonl: ... empty
eval_data=F/blank.txt -> F/blank.txt: ... no sentence
eval_data=F/broken.jsonl -> F/broken.jsonl:2: ... --on_bad_data=skip
train_data=F/broken_first.jsonl -> F/broken_first.jsonl:1:
eval_data=F/outside.jsonl -> F/outside.jsonl:2: ... [1, 9) ... skip
eval_data=F/mention.json -> F/mention.json:2: ... 'b天' ... skip
train_data=F/unlabelled.jsonl -> F/unlabelled.jsonl:2: ... 2 of the 4 ... not
    labelled ... --unlabelled=skip
eval_data=F/unlabelled.jsonl -> F/unlabelled.jsonl:2: ... 2 of the 4 ... not
    labelled ... --unlabelled=skip
train_data=F/none.jsonl -> F/none.jsonl: ... no entity
train_data=F/blank.jsonl tokenizer=wordpiece -> F/blank.jsonl:1: none of the 1
    sentences ... has a token
train_data=F/blank.jsonl trim_spans=true -> no entity
train_data=F/white.jsonl tokenizer=wordpiece -> F/white.jsonl:1: ... none of the
    1 spans ... --trim_spans
max_span_width=1 -> F/good.jsonl:1: none of the 3 spans ... 3 are wider than
    --max_s
train_data=F/two_columns.conll tag_columns=7 -> F/two_columns.conll:1: ...
    column 7 ... correct --tag_columns
train_data=F/four_columns.conll token_column=7 -> F/four_columns.conll:1: ...
    column 7 ... correct --token_column
eval_data=F/four_columns.conll token_column=7 -> F/four_columns.conll:1: ...
    column 7 ... correct --token_column
train_data=F/broken.jsonl -> F/broken.jsonl:2: ... skip
train_data=F/mixed.jsonl -> F/mixed.jsonl:2: ... iconv
output_dir=F/model overwrite=true train_data=F/outside.jsonl ->
    F/outside.jsonl:2:
train_data=F/tags.conll -> F/tags.conll:1: ... 'Q-x'
eval_data=F/columns.conll -> F/columns.conll:2: ... column
eval_data=F/mixed.jsonl -> F/mixed.jsonl:2: ... GB18030 ... iconv
eval_data=F/utf16.jsonl -> F/utf16.jsonl:1: ... UTF-16 ... iconv
vocab_file=F/no_special.txt -> F/no_special.txt: ... [UNK], [CLS], [SEP] missing
vocab_file=F/repeated.txt -> F/repeated.txt:6: ... 'a' repeats
vocab_file=F/short_vocab.txt init_checkpoint=F/model -> F/bert_config.json:
    vocab_size is ... F/short_vocab.txt holds 5
bert_config_file=F/not_json.json -> F/not_json.json: ... JSON
bert_config_file=F/no_bert.json -> F/no_bert.json: ... vocab_
bert_config_file=F/odd.json -> F/odd.json: ... multiple of num_
bert_config_file=F/utf16.jsonl -> F/utf16.jsonl: ... not JSON
max_seq_length=41 -> only 40 ... --max_seq_length=40
max_seq_length=2 -> --max_seq_length must be at least 3 ( ... , got 2
output_dir=F/model -> F/model: holds another ... --overwrite
output_dir=F/encoder overwrite=true -> F/encoder: holds ... config.json,
    vocab.txt ... another
output_dir=F/good.jsonl/a -> F/good.jsonl is not a folder
records_dir=F/good.jsonl -> F/good.jsonl is not a folder
init_checkpoint=F/folder -> F/folder: not a model ... give
init_checkpoint=F/half -> weights.safetensors ... epoch
init_checkpoint=F/wide -> hidden_size (32, not 16) ... bert_config.json
tag_columns=1,1 -> tag_columns ... (1, 1)
learning_rat=1 -> Did you mean ... --help
long_text=fold -> --long_text must be one of ... truncate ... got 'fold'
window_overlap=38 -> --window_overlap must be at least 0 and below 38,  ... got
    38
tag_scheme=bioo -> --tag_scheme must be one of ... got 'bioo'
flagfile=F/nope -> 'F/nope' ... --help
flagfile=F/not.flags -> 'learning_rat' ... Did you mean
-train_data -> --train_data is missing
-vocab_file -> --vocab_file is missing
-bert_config_file xla=true -> --xla ... BiLSTM ... leave it out
-bert_config_file adversarial=virtual -> --adversarial=virtual is for encoders
    of BERT's kind ... leave it out
tags=bio -> --tags is given, but it has no effect with --head=biaffine; leave
    out --tags
-bert_config_file tokenizer=subword -vocab_file -> --tokenizer is subword ...
    --encoder_dir
-output_dir -> --output_dir is missing
head_dropout=1.0 -> error: --head_dropout must be at least 0 and below 1, got
    1.0
num_train_epochs=1.5 -> error: --num_train_epochs must be a whole number, got
    1.5
labels_of=x -> --labels_of=x is not a file, a colon and labels ... auto
labels_of=F/none:x -> F/none: ... no such ... --labels_of
labels_of=F/other.jsonl:y -> --labels_of names F/other.jsonl, which is none of
    ... --train_data
labels_of=F/good.jsonl:x;F/good.jsonl:x -> --labels_of names F/good.jsonl twice
labels_of=F/good.jsonl:x,q -> F/good.jsonl labels 'q', of which the training
    data has no span; give some of x
label_map=x -> --label_map cannot be 'x', which is no file either; give OLD:NEW
label_map=F/not_json.json -> F/not_json.json cannot be read
label_map=x:y,x:z -> --label_map=x:y,x:z renames a label twice
label_map=x: -> hold no entity
sentence_gluing=0.5 token_budget=99 -> --sentence_gluing must be 0 with
    --token_budget ... got 0.5
mention_replacement=0.5 context_tokens=3 -> --context_tokens=3 and the
    augmentation of sentences are both given; leave out
mention_replacement=0.5 teacher_dir=F/model -> --mention_replacement and
    --teacher_dir are both given ... leave out --mention_replacement
mention_dropping=0.5 vocab_file=F/unmasked.txt
    bert_config_file=F/small_bert_config.json -> --mention_dropping needs
    [MASK], which the vocabulary lacks; leave it out
min_width=3 max_width=2 -> error: --max_width must be an integer of at least
    --min_width=3,
""")
# Values that are refused in a message that names flag and value.
VALUES = {
    "learning_rate": "0 nan inf fast",
    "num_train_epochs": "1.5 inf nan 0",
    "tag_columns": "x",
    "token_column": "-1",
    "neg_sample": "0",
    "warmup_proportion": "2",
    "train_batch_size": "0",
    "token_budget": "-1",
    "window_overlap": "-1",
    "early_stopping_patience": "0",
    "records_processes": "-1",
    "projection_size": "0",
    "weight_decay": "-1",
    "seed": "-1 9223372036854775808 1.5 x",
}
EARLY_TRAINING |= {
    f"{name}={value}": Case({name: value}, [name, value])
    for name, values in VALUES.items()
    for value in values.split()
}
EARLY_PREDICTION = _cases("""
-model_dir -> --model_dir is missing
-input -output -> --text
-output -> --output is not
-input text=a -> --input is not
model_dir=F/none -> F/none: no such directory
model_dir=F/folder -> F/folder: not a model
model_dir=F/encoder -> F/encoder/config.json: not of a model directory ...
    of a training
model_dir=F/half -> F/half/weights.safetensors: ... again
model_dir=F/cut -> F/cut/weights.safetensors: ... restore
model_dir=F/no_labels -> F/no_labels/labels.txt: ... restore
model_dir=F/empty_labels -> /labels.txt: ... restore
model_dir=F/other_vocab -> /vocab.txt: 5 tokens ... restore
input=F/none -> F/none: ... no such file
input=F/folder -> F/folder: ... directory
input=F/empty.jsonl -> F/empty.jsonl: ... empty
input=F/broken_first.jsonl -> F/broken_first.jsonl:1: ... skip
input=F/four_columns.conll tag_columns=7 -> F/four_columns.conll:1: ... column 7
    ... correct --tag_columns
input=F/four_columns.conll token_column=7 -> F/four_columns.conll:1: ... column
    7 ... correct --token_column
output=F/none/a.jsonl -> no folder F/none ... make it
output=F/folder -> is a folder
output=F/good.jsonl -> is the input
output_format=conll output_score=true -> no scores
output_layers=2 -> --output_layers
batch_size=0 -> --batch_size must be a positive integer, got 0
window_overlap=38 -> --window_overlap must be at least 0 and below 38,  ... got
    38
output_format=xml -> xml ... cluener
export_dir=F/folder_with_file -> folder_with_file: exists and is not an empty
    folder ... delete it
export_dir=F/new export_format=torch -> --export_format must be
    one of saved_model, onnx
export_dir=F/new precision=mixed_bfloat16 -> --precision is for prediction
    ... give --export_precision
export_dir=F/new eval_data=F/good.jsonl,F/absent* -> F/absent*: there is no such
    file ... --eval_data
export_dir=F/new eval_data=F/good.jsonl,F/unlabelled.jsonl ->
    F/unlabelled.jsonl:2: the sentence is not ... --eval_data
eval_data=F/good.json -> --eval_data is given but --export_dir is not
text=a\udc80 -> --text is not UTF-8 ... convert
""")


# Whole lines of the other commands; those behind "usage" are argparse's.
OTHERS = """
readers F/broken.jsonl -> F/broken.jsonl:2:
readers F/none -> F/none: ... no such file
readers --tag_columns=a F/good.jsonl -> --tag_columns cannot be 'a'
readers --tag_columns=0 F/good.jsonl -> both the token column and a tag
readers F/good.jsonl --to=conll -> --to and --output belong together
readers F/good.jsonl F/good.jsonl --to=text --output=F/x -> --to converts one
readers F/good.jsonl --to=text --output=F/x --output_layers=2 ->
    --output_layers is given but --to is text; give --to=conll
display F/none -> F/none: ... no such file
display F/second.jsonl --gold F/good.jsonl -> gold sentence
display F/good.jsonl --count=-1 -> usage ... number of sentences
display F/good.jsonl --seed=x -> usage ... --seed
display F/good.jsonl --seed=9223372036854775808 -> usage ... --seed
evaluation F/two.jsonl F/second.jsonl -> F/two.jsonl:1: gold sentence 'ab天'
evaluation F/two.jsonl F/none -> F/none
evaluation F/two.jsonl F/broken.jsonl -> F/broken.jsonl:2:
evaluation F/two.jsonl F/cut.jsonl -> F/two.jsonl:1: gold sentence
evaluation F/two.jsonl F/plain.txt --predicted_format=text -> is not labelled
evaluation F/two.jsonl F/two.jsonl --train F/plain.txt --train_format=text ->
    training sentence
evaluation F/two.jsonl F/two.jsonl --gold_format=xml -> usage ... cluener
evaluation F/two.jsonl F/two.jsonl --predicted_tag_columns x -> --tag_columns
    cannot be 'x'
evaluation.audit F/unlabelled.jsonl -> F/unlabelled.jsonl:2: the gold sentence
evaluation.audit F/none -> F/none
evaluation.audit F/two.jsonl --predictions F/second.jsonl -> F/two.jsonl:1: gold
    sentence
evaluation.audit F/two.jsonl --predictions F/other.jsonl -> F/other.jsonl:1: the
    predicted span 'ab'
evaluation.audit F/two.jsonl --top=-1 -> usage ... number of findings
evaluation.audit F/two.jsonl --top=x -> usage ... number of findings
evaluation.audit F/two.jsonl --top=1.5 -> usage ... number of findings
checkpoints F/none -> F/none: no such file
checkpoints F/model --to=tf -> --to and --output belong together
checkpoints F/model --output=F/x -> --to and --output belong together
checkpoints F/model --to=tf --output=F/model -> not an empty folder
checkpoints F/bare --to=tf --output=F/x -> --bert_config_file
vocabulary F/absent* --size=9 --output=F/x --kind=char -> F/absent*: there is no
    such file
vocabulary F/good.jsonl --size=5 --output=F/x --kind=char -> --size must be more
    than 5
vocabulary F/good.jsonl --size=9 --output=F/good.jsonl --kind=char ->
    F/good.jsonl: exists already
vocabulary F/newline.jsonl --size=9 --output=F/x --kind=char -> no character to
    make
vocabulary F/broken.jsonl --size=9 --output=F/x --kind=char -> F/broken.jsonl:2:
vocabulary F/good.jsonl --size=9 --output=F/good.jsonl/v --kind=char -> cannot
    be written to
pretrain_data --output_dir=F/x -> --input_file is missing
pretrain_data --input_file=F/absent* --output_dir=F/x -> F/absent*: there is no
    such file
pretrain_data --input_file=F/plain.txt --output_dir=F/x --masking=word ->
    --masking is given, but without --dupe_factor
pretrain_data --input_file=F/plain.txt --output_dir=F/x --encoder_dir=e -> or
    --encoder_dir, and both are given; give one of them
pretrain_data --input_file=F/plain.txt --output_dir=F/x --masked_lm_prob=2 ->
    --masked_lm_prob
pretrain_data --input_file=F/plain.txt --output_dir=F/folder_with_file -> no
    pretraining data
embeddings -> the config of the encoder is unknown
embeddings --encoder_dir=F/none -> F/none
embeddings --min_count=0 -> --min_count
embeddings --records_dir=MASKED --bert_config_file=F/bert_config.json ->
    --dupe_factor
pretrain --records_dir=F/none -> F/none
pretrain --bert_config_file= -> --bert_config_file
pretrain --masking=word -> --words
pretrain --masked_lm_prob=0 -> --masked_lm_prob must be above 0
pretrain --init_checkpoint=F/none -> F/none: no such file
pretrain --encoder_dir=F/model --init_checkpoint=F/none -> F/none: no such
pretrain --encoder_dir=F/none --init_checkpoint=F/folder -> F/folder: not a
    model
pretrain --generator_size=0.01 --objective=electra -> generator_size
pretrain --num_warmup_steps=31 -> num_warmup_steps
"""
OTHERS = OTHERS.replace("\n    ", " ").strip().split("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All the files that the cases name."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in FILES.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "folder_with_file").mkdir()
    (folder / "folder_with_file" / "file").write_text("")
    tiny.write_encoder_files(folder)
    config = ExperimentConfig(model=tiny.model_config())
    wide = ExperimentConfig(
        model=tiny.model_config(encoder={"hidden_size": 32})
    )
    for name, written in [
        *dict.fromkeys(
            ["model", "half", "cut", "no_labels", "empty_labels"], config
        ).items(),
        ("other_vocab", config),
        ("wide", wide),
    ]:
        path = str(folder / name)
        tiny.write_model(path, written)
    (folder / "half" / "weights.safetensors").unlink()
    weights = folder / "cut" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    (folder / "no_labels" / "labels.txt").unlink()
    (folder / "empty_labels" / "labels.txt").write_text("")
    (folder / "other_vocab" / "vocab.txt").write_text(FILES["short_vocab.txt"])
    bare = checkpoint_samples.huggingface_directory(folder / "bare")
    (bare / "config.json").unlink()
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text('{"hidden_size": 8}')
    (folder / "encoder" / "vocab.txt").write_text(FILES["short_vocab.txt"])
    return folder


def _call(script, good, changes, folder):
    flags = {k: v for k, v in (good | changes).items() if v is not None}
    return [script, *(f"--{k}={_put(v, folder)}" for k, v in flags.items())]


def _put(text, folder):
    return re.sub(r"\bF/", f"{folder}/", text)


def _tree(folder):
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def _outcomes(folder, training, prediction):
    calls = {
        ("training", name): _call(
            "run_classifier.py", TRAINING, case.changes, folder
        )
        for name, case in training.items()
    }
    calls |= {
        ("prediction", name): _call(
            "run_predict.py", PREDICTION, case.changes, folder
        )
        for name, case in prediction.items()
    }
    return dict(zip(calls, run_all(list(calls.values())), strict=True))


def _assert_one_clear_line(outcome, parts, folder):
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    *_, line = lines = outcome.err.splitlines()
    assert line.startswith("error: ")
    assert len(lines) == 1, lines
    assert "; " in line or " must be " in line, "no remedy"
    for part in parts:
        assert _put(part, folder) in line


def _without_progress(err):
    """Standard error without progress bars and the engine of a model."""
    progress = re.compile(r"(records|predicting|training):|.*: engine: |\s*$")
    lines = err.replace("\r", "\n").splitlines(keepends=True)
    return "".join(line for line in lines if not progress.match(line))


@pytest.fixture(scope="module")
def early(folder):
    before = _tree(folder)
    outcomes = _outcomes(folder, EARLY_TRAINING, EARLY_PREDICTION)
    assert _tree(folder) == before, "something was written"
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", EARLY_TRAINING)
def test_training_refuses_before_it_loads_tensorflow(folder, early, name):
    outcome = early["training", name]
    _assert_one_clear_line(outcome, EARLY_TRAINING[name].parts, folder)
    assert not outcome.tensorflow
    assert not outcome.out


@pytest.mark.parametrize("name", EARLY_PREDICTION)
def test_prediction_refuses_before_it_loads_tensorflow(folder, early, name):
    outcome = early["prediction", name]
    _assert_one_clear_line(outcome, EARLY_PREDICTION[name].parts, folder)
    assert not outcome.tensorflow
    assert not outcome.out


LATE_TRAINING = _cases("""
train_data=F/long.jsonl long_text=error -> F/long.jsonl:2: the text has 39
    tokens ... --long_text=window
eval_data=F/long.jsonl long_text=error -> F/long.jsonl:2: the text has 39 tokens
    ... --long_text=window
""")
LATE_PREDICTION = _cases("""
input=F/long.jsonl long_text=error -> F/long.jsonl:2: the text has 39 tokens ...
    --long_text=window
input=F/broken.jsonl -> F/broken.jsonl:2: ... skip
input=F/mixed.jsonl -> F/mixed.jsonl:2: ... iconv
""")


@pytest.fixture(scope="module")
def late(folder):
    before = _tree(folder)
    outcomes = _outcomes(folder, LATE_TRAINING, LATE_PREDICTION)
    after = _tree(folder)
    assert {k: after.get(k) for k in before} == before
    left = {pathlib.Path(path) for path in after.keys() - before.keys()}
    # The records of good training data are whole, and stay for the next try.
    assert all(folder / "new" in [p, *p.parents] for p in left)
    assert not [p for p in left if p.suffix == ".tmp"]
    assert {p.name for p in left if p.parent == folder / "new"} <= {"records"}
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE_TRAINING)
def test_training_refuses_and_leaves_no_half(folder, late, name):
    outcome = late["training", name]
    outcome.err = _without_progress(outcome.err)
    _assert_one_clear_line(outcome, LATE_TRAINING[name].parts, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE_PREDICTION)
def test_prediction_refuses_and_leaves_no_half(folder, late, name):
    outcome = late["prediction", name]
    outcome.err = _without_progress(outcome.err)
    _assert_one_clear_line(outcome, LATE_PREDICTION[name].parts, folder)


def _other_call(line, folder, records, masked):
    name, *flags = _put(line, folder).replace("MASKED", masked).split()
    output = f"--output_dir={folder / 'x'}"
    usual = {
        "pretrain": tiny_pretraining.arguments(records, folder / "x"),
        "embeddings": [f"--records_dir={records / 'records'}", output],
        "pretrain_data": [f"--vocab_file={folder / 'vocab.txt'}"],
    }.get(name, [])
    script = {
        "pretrain": "pretrain/run_pretraining.py",
        "embeddings": "pretrain/create_embeddings.py",
        "pretrain_data": "pretrain/create_pretraining_data.py",
    }.get(name, f"biaffine_tf.{name}")
    return [script, *usual, *flags]


@pytest.fixture(scope="module")
def others(folder, tmp_path_factory):
    records = tiny_pretraining.write_corpus()
    masked = pretraining_texts.make(
        tmp_path_factory.mktemp("masked"),
        pretraining_texts.documents(20),
        dupe_factor=2,
        masking=Masking(),
        max_predictions_per_seq=3,
    ).directory
    before = _tree(folder)
    calls = [
        _other_call(line.split(" -> ")[0], folder, records, masked)
        for line in OTHERS
    ]
    outcomes = dict(zip(OTHERS, run_all(calls), strict=True))
    assert [line for line in OTHERS if outcomes[line].code != 2] == []
    assert _tree(folder) == before, "something was written"
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("line", OTHERS)
def test_other_commands_refuse_in_one_line(folder, others, line):
    outcome, parts = others[line], line.split(" -> ")[1].split(" ... ")
    assert outcome.code == 2, outcome
    *rest, last = outcome.err.splitlines()
    assert (not rest and last.startswith("error: ")) or parts[0] == "usage"
    for part in parts:
        assert _put(part, folder) in outcome.err
    if not line.startswith("checkpoints"):  # it describes the source first
        said = outcome.out.splitlines()
        assert all(one.startswith("chosen: ") for one in said), said


@pytest.mark.parametrize("script", ["run_classifier.py", "run_predict.py"])
def test_help_shows_every_flag(script):
    (outcome,) = run_all([[script, "--help"]])
    assert outcome.code == 0 and not outcome.err
    flags = TRAINING if script == "run_classifier.py" else PREDICTION
    reading = [one.name for one in reading_arguments(shared=False)]
    for name in [*flags, *reading, "on_bad_data"]:
        assert f"--{name}" in outcome.out or f"--[no]{name}" in outcome.out
    assert "--flagfile" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.slow
def test_skipping_bad_data_counts_it(folder, tmp_path):
    """Trains, in a process of its own, as users do; stderr stays clean."""
    changes = {
        "train_data": "F/broken.jsonl",
        "eval_data": "F/outside.jsonl",
        "output_dir": str(tmp_path / "out"),
        "on_bad_data": "skip",
    }
    call = _call("run_classifier.py", TRAINING, changes, folder)
    done = subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        env={k: v for k, v in os.environ.items() if "TF_CPP" not in k},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "training data: bad sentence skipped: 1" in done.stdout
    assert "eval data: bad sentence skipped: 1" in done.stdout
    (records,) = (tmp_path / "out" / "records").iterdir()
    meta = json.loads((records / "records.json").read_text())
    assert meta["problems"]["bad sentence skipped"]["count"] == 1
    assert meta["counts"]["sentences"] == 2
    assert not _without_progress(done.stderr)
    predicted = formats.read(tmp_path / "out" / "predictions.jsonl")
    assert len(list(predicted)) == 1
