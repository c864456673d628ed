"""JSON files of ours that hold something else are refused in one line."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import find_problem, peek_json, read_json

SHAPE = {
    "name": str,
    "count": int,
    "share": float,
    "done": bool,
    "any": object,
    "limit": (float, None),
    "epochs": [{"epoch": int, "loss?": float}],
    "labels": {str: {"gold": int}},
    "test?": ({str: float}, None),
}
GOOD = {
    "name": "x",
    "count": 2,
    "share": 1,
    "done": False,
    "any": [1, {}],
    "limit": None,
    "epochs": [{"epoch": 1}, {"epoch": 2, "loss": 0.5, "more": "x"}],
    "labels": {"a": {"gold": 1, "more": []}, "": {"gold": 0}},
    "more": None,
}
CONTENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(value, place=()):
    """Paths to all values inside of one."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inside:
        yield (*place, key)
        yield from places(one, (*place, key))


def changed(place, value):
    made = copy.deepcopy(GOOD)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


def test_good_content():
    assert find_problem(GOOD, SHAPE) is None
    assert find_problem(GOOD | {"test": {"f1": 1.0}}, SHAPE) is None
    assert find_problem(GOOD | {"test": None, "limit": 3}, SHAPE) is None


@pytest.mark.parametrize(
    "place",
    [p for p in places(GOOD) if "any" not in p and "more" not in p],
    ids=lambda place: ".".join(map(str, place)),
)
def test_every_value_of_another_kind_is_named(place):
    good = GOOD
    for key in place:
        good = good[key]
    kinds = (int, float) if place[-1] in ("share", "limit", "loss") else ()
    kinds = {*kinds, type(good)}
    refused = 0
    for other in ["x", True, 2, 2.5, None, [5], {"a": 5}]:
        if type(other) in kinds and not isinstance(other, list | dict):
            continue
        problem = find_problem(changed(place, other), SHAPE)
        assert problem is not None, other
        assert str(place[-1]) in problem and "\n" not in problem
        refused += 1
    assert refused >= 4


@pytest.mark.parametrize("key", [k for k in SHAPE if not k.endswith("?")])
def test_every_missing_key_is_named(key):
    values = {k: v for k, v in GOOD.items() if k != key}
    assert find_problem(values, SHAPE) == f"{key} is missing"


def test_places_inside_are_named():
    values = changed(("epochs", 1, "loss"), "much")
    problem = find_problem(values, SHAPE)
    assert problem == 'epochs[1].loss must be a number, got "much"'
    problem = find_problem(GOOD | {"test": {"f1": "x"}}, SHAPE)
    assert problem == 'test.f1 must be a number, got "x"'
    assert find_problem([], SHAPE) == "it must be an object, got a list"


@given(CONTENTS)
def test_any_content_is_read_or_refused_in_one_line(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "file.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_json(path, SHAPE, what="of the test", remedy="write it anew")
    message = str(caught.value)
    assert message.startswith(f"{path}: not of the test (")
    assert message.endswith("; write it anew") and "\n" not in message
    assert len(message) < 300 + len(str(path))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{'a': 1}", b"\xff\xfe", b"[" * 100_000, b"\x00\x01"],
    ids=["empty", "half", "quotes", "bytes", "deep", "zeros"],
)
def test_what_is_no_json(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"file\.json: not JSON \(") as caught:
        read_json(path, what="of the test", remedy="write it anew")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none", what="of the test", remedy="")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a dir"):
        read_json(tmp_path, what="of the test", remedy="")


def test_a_look_at_a_file_that_may_be_something_else(tmp_path):
    path = tmp_path / "f"
    assert peek_json(path) is None
    for content, is_object in (("{", False), ("[]", False), ("{}", True)):
        path.write_text(content)
        assert peek_json(path, {}) == ({} if is_object else None)
        assert peek_json(path, {"a": int}) is None
