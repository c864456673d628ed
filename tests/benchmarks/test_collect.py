"""Gathers dev scores of runs."""

import json

import pytest

from benchmarks import collect


def _run(path, **scores):
    path.mkdir()
    for name in ("history", "config"):
        (path / f"{name}.json").write_text("{}")
    (path / "scores.json").write_text(json.dumps(scores))
    return path


def test_a_run_without_a_dev_set_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "RESULTS", tmp_path / "results")
    collect.RESULTS.mkdir()
    figures = {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    scored = _run(
        tmp_path / "scored",
        **dict.fromkeys(("micro", "macro", "cluener"), figures),
        training_counts={"sentences": 7},
        epoch=1,
        epochs=2,
        seconds=60,
    )
    collect.collect(scored)
    with pytest.raises(SystemExit, match="without a dev set"):
        collect.collect(_run(tmp_path / "unscored", epoch=2, epochs=2))
    assert "| scored | 7 | 0.5000 |" in collect.table()
