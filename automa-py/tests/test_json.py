"""What goes in as JSON comes out as it was; what JSON cannot hold is refused with its place."""

from collections import OrderedDict
from enum import IntEnum

import pytest
from conftest import LONG

import automa


class Colour(IntEnum):
    RED = 3


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """Gives back what a script made of a value."""
    with automa.open(tmp_path_factory.mktemp("json") / "data") as a:
        script = a.add_script("echo", "def main(value):\n    return [value]")

        def run(value):
            execution = a.run(script, {"value": value}).wait(LONG)
            assert execution.reason is None
            assert execution.input == {"value": value}
            (result,) = execution.result
            return result

        yield run


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    with automa.open(tmp_path_factory.mktemp("json") / "data", start=False) as a:
        yield a.add_agent("agent", a.add_script("script", "pass"))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -(2**63),
        2**64 - 1,
        1.5,
        -0.1,
        1e300,
        5e-324,
        "",
        'ü€𝄞\0\n"\\',
        [],
        {},
        [[1], {"a": [None, {"b": "c"}]}],
        {"": 1, "ü": 2},
    ],
)
def test_values_come_back_as_they_went(echo, value):
    back = echo(value)
    assert back == value
    assert type(back) is type(value)


def test_lookalikes_become_what_they_look_like(echo, agent):
    assert echo([1, 2]) == [1, 2]
    agent.update(config={"tuple": (1, (2,)), "enum": Colour.RED, "ordered": OrderedDict(a=1), "flag": True})
    assert agent.config == {"tuple": [1, [2]], "enum": 3, "ordered": {"a": 1}, "flag": True}
    assert agent.config["flag"] is True


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def cycle():
    value = {}
    value["again"] = [value]
    return value


@pytest.mark.parametrize(
    ("value", "place", "says"),
    [
        ({"rows": [{}, {"price": {1, 2}}]}, "config.rows[1].price", "of type set"),
        ({"a": [b"bytes"]}, "config.a[0]", "of type bytes"),
        ({"a": object()}, "config.a", "of type object"),
        ({"a": {1: 2}}, "config.a", "the key 1"),
        ({None: 2}, "config", "the key None"),
        ({"a": float("nan")}, "config.a", "finite"),
        ({"a": [1.0, float("-inf")]}, "config.a[1]", "finite"),
        ({"a": 2**64}, "config.a", "64 bits"),
        ({"a": -(2**63) - 1}, "config.a", "64 bits"),
        ({"a": 10**5000}, "config.a", "64 bits"),
        ({"a": "\udc80"}, "config.a", "surrogate"),
        ({"\udc80": 1}, "config", "surrogate"),
        (cycle(), "config", "deep"),
        ({"a": nested(64)}, "config", "deep"),
        ({"a": nested(100_000)}, "config", "deep"),
        ({"a": "x" * (256 * 1024)}, "config", "too large"),
        ({"a": [0] * 10_000_000}, "config", "too large"),
        ({str(number): None for number in range(100_000)}, "config", "too large"),
        ([1], "config", "object"),
        ("text", "config", "object"),
        (5, "config", "object"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_what_json_cannot_hold_is_refused_with_its_place(agent, value, place, says):
    before = agent.revision
    with pytest.raises(automa.InvalidError) as caught:
        agent.update(config=value)
    ((field, message),) = caught.value.problems
    assert field == place
    assert says in message
    agent.refresh()
    assert agent.revision == before


def test_the_deepest_nesting_that_is_allowed(agent):
    agent.update(config={"a": nested(63)})
    assert agent.config == {"a": nested(63)}
