"""Trains ensembles and labels text with them: `biaffine-ensemble ACTION`."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

from biaffine_tf import console
from biaffine_tf.errors import ConfigError

_USAGE = """\
{0} train --train_data=train.json --folds=5 --output_dir=ENSEMBLE FLAGS
{0} pseudo_label --model_dir=ENSEMBLE --input=texts.txt --output=FILE

train         trains members on folds, and makes an ensemble of them
pseudo_label  labels text, and keeps the sentences that it is certain of

{0} ACTION --help shows the flags of an action.
"""
_ACTIONS = {
    "train": "biaffine_tf.commands.ensemble_training",
    "pseudo_label": "biaffine_tf.commands.pseudo_label",
}


def run() -> NoReturn:
    """Runs the action that the first argument names."""
    action = sys.argv[1] if len(sys.argv) > 1 else ""
    if action not in _ACTIONS:
        console.run(lambda: _refuse(action))
    del sys.argv[1]
    importlib.import_module(_ACTIONS[action]).run()
    raise AssertionError("commands exit")


def _refuse(action: str) -> None:
    if action in ("-h", "--help", "-help"):
        name = console.program("python -m biaffine_tf.ensemble")
        print(_USAGE.format(name), end="")
    elif action in ("--version", "-version"):
        print(console.version())
    else:
        raise ConfigError(
            f"there is no action {action!r}"
            if action
            else "no action is given",
            remedy=f"give {' or '.join(_ACTIONS)} first; --help says more",
        )
