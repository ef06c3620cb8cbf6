"""How the fields of a record are declared.

A field reads `name:type`, followed by whatever applies of:
`/width` (each element, Uf or Cf, takes as many bytes as that field says),
`*count` (an array as long as that field says, or of that fixed length),
`=value` (this value means missing), `+value` (the default that the writer fills in),
`?flag&mask` (missing where that flag field has a bit of mask set),
`@flag&mask=value` (stored only where that flag field, under mask, equals value).

Where testers disagree on a layout, a record has other layouts after a `|`: the reader tries them
on records that the first layout does not fit to the byte. It skips fields that only they have.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from fabyield.stdf.spec.types import TEXTS, width_of


class Condition(NamedTuple):
    """A field is stored only where `flag`, under `mask`, equals `value`."""

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
    """One kind of record, its fields in order of storage; `others` are layouts only for reading."""

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
        """Position of each field, by name in order of storage."""
        return {field.name: place for place, field in enumerate(self.fields)}

    def field(self, name: str) -> Field:
        """Return the field `name`; raise KeyError if the record has none."""
        return self.fields[self.places[name]]

    def fields_by_mask(self, flag: str) -> dict[int, tuple[str, ...]]:
        """Return, per mask of a flag field, the fields of which at least one must be given."""
        ruled: dict[int, list[Field]] = {}
        for field in self.fields:
            if field.flag == flag:
                ruled.setdefault(field.flag_mask, []).append(field)
        widest = {mask: max(width_of(f.type) for f in fields) for mask, fields in ruled.items()}
        # A scale, narrower than its limit, does not replace it.
        return {
            mask: tuple(f.name for f in fields if width_of(f.type) == widest[mask])
            for mask, fields in ruled.items()
        }


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
    condition = (part["holder"], int(part["bits"] or 0), int(part["value"] or 0))
    return Field(
        part["name"],
        part["type"],
        part["count"],
        fill=blank if is_text else int(part["missing"] or part["fill"] or 0),
        fill_is_missing=is_text or part["missing"] is not None,
        flag=part["flag"],
        flag_mask=int(part["mask"] or 0),
        width=part["width"],
        stored=Condition(*condition) if part["holder"] else None,
    )


def record(text: str) -> Record:
    """Parse `NAME type subtype field... | other layout`; raise ValueError for a bad field."""
    head, *layouts = text.split("|")
    name, kind, subtype, *first = head.split()
    fields, *others = (
        tuple(map(_field, layout)) for layout in (first, *(other.split() for other in layouts))
    )
    return Record(name, int(kind), int(subtype), fields, tuple(others))
