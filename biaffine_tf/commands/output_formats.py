"""Checks and describes output formats for commands."""

from __future__ import annotations

from collections.abc import Iterator

from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import all_formats, find_format
from biaffine_tf.formats.optional import check_package


def check_output_format(
    name: str, *, flag: str, scores: bool, layers: int | None
) -> None:
    """Checks that a format can hold the requested output.

    Args:
        name: Name of the format.
        flag: Flag that gave it, for messages.
        scores: Whether scores are requested.
        layers: Number of tag columns, if requested.

    Raises:
        ConfigError: If the format has no scores or no tag columns, or needs a
            package that is not installed.
    """
    output = find_format(name)
    if output.package is not None:
        check_package(output.package, f"--{flag}={output}")
    others = [one for one in all_formats() if one.spans]
    if scores and not output.scores:
        names = " or ".join(one for one in others if one.scores)
        raise ConfigError(
            f"--output_score is given but {output.full_name} holds no scores",
            remedy=f"give --{flag}={names}",
        )
    if layers is not None and not output.layers:
        names = " or ".join(one for one in others if one.layers)
        raise ConfigError(
            f"--output_layers is given but --{flag} is {output}",
            remedy=f"give --{flag}={names} or leave it out",
        )


def describe_columns(name: str, layers: int) -> Iterator[str]:
    """Yields the flag that reads tags back from several columns."""
    if name == "conll" and layers > 1:
        columns = ",".join(map(str, range(1, layers + 1)))
        yield (
            f"tags are in several columns: read them by --tag_columns={columns}"
        )
