"""Goals, exit codes, and what is written."""

import json
import struct

import pytest

from benchmarks import options, plots
from benchmarks.report import Goal, Report


def report_of(*goals, json_path=None, arguments=()):
    chosen = options.parse(
        "fake",
        None,
        arguments=[*arguments, *([f"--json={json_path}"] if json_path else [])],
    )
    report = Report("fake", chosen)
    report.goals += goals
    return report


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal.at_least("g", 1.3, 1.3), True),
        (Goal.at_least("g", 1.3, 1.29999), False),
        (Goal.at_most("g", 0.15, 0.15), True),
        (Goal.at_most("g", 0.15, 0.150001), False),
        (Goal.within("g", 8, 12.5, 8), True),
        (Goal.within("g", 8, 12.5, 12.5), True),
        (Goal.within("g", 8, 12.5, 7.9999), False),
        (Goal.within("g", 8, 12.5, 12.5001), False),
        (Goal.at_least("g", 1.3, float("nan")), False),
    ],
)
def test_goal_is_judged_before_it_is_rounded(goal, met):
    assert goal.met is met


@pytest.mark.parametrize(
    ("got", "code"), [((2.0, 2.0), 0), ((2.0, 0.5), 1), ((), 0)]
)
def test_one_goal_that_is_not_met_makes_the_exit_code(got, code, capsys):
    goals = [Goal.at_least(f"goal {g}", 1.0, g) for g in got]
    report = report_of(*goals, arguments=["--quick"])
    assert report.finish(lambda path: None) == code
    assert ("NO" in capsys.readouterr().out) == bool(code)


def test_json_has_all_that_was_found_and_the_plot_lies_beside(tmp_path):
    path = tmp_path / "new" / "found.json"
    report = report_of(Goal.at_least("goal", 1.0, 0.5), json_path=path)
    report.rows.append({"what": "ours", "values": [1.0, 2.0]})
    report.details["sentences"] = 3
    drawn = []
    assert report.finish(drawn.append) == 1
    assert drawn == [path.with_suffix(".png")]
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found == report.to_json()
    assert found["goals"] == [
        {"goal": "goal", "want": ">= 1", "got": 0.5, "met": False}
    ]
    assert found["rows"] == [{"what": "ours", "values": [1.0, 2.0]}]
    assert found["rounds"] == options.MIN_ROUNDS
    assert not found["quick"]
    assert {"cpu", "cores", "memory_gib", "load_before"} <= set(
        found["machine"]
    )
    assert {"python", "biaffine_tf", "tensorflow"} <= set(found["versions"])
    # Where the results are kept depends on the machine.
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_quick_writes_nothing_unless_told_where(tmp_path, monkeypatch):
    monkeypatch.setattr(options, "RESULTS", tmp_path)
    drawn = []
    report_of(arguments=["--quick"]).finish(drawn.append)
    assert not drawn
    assert not any(tmp_path.iterdir())
    path = tmp_path / "quick.json"
    report_of(arguments=["--quick"], json_path=path).finish(drawn.append)
    assert path.exists()
    assert options.parse("fake", None, arguments=[]).json == (
        tmp_path / "fake.json"
    )


def test_fewer_than_five_rounds_are_not_a_measurement(capsys):
    with pytest.raises(SystemExit):
        options.parse("fake", None, arguments=["--rounds=4"])
    assert "at least 5" in capsys.readouterr().err
    assert options.parse("fake", None, arguments=["--rounds=7"]).rounds == 7
    quick = options.parse("fake", None, arguments=["--quick", "--rounds=1"])
    assert quick.rounds == 1


def test_shapes_are_all_or_the_first_or_those_asked_for():
    def chosen(*arguments):
        found = options.parse(
            "fake", None, shapes=["4x256", "6x384"], arguments=arguments
        )
        return [str(shape) for shape in found.shapes]

    assert chosen() == ["4x256", "6x384"]
    assert chosen("--quick") == ["4x256"]
    assert chosen("--shapes=12x768,1x64") == ["12x768", "1x64"]


def test_missing_package_is_named_with_its_remedy():
    options.require_packages("json")
    with pytest.raises(SystemExit, match=r"no_such.*requirements\.txt"):
        options.require_packages("json", "no_such")


def test_many_panels_are_drawn_in_rows(tmp_path):
    pytest.importorskip("matplotlib")
    sizes = []
    for number in (4, 5):
        path = tmp_path / f"{number}.png"
        panels = {str(n): {"a": 1.0} for n in range(number)}
        plots.bars(panels, unit="s", title="t")(path)
        header = path.read_bytes()[16:24]  # width and height
        sizes.append(struct.unpack(">II", header))
    (width, height), more = sizes
    assert more == (width, 2 * height)


def test_plots_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    bars, lines = tmp_path / "bars.png", tmp_path / "lines.png"
    plots.bars(
        {"one": {"a": 1.0, "b": 2.0}, "two": {"a": 3.0}}, unit="s", title="t"
    )(bars)
    plots.lines(
        {"one": {"a": [(1, 2.0), (10, 3.0)]}}, labels=("x", "y"), title="t"
    )(lines)
    for path in (bars, lines):
        assert path.read_bytes().startswith(b"\x89PNG")
