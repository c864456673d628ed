"""Which stages are redone, against a plain simulation of random graphs."""

import hashlib
import random

import pytest

from biaffine_tf.errors import ConfigError
from biaffine_tf.recipe.graph import (
    COMMAND,
    Record,
    dependents,
    find_due,
    in_order,
    run_due,
)


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def random_graph(rng, count):
    """Stages that need some of those before them, listed in any order."""
    needs = {
        f"s{number}": tuple(
            f"s{other}" for other in range(number) if rng.random() < 0.4
        )
        for number in range(count)
    }
    names = list(needs)
    rng.shuffle(names)
    return {name: needs[name] for name in names}


class World:
    """Commands and files of stages, and what their outputs would be."""

    def __init__(self, rng, needs):
        self.needs = needs
        self.commands = {name: [name, "1"] for name in needs}
        self.files = {name: "file" for name in needs}
        # Some stages write the same whatever they read of others.
        self.is_deaf = {name: rng.random() < 0.3 for name in needs}
        self.outputs = {}

    def inputs(self, name, outputs):
        return {
            COMMAND: self.commands[name],
            "file": self.files[name],
            **{
                f"the output of {one}": outputs[one] for one in self.needs[name]
            },
        }

    def output(self, name, inputs):
        read = () if self.is_deaf[name] else tuple(inputs.values())
        return digest(self.commands[name], self.files[name], read)

    def whole(self):
        """Inputs and outputs of all stages if all were run now."""
        inputs, outputs = {}, {}
        for name in sorted(self.needs, key=lambda one: int(one[1:])):
            inputs[name] = self.inputs(name, outputs)
            outputs[name] = self.output(name, inputs[name])
        return inputs, outputs


class Killed(Exception):
    pass


@pytest.mark.parametrize("seed", range(60))
def test_exactly_the_stages_with_other_inputs_are_redone(seed):
    rng = random.Random(seed)
    needs = random_graph(rng, rng.randint(1, 8))
    world = World(rng, needs)
    ordered = in_order(needs)
    records = {}
    last = {}  # inputs with which each stage was last run to its end
    for _ in range(6):
        for name in needs:
            if rng.random() < 0.15:
                world.commands[name] = [name, str(rng.randrange(3))]
            if rng.random() < 0.15:
                world.files[name] = f"file {rng.randrange(3)}"
        damaged = {name for name in world.outputs if rng.random() < 0.1}
        for name in damaged:
            world.outputs[name] = None
        run = []
        kill_at = rng.choice([None, None, rng.randrange(len(needs))])

        def execute(name, due, inputs, run=run, kill_at=kill_at):
            assert due.reasons
            records[name] = Record(inputs=inputs, is_clear=True)
            if len(run) == kill_at:
                raise Killed
            run.append(name)
            world.outputs[name] = world.output(name, inputs)
            records[name] = Record(
                inputs=inputs,
                is_clear=True,
                is_done=True,
                output=world.outputs[name],
            )
            return records[name]

        def inputs_of(name, known):
            outputs = {one: known[one].output for one in needs[name]}
            return world.inputs(name, outputs)

        def bring_up_to_date(execute=execute):
            return list(
                run_due(
                    ordered,
                    records,
                    inputs_of=inputs_of,
                    output_of=world.outputs.get,
                    execute=execute,
                )
            )

        try:
            bring_up_to_date()
        except Killed:
            kill_at = None
            bring_up_to_date(
                lambda name, due, inputs, inner=execute: inner(
                    name, due, inputs, kill_at=None
                )
            )
        inputs, outputs = world.whole()
        assert world.outputs == outputs
        want = {
            name
            for name in needs
            if last.get(name) != inputs[name] or name in damaged
        }
        assert len(run) == len(set(run)) and set(run) == want
        last = inputs
        assert run == [name for name in ordered if name in want]
        assert all(due is None for _, due in bring_up_to_date())


def test_order_keeps_that_of_the_file():
    assert in_order({"b": (), "a": (), "c": ("a",)}) == ["b", "a", "c"]
    assert in_order({"c": ("a",), "b": (), "a": ()}) == ["b", "a", "c"]
    with pytest.raises(ConfigError, match=r"need each other in a circle"):
        in_order({"a": ("b",), "b": ("a",), "c": ()})
    with pytest.raises(ConfigError, match=r"'a' needs 'x', which is no stage"):
        in_order({"a": ("x",)})


@pytest.mark.parametrize("seed", range(20))
def test_dependents_are_those_that_a_change_may_reach(seed):
    rng = random.Random(seed)
    needs = random_graph(rng, 7)
    start = rng.choice(list(needs))

    def reaches(name):
        return any(one == start or reaches(one) for one in needs[name])

    assert dependents(needs, [start]) == {n for n in needs if reaches(n)}


def test_reasons_say_what_has_changed():
    done = Record(
        inputs={COMMAND: ["train", "--a=1"], "x": "1", "y": "1"},
        is_clear=True,
        is_done=True,
        output="o",
    )
    due = find_due(done, {COMMAND: ["train", "--a=2"], "x": "2", "z": "1"}, "o")
    assert due.reasons == (
        "its command has changed (without --a=1, with --a=2)",
        "x has changed",
        "y is gone",
        "z is new",
    )
    assert find_due(None, {}, None).reasons == ("never run",)
    assert find_due(done, done.inputs, "o") is None
    assert "is missing" in find_due(done, done.inputs, None).reasons[0]
    assert "has changed" in find_due(done, done.inputs, "p").reasons[0]
    for is_clear in (False, True):
        half = Record(inputs={}, is_clear=is_clear)
        assert find_due(half, {}, None).continues is is_clear
