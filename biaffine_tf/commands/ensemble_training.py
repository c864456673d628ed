r"""Trains an ensemble: a member for each fold, in processes of their own.

biaffine-ensemble train --train_data=train.json --eval_data=dev.json \
    --folds=5 --encoder_dir=ENCODER --output_dir=ENSEMBLE

Takes the flags of biaffine-train. Each member is trained on all folds but one,
which selects its epoch. --eval_data is never trained on: it scores the members
and the ensemble. After a kill, the same command goes on.

--members=FILE.toml trains members with different flags, each on all folds:

[[member]]
name = "wide"
flags = {learning_rate = 1e-4, projection_size = 256}

--members=MODEL_DIR,MODEL_DIR combines trained models instead.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import NoReturn

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.commands import flags, running
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.ensemble_report import Report
from biaffine_tf.commands.flag_types import (
    FLAGS,
    Names,
    as_argument,
    define,
    given_arguments,
)
from biaffine_tf.commands.pseudo_data import FLAG as PSEUDO_DATA
from biaffine_tf.commands.pseudo_data import check_apart
from biaffine_tf.config import setting
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split_fold
from biaffine_tf.ensemble import choosing
from biaffine_tf.ensemble.members import (
    Kind,
    Training,
    is_list_of_kinds,
    read_kinds,
    trainings,
)
from biaffine_tf.ensemble.opinions import opinions_on
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.ensemble import Opinion, decoding_of
from biaffine_tf.locks import locked, wait_until_free
from biaffine_tf.model_directory import Ensemble, EnsembleMember, Rule
from biaffine_tf.processes import our_command, run_command

_OPINIONS = "opinions"
_AUTO = "auto"
# Flags of biaffine-train that an ensemble does without.
_REFUSED = ("dev_fraction", "fold", "plan", "check_only", "export")
# Flags that members do not get, or not as they were given.
_OWN = ("output_dir", "eval_data", "test_data", "seed")


@dataclasses.dataclass
class EnsembleFlags:
    """Members of an ensemble, and the rule that combines them."""

    folds: int = setting(
        5, minimum=2, help="Folds of --train_data, each left out by a member."
    )
    fold_repeats: int = setting(
        1,
        minimum=1,
        help="Divisions into folds, by --seed and the seeds after it; two or "
        "more give several out-of-fold opinions on each sentence.",
    )
    members: Names | None = setting(
        None,
        help="TOML file of members with flags of their own, each trained on "
        "all folds; or model directories, which are not trained.",
        unset="one member a fold, by the flags given",
    )
    member_weights: Names | None = setting(
        None,
        help="Weights of the model directories of --members, in order.",
        unset="1 each",
    )
    rule: str = setting(
        _AUTO,
        choices=(_AUTO, *map(str, Rule)),
        help="How members decide: weighted votes on entities; or averaged "
        "calibrated log-odds of candidates before one exact decoding; auto "
        "takes what scores better out of fold.",
    )
    vote_threshold: float = setting(
        0.5,
        minimum=0,
        below=1,
        help="Share of the weights that votes on an entity must exceed.",
    )
    average_threshold: float | None = setting(
        None,
        above=0,
        below=1,
        help="Averaged score that an entity must exceed by --rule=average.",
        unset="that of the best micro F1 out of fold; 0.5 for model "
        "directories",
    )


def main() -> None:
    """Trains the members and makes the ensemble."""
    _check_flags()
    output_dir = os.path.abspath(FLAGS.output_dir)
    with locked(output_dir):
        corpora = {
            name: inputs.open_corpus(name, flags.read_options())
            for name in ("train_data", "eval_data", "test_data", PSEUDO_DATA)
        }
        _check_pseudo(corpora)
        if FLAGS.members and not is_list_of_kinds(FLAGS.members):
            _combine_given(output_dir, corpora)
            return
        kinds = read_kinds(FLAGS.members[0]) if FLAGS.members else [Kind()]
        planned = trainings(
            kinds,
            folds=FLAGS.folds,
            repeats=FLAGS.fold_repeats,
            seed=FLAGS.seed,
        )
        arguments = [_arguments(one, output_dir) for one in planned]
        for number, one in enumerate(planned):
            print(
                f"member {one.name}, {number + 1} of {len(planned)}", flush=True
            )
            _train(arguments[number], os.path.join(output_dir, one.name))
        _combine_trained(output_dir, planned, corpora)


def _check_flags() -> None:
    """Checks flags that belong together.

    Raises:
        ConfigError: If they contradict each other.
    """
    for name in _REFUSED:
        if FLAGS[name].present and FLAGS[name].value:
            raise ConfigError(
                f"--{name} is given, which an ensemble does without",
                remedy=f"leave out --{name}: each member is scored on the fold "
                "that it is not trained on, and --eval_data on all of them",
            )
    is_given = FLAGS.members and not is_list_of_kinds(FLAGS.members)
    if not is_given and not FLAGS.train_data:
        raise ConfigError(
            "--train_data is missing",
            remedy="give it, or trained models as --members=MODEL_DIR,...",
        )
    if FLAGS.member_weights and not is_given:
        raise ConfigError(
            "--member_weights is given without model directories",
            remedy="give them as --members, or weights in its TOML file",
        )


def _check_pseudo(corpora: dict[str, Corpus | None]) -> None:
    """Checks that pseudo labels are not of texts of dev and test data."""
    pseudo = corpora[PSEUDO_DATA]
    if pseudo is not None:
        check_apart(
            pseudo.read(),
            {
                name: corpus.read()
                for name in ("eval_data", "test_data")
                if (corpus := corpora[name]) is not None
            },
        )


def _arguments(training: Training, output_dir: str) -> list[str]:
    """Returns the arguments of the training of a member.

    Raises:
        ConfigError: If a flag of its kind is unknown or out of range.
    """
    own = training.kind.flags
    for name, value in own.items():
        if name not in FLAGS or name in (*_OWN, *_REFUSED, *_ensemble_flags()):
            raise ConfigError(
                f"--members: {training.kind.name!r} has the flag {name!r}, "
                "which members cannot have of their own",
                remedy="give flags of biaffine-train, without dashes",
            )
        FLAGS[name].parser.parse(value)
    return [
        *given_arguments(besides={*_OWN, *_ensemble_flags(), *own}),
        *(as_argument(name, value) for name, value in own.items()),
        f"--seed={training.seed}",
        f"--fold={training.fold}/{FLAGS.folds}",
        f"--output_dir={os.path.join(output_dir, training.name)}",
    ]


def _ensemble_flags() -> list[str]:
    return [field.name for field in dataclasses.fields(EnsembleFlags)]


def _train(arguments: Sequence[str], folder: str) -> None:
    """Trains a member; one that is trained already says so.

    Raises:
        ConfigError: If the training fails.
    """
    wait_until_free(folder)
    code = run_command([*our_command("train"), *arguments])
    if code:
        raise ConfigError(
            f"{folder}: its training has ended with exit code {code}",
            remedy="see its message; the same command goes on with it",
        )


def _member(directory: str, weight: float = 1.0) -> EnsembleMember:
    return EnsembleMember(
        directory=directory,
        weight=weight,
        fingerprints=model_directory.model_fingerprints(directory),
    )


def _ensemble(members: Sequence[EnsembleMember]) -> Ensemble:
    labels: dict[str, None] = {}
    for one in members:
        description = model_directory.read_description(one.directory)
        labels |= dict.fromkeys(description.labels)
    return Ensemble(
        members=tuple(members),
        labels=tuple(labels),
        rule=Rule.AVERAGE if FLAGS.rule == _AUTO else Rule(FLAGS.rule),
        vote_threshold=FLAGS.vote_threshold,
        average_threshold=FLAGS.average_threshold or 0.5,
    )


def _combine_given(output_dir: str, corpora: dict[str, Corpus | None]) -> None:
    """Makes an ensemble of trained models."""
    weights = [*map(_weight, FLAGS.member_weights or [])]
    paths = [os.path.abspath(one) for one in FLAGS.members]
    if weights and len(weights) != len(paths):
        raise ConfigError(
            f"--member_weights has {len(weights)} weights for {len(paths)} "
            "members",
            remedy="give one for each of --members",
        )
    for path in paths:
        inputs.check_trained_model(path, flag="members")
    ensemble = _ensemble(
        [
            _member(path, weight)
            for path, weight in zip(
                paths, weights or [1.0] * len(paths), strict=True
            )
        ]
    )
    if FLAGS.rule == _AUTO:
        print(
            f"chosen: --rule={ensemble.rule} (the members given are scored on "
            "no fold, and the eval data choose nothing)"
        )
    report = Report(output_dir)
    _finish(
        output_dir, ensemble, [os.path.basename(p) for p in paths], corpora,
        report,
    )  # fmt: skip


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise ConfigError(
            f"--member_weights must be positive numbers, got {text!r}",
            remedy="such as --member_weights=2,1,1",
        )
    return weight


def _combine_trained(
    output_dir: str,
    planned: Sequence[Training],
    corpora: dict[str, Corpus | None],
) -> None:
    """Makes an ensemble of the members that were trained on folds."""
    ensemble = _ensemble(
        [
            _member(os.path.join(output_dir, one.name), one.kind.weight)
            for one in planned
        ]
    )
    decoding = decoding_of(ensemble)
    train = corpora["train_data"]
    assert train is not None
    panel = _out_of_fold(output_dir, planned, ensemble, train)
    report = Report(output_dir)
    if FLAGS.average_threshold is None:
        fitted_threshold = choosing.fit_average_threshold(
            panel, ensemble, decoding
        )
        ensemble = dataclasses.replace(
            ensemble, average_threshold=fitted_threshold
        )
        print(
            f"chosen: --average_threshold={fitted_threshold} (best micro F1 "
            "out of fold)"
        )
    choice = choosing.choose_rule(panel, ensemble, decoding)
    if FLAGS.rule == _AUTO:
        ensemble = dataclasses.replace(ensemble, rule=choice.rule)
        print(f"chosen: --rule={choice.rule} ({choice.reason})")
    fitted = choosing.calibrate(panel, ensemble, decoding)
    if fitted is not None:
        ensemble = dataclasses.replace(ensemble, confidence=fitted.confidence)
    report.out_of_fold(panel, ensemble, decoding, choice, fitted)
    _finish(
        output_dir, ensemble, [one.name for one in planned], corpora, report
    )


def _out_of_fold(
    output_dir: str,
    planned: Sequence[Training],
    ensemble: Ensemble,
    train: Corpus,
) -> choosing.Panel:
    """Returns the opinions of members on the folds they were not trained on."""
    sentences = list(train.read())
    found: list[list[Opinion]] = [[] for _ in sentences]
    for training, member in zip(planned, ensemble.members, strict=True):
        held_out = split_fold(
            train,
            number=training.fold,
            folds=FLAGS.folds,
            seed=training.seed,
        ).dev
        assert held_out.part is not None
        places = [
            index for index, own in enumerate(held_out.part.chosen) if own
        ]
        opinions = _opinions(
            output_dir, f"{training.name}.out_of_fold", member, ensemble,
            held_out,
        )  # fmt: skip
        for place, opinion in zip(places, opinions, strict=True):
            found[place].append(opinion)
    weights = {(one.kind.name, one.seed): one.kind.weight for one in planned}
    return choosing.Panel(sentences, found, tuple(weights.values()))


def _finish(
    output_dir: str,
    ensemble: Ensemble,
    names: Sequence[str],
    corpora: dict[str, Corpus | None],
    report: Report,
) -> None:
    """Writes the ensemble, and scores it on dev and test data."""
    decoding = decoding_of(ensemble)
    model_directory.write_ensemble(output_dir, ensemble)
    for flag in ("eval_data", "test_data"):
        corpus = corpora[flag]
        if corpus is None:
            continue
        sentences = list(corpus.read_labelled(flag=flag))
        opinions = [
            _opinions(output_dir, f"{name}.{flag}", member, ensemble, corpus)
            for name, member in zip(names, ensemble.members, strict=True)
        ]
        panel = choosing.Panel(
            sentences, list(zip(*opinions, strict=True)), ensemble.weights
        )
        report.held_out(flag, panel, ensemble, decoding, names)
    report.write()
    for line in _ending(output_dir, ensemble):
        print(line)


def _opinions(
    output_dir: str,
    name: str,
    member: EnsembleMember,
    ensemble: Ensemble,
    corpus: Corpus,
) -> list[Opinion]:
    return opinions_on(
        member.directory,
        corpus,
        os.path.join(output_dir, _OPINIONS, f"{name}.jsonl"),
        decoding=decoding_of(ensemble),
    )


def _ending(output_dir: str, ensemble: Ensemble) -> Iterator[str]:
    scaled = ensemble.confidence
    if scaled != Confidence():
        yield (
            f"scores: temperature {scaled.temperature:.2f}, bias "
            f"{scaled.bias:.2f}, fitted out of fold"
        )
    predictions = os.path.join(output_dir, model_directory.OUT_OF_FOLD)
    if os.path.exists(predictions):
        yield (
            f"{predictions}: scored predictions of the training data, for "
            "python -m biaffine_tf.evaluation.audit --predictions"
        )
    yield (
        f"ensemble of {len(ensemble.members)} members in {output_dir}; "
        f"biaffine_tf.load and --model_dir take it"
    )


def define_ensemble_flags() -> None:
    """Defines the flags of training and those of an ensemble."""
    flags.define_training_flags()
    define("Ensemble", EnsembleFlags)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    define_ensemble_flags()
    running.run(
        main,
        usage=__doc__,
        required=["output_dir"],
        out_of_memory="give a smaller --train_batch_size or --token_budget",
    )
