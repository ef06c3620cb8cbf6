"""How the fields of a record are declared.

A field reads `name:type`, then what applies of:
`/width` (each element, Uf or Cf, takes as many bytes as that field says),
`*count` (an array as long as that field says, or of that number),
`=value` (this value means missing), `+value` (written when nothing is given),
`?flag&mask` (missing where that flag field has a bit of mask),
`@flag&mask=value` (stored only where that flag field, under mask, is value).

Where testers disagree on a layout, a record has others beside its first: they are tried on what
the first does not fit to the byte. Fields that only they have are read over.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from fabyield.stdf.spec.types import TEXTS, width_of


class Condition(NamedTuple):
    """A field is stored only where `flag`, under `mask`, is `value`."""

    flag: str
    mask: int
    value: int


@dataclass(frozen=True)
class Field:
    """One field of a record, by its STDF V4 name in lower case."""

    name: str
    type: str
    count: str | None = None
    fill: int | str = 0
    fill_is_missing: bool = False
    flag: str | None = None
    flag_mask: int = 0
    width: str | None = None
    stored: Condition | None = None


@dataclass(frozen=True)
class Record:
    """One kind of record: its name, type and subtype, and fields in order of storage.

    `others` are further layouts that are read, never written.
    """

    name: str
    type: int
    subtype: int
    fields: tuple[Field, ...] = ()
    others: tuple[tuple[Field, ...], ...] = ()

    @property
    def code(self) -> int:
        """Type and subtype as one number, type in the high byte."""
        return self.type << 8 | self.subtype

    @cached_property
    def places(self) -> dict[str, int]:
        """Position of each field."""
        return {field.name: place for place, field in enumerate(self.fields)}

    def index(self, field: str) -> int:
        """Position of `field` among the fields; KeyError if the record has none of that name."""
        return self.places[field]

    def ruled_by(self, flag: str) -> dict[int, tuple[str, ...]]:
        """Tell which fields decide each mask of a flag field: it is set where none is given."""
        ruled: dict[int, list[Field]] = {}
        for field in self.fields:
            if field.flag == flag:
                ruled.setdefault(field.flag_mask, []).append(field)
        return {mask: _widest(together) for mask, together in ruled.items()}


def _widest(fields: list[Field]) -> tuple[str, ...]:
    """Leave out a scale, which by itself does not make up for its limit."""
    most = max(width_of(field.type) for field in fields)
    return tuple(field.name for field in fields if width_of(field.type) == most)


_FIELD = re.compile(
    r"(?P<name>\w+):(?P<type>\w\w)(/(?P<width>\w+))?(\*(?P<count>\w+))?(=(?P<missing>-?\d+))?"
    r"(\+(?P<fill>\d+))?(\?(?P<flag>\w+)&(?P<mask>\d+))?"
    r"(@(?P<holder>\w+)&(?P<bits>\d+)=(?P<value>\d+))?"
)


def _field(text: str) -> Field:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} does not declare a field")
    part = match.groupdict()
    is_text = part["type"] in TEXTS
    blank = " " if part["type"] == "C1" else ""
    return Field(
        part["name"],
        part["type"],
        part["count"],
        fill=blank if is_text else int(part["missing"] or part["fill"] or 0),
        fill_is_missing=is_text or part["missing"] is not None,
        flag=part["flag"],
        flag_mask=int(part["mask"] or 0),
        width=part["width"],
        stored=_condition(part),
    )


def _condition(part: dict[str, str]) -> Condition | None:
    if part["holder"] is None:
        return None
    return Condition(part["holder"], int(part["bits"]), int(part["value"]))


def _fields(text: str) -> tuple[Field, ...]:
    return tuple(_field(declared) for declared in text.split())


def record(name: str, kind: int, subtype: int, fields: str = "", *others: str) -> Record:
    """Declare a record and its layouts; raises ValueError where a field is not well declared."""
    return Record(name, kind, subtype, _fields(fields), tuple(map(_fields, others)))


def always(fields: str) -> str:
    """Declare the same fields, all of them stored whatever the flags say."""
    return re.sub(r"@\S+", "", fields)
