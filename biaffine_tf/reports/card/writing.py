"""From what a card says to the file."""

from __future__ import annotations

import os

from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write
from biaffine_tf.model_directory.card_marking import mark, may_replace
from biaffine_tf.model_directory.names import CARD, SCORES
from biaffine_tf.reports.card import words
from biaffine_tf.reports.card.content import Content, gather


def write_card(directory: str) -> None:
    """Writes the card, unless it is there or somebody has written in it.

    Args:
        directory: A model directory whose training has ended.

    Raises:
        ConfigError: If the directory is damaged.
    """
    content = gather(directory)
    if content is None:
        return
    text = mark(render(content))
    path = os.path.join(directory, CARD)
    if not may_replace(path):
        print(
            f"{path}: not ours, or edited since, and left as it is; rename it "
            "to get a model card"
        )
    elif not _holds(path, text):
        with atomic_write(path) as file:
            file.write(text)


def render(content: Content) -> str:
    """The card.

    Args:
        content: What it says.

    Returns:
        Markdown, in which strings of the user's are nothing but text.

    Raises:
        ConfigError: If the scores lack a figure.
    """
    # Takes longer to load than everything else here.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        finalize=words.escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=words.count,
        figure=words.figure,
        rounded=words.rounded,
        setting=words.setting,
    )
    config = content.config
    values = dict(
        content=content,
        scores=content.scores,
        intervals=content.scores.get("intervals"),
        test=content.scores.get("test"),
        training_counts=content.scores.get("training_counts", {}),
        eval_counts=content.scores.get("eval_counts", {}),
        fit=content.fit,
        model=config.model,
        encoder=config.model.encoder,
        training=config.training,
        decoding=config.decoding,
        data=config.data,
        words=words,
    )
    try:
        return environment.get_template("card.md.jinja").render(values)
    except jinja2.UndefinedError as error:
        raise ConfigError(
            f"{SCORES} of {content.title}: not the scores of a run that has "
            f"ended ({error})",
            remedy="delete it and start the command again",
        ) from error


def _holds(path: str, text: str) -> bool:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() == text
    except FileNotFoundError:
        return False
