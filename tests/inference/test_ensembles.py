"""Predictions of ensembles against those of their members."""

import dataclasses
import itertools
import json
import math
import os

import numpy as np
import pytest
import tiny

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence, sigmoid
from biaffine_tf.config import DecodingConfig, ExperimentConfig
from biaffine_tf.decoding import exact
from biaffine_tf.decoding.voting import average, mean_log_odds
from biaffine_tf.errors import ConfigError
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference import ensemble as ensembles
from biaffine_tf.inference import loading
from biaffine_tf.inference.ensemble import FLOOR, EnsemblePredictor
from biaffine_tf.model_directory import Ensemble, EnsembleMember, Rule

TEXTS = [one.text for one in tiny.sentences(12, seed=4)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Model directories of random weights; one is calibrated."""
    folder = tmp_path_factory.mktemp("members")
    config = ExperimentConfig(
        model=tiny.model_config(), decoding=DecodingConfig(nested=True)
    )
    paths = [str(folder / str(seed)) for seed in (1, 2, 3)]
    for seed, path in enumerate(paths):
        _write_model(path, config, seed)
    confidence = Confidence(temperature=2.0, bias=-0.5)
    model_directory.write_confidence(
        paths[1], {"confidence": confidence.to_json()}
    )
    return paths


def _write_model(path, config, seed):
    """Writes a model that finds some of the spans, none of them surely."""
    os.mkdir(path)
    model_directory.write_description(
        path, config, tiny.LABELS, tiny.VOCABULARY
    )
    model = SpanModel(config.model, num_classes=tiny.LABELS.num_classes)
    model.build_weights()
    rng = np.random.default_rng(seed)
    for weight in model.saved_weights().values():
        if len(weight.shape) > 1:
            weight.assign(rng.normal(size=weight.shape) * 0.3)
    bilinear = model.head.bilinear.numpy()
    bilinear[-1] = 0  # else constants decide
    model.head.bilinear.assign(bilinear)
    model_directory.save_weights(path, model)


def _write(folder, models, rule, weights=(1.0, 1.0, 1.0), **changes):
    folder.mkdir()
    members = tuple(
        EnsembleMember(
            directory=path,
            weight=weight,
            fingerprints=model_directory.model_fingerprints(path),
        )
        for path, weight in zip(models, weights, strict=True)
    )
    model_directory.write_ensemble(
        str(folder),
        Ensemble(
            members=members, labels=tuple(tiny.LABELS), rule=rule, **changes
        ),
    )
    return str(folder)


def _keys(entities):
    return [entity[:3] for entity in entities]


@pytest.mark.slow
def test_a_model_alone_votes_for_what_it_predicts(models, tmp_path):
    alone = _write(tmp_path / "alone", models[1:2], Rule.VOTES, [3.0])
    with biaffine_tf.load(models[1]) as one, biaffine_tf.load(alone) as other:
        for nested, decoder in itertools.product(
            (True, False), ("exact", "greedy")
        ):
            settings = {"nested": nested, "decoder": decoder}
            want = one(TEXTS, **settings)
            found = other(TEXTS, **settings)
            assert sum(map(len, want)) > len(TEXTS)
            assert [_keys(one) for one in found] == [_keys(one) for one in want]
            for entity, same in zip(
                itertools.chain(*found), itertools.chain(*want), strict=True
            ):
                floor = float(sigmoid(FLOOR))
                assert entity.score == pytest.approx(
                    max(same.score, floor), abs=1e-6
                )


@pytest.mark.slow
def test_both_rules_are_those_of_a_plain_count(models, tmp_path):
    weights = [1.0, 2.0, 1.5]
    cut = math.log(0.3 / 0.7)
    confidence = Confidence(temperature=0.5, bias=0.25)
    folder = _write(
        tmp_path / "all",
        models,
        Rule.VOTES,
        weights,
        confidence=confidence,
        average_threshold=0.3,
    )
    loaded = EnsemblePredictor.from_directory(folder)
    decoding = DecodingConfig(nested=True)
    with loaded:
        sentences = [tiny.Sentence(text) for text in TEXTS]
        answers = [
            list(member.opinions(sentences, decoding))
            for member in loaded.members
        ]
        for rule in Rule:
            predictor = EnsemblePredictor(
                dataclasses.replace(loaded.ensemble, rule=rule),
                loaded.members,
                decoding,
            )
            found = predictor(iter(TEXTS))
            for text, opinions, entities in zip(
                TEXTS, zip(*answers, strict=True), found, strict=True
            ):
                means = mean_log_odds(
                    [one.candidates for one in opinions], weights, floor=FLOOR
                )
                votes = {
                    key: sum(
                        weight
                        for weight, one in zip(weights, opinions, strict=True)
                        if key in _keys(one.entities)
                    )
                    for one in opinions
                    for key in _keys(one.entities)
                }
                want = (
                    _keys(exact(average(means, cut=cut), nested=True))
                    if rule is Rule.AVERAGE
                    else [key for key in votes if votes[key] > 2.25]
                )
                assert sorted(_keys(entities)) == sorted(want)
                for entity in entities:
                    assert entity.text == text[entity.start : entity.end]
                    odds = means.get(entity[:3], FLOOR) / 0.5 + 0.25
                    assert entity.score == pytest.approx(sigmoid(odds))


def test_ensembles_are_inspected_without_their_weights(models, tmp_path):
    folder = _write(tmp_path / "all", models, Rule.AVERAGE)
    source = loading.inspect(folder, {"nested": False})
    assert source.kind is loading.Kind.ENSEMBLE
    assert not source.decoding.nested and source.windowing is not None
    assert model_directory.member_directories(folder) == tuple(models)
    assert model_directory.member_directories(models[0]) == (models[0],)
    with pytest.raises(ConfigError, match="cannot be forced"):
        loading.inspect(folder, {"force_one_entity": True})
    prints = model_directory.model_fingerprints(folder)
    assert "ensemble.json" in prints
    assert "member 3: weights.safetensors" in prints


def test_members_that_have_changed_are_refused(models, tmp_path):
    folder = _write(tmp_path / "all", models, Rule.VOTES)
    path = tmp_path / "all" / "ensemble.json"
    values = json.loads(path.read_text())
    for name in ("confidence.json", "weights.safetensors"):
        changed = json.loads(json.dumps(values))
        changed["members"][1]["fingerprints"][name] = "0" * 64
        path.write_text(json.dumps(changed))
        with pytest.raises(ConfigError, match=f"{name}: has changed"):
            loading.load(folder, {})
    for key, value in (("rule", "x"), ("format_version", 9), ("members", [])):
        path.write_text(json.dumps({**values, key: value}))
        with pytest.raises(ConfigError, match=str(path)):
            loading.inspect(folder, {})


@pytest.mark.slow
def test_members_must_decode_alike(models, tmp_path):
    config = ExperimentConfig(
        model=tiny.model_config(), decoding=DecodingConfig(min_width=2)
    )
    other = tiny.write_model(tmp_path / "other", config)
    ensemble = Ensemble(
        members=tuple(
            EnsembleMember(directory=one) for one in (models[0], other)
        ),
        labels=("letter",),
    )
    with pytest.raises(ConfigError, match="differ in --min_width"):
        ensembles.decoding_of(ensemble)
    flat = ExperimentConfig(
        model=tiny.model_config(), decoding=DecodingConfig(nested=False)
    )
    other = tiny.write_model(tmp_path / "flat", flat)
    members = (EnsembleMember(directory=other), ensemble.members[0])
    ensemble = dataclasses.replace(ensemble, members=members)
    assert ensembles.decoding_of(ensemble).nested
