from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

import pytest

from fabyield.errors import ConfigError
from fabyield.settings.typed import between, build, keyed, matching, sized


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    share: Annotated[float, between(0, 1)]


@dataclass(frozen=True)
class Outer:
    name: Annotated[str, matching("[a-z]+", "small letters")]
    colour: Colour = Colour.RED
    mode: Literal["on", "off"] = "on"
    inner: tuple[Inner, ...] = ()
    by_colour: dict[Colour, int] = field(default_factory=dict)
    pair: Annotated[list[int], sized(2, 2)] = field(default_factory=lambda: [0, 0])
    rule: Annotated[dict[str, str], keyed("a")] = field(default_factory=lambda: {"a": ""})
    note: str | None = None


def test_values_become_the_declared_types():
    values = {"name": "a", "inner": [{"share": 1}], "by_colour": {"red": 3}, "note": None}

    built = build(Outer, values, "f.yml")

    assert built == Outer("a", inner=(Inner(1.0),), by_colour={Colour.RED: 3})
    assert type(built.inner[0].share) is float and type(built.inner) is tuple


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "A"}, "f.yml: name: 'A', it must be small letters"),
        ({"nam": "a"}, "f.yml: unknown field 'nam'; did you mean name?"),
        ({"colour": "blue"}, "f.yml: colour: 'blue' is not one of red"),
        ({"mode": True}, "f.yml: mode: True is not one of on, off"),
        ({"inner": [{"share": 0}, {}]}, "f.yml: inner[1]: the field share is missing"),
        ({"inner": [{"share": 1.5}]}, "f.yml: inner[0].share: 1.5, it must be at least 0 and at"),
        (
            {"inner": [{"share": float("inf")}]},
            "f.yml: inner[0].share: inf, it must be finite and at least 0",
        ),
        ({"inner": [{"share": True}]}, "f.yml: inner[0].share: must be a number, not true or"),
        ({"by_colour": {"blue": 3}}, "f.yml: by_colour: 'blue' is not one of red"),
        ({"pair": [1]}, "f.yml: pair: entries: 1, it must be at least 2 and at most 2"),
        ({"rule": {"b": ""}}, "f.yml: rule: its keys must be a"),
        ({"note": 5}, "f.yml: note: must be a text, not a whole number"),
    ],
)
def test_wrong_value_is_refused_with_its_file_place_and_bound(change, message):
    with pytest.raises(ConfigError) as refused:
        build(Outer, {"name": "a"} | change, "f.yml")

    assert str(refused.value).startswith(message)


def test_file_that_holds_no_mapping_is_named():
    with pytest.raises(ConfigError, match=r"^f\.yml: must be a mapping, not empty$"):
        build(Outer, None, "f.yml")
