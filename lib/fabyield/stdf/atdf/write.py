"""STDF as ATDF, its text form: one line per record.

Where ATDF has no word for a field of STDF, the field follows the last one as `NAME=value`
(OPT_FLAG=78: no limit, where ATDF only knows that none is given; FAIL_PIN=16:8101: the number of
bits), or as `NAME=` if the record ends before it. The records that V4-2007 added have no form in
ATDF: here they have their own names and all fields in order of STDF, with `%25` and `%2C` for the
percent sign and comma in lists of texts. A line break inside a text is written as its picture.

ATDF loses the byte order, the records of vendors, the pads and numbers of bits in a GDR, raw
numbers that a flag marks as missing, the bits of a NaN, and where a record ended if only missing
values followed. Values are in base units, whatever their scale: the header says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.atdf.fields import fields_of, texts_of
from fabyield.stdf.atdf.records import ORDERS, OURS
from fabyield.stdf.atdf.values import plain
from fabyield.stdf.decode.single_records import Decoded
from fabyield.stdf.spec.records import RECORDS

# None of them is part of a number, date, list or name.
SEPARATORS = "|^~;!$&@#*<>?{}[]\\`\t\x1f\x1e\x1d\x1c"


def write_atdf(records: Callable[[], Iterable[Decoded]], out: TextIO) -> int:
    """Write records as lines of ATDF; return the number of vendors' records left out.

    `records` is called twice: first to find a separator that no text contains. Raises StdfError
    where there is none.
    """
    separator = free_separator(records())
    skipped = 0

    def counted() -> Iterator[Decoded]:
        nonlocal skipped
        for one in records():
            skipped += one[0] not in RECORDS
            yield one

    out.writelines(f"{line}\n" for line in atdf_lines(counted(), separator))
    return skipped


def free_separator(records: Iterable[Decoded]) -> str:
    """Return the first of SEPARATORS, beginning with `|`, that no text of the records contains."""
    free = set(SEPARATORS)
    for _, _, fields in records:
        for text in _texts(fields.values()):
            free -= free.intersection(text)
    if not free:
        raise StdfError("the texts contain every character that could separate the fields of ATDF")
    return min(free, key=SEPARATORS.index)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _texts(value)


def atdf_lines(records: Iterable[Decoded], separator: str = "|") -> Iterator[str]:
    """Yield the lines of ATDF, header first, without the records of vendors.

    Raises StdfError where a text contains the separator.
    """
    yield separator.join(("FAR:A", "4", "2"))
    for name, offset, fields in records:
        if name == "FAR" or name not in RECORDS:
            continue
        texts = texts_of(name, fields)
        if name not in OURS and name != "GDR":
            more = list(_extra(name, fields, fields_of(name, texts)))
            texts += [*[""] * (len(ORDERS[name]) - len(texts)), *more] if more else []
        if any(separator in text for text in texts):
            raise StdfError(
                f"{name} at byte {offset:,}: a text contains the separator {separator!r}"
            )
        yield f"{name}:{separator.join(texts)}"


def _extra(name: str, fields: Mapping[str, Any], read: Mapping[str, Any]) -> Iterator[str]:
    """Write the fields by name that would be `read` differently from the standard ones."""
    record = RECORDS[name]
    last = max((record.places[field] for field in read), default=-1)
    for place, field in enumerate(record.fields):
        value, known = fields.get(field.name), read.get(field.name)
        # Fields without bytes can be left out, and those that the writer fills in by itself.
        is_filled = known is None and (value == [] or (value == field.fill and place < last))
        if _same(value, known) or is_filled:
            continue
        last = max(last, place)
        yield f"{field.name.upper()}={'' if value is None else plain(field)[0](value)}"


def _same(one: object, other: object) -> bool:
    """Return whether two values are equal in STDF, where numbers have four bytes."""
    if isinstance(one, float) and isinstance(other, float):
        return np.float32(one).tobytes() == np.float32(other).tobytes()
    return one == other or repr(one) == repr(other)
