"""STDF as ATDF, its form in text: one line per record.

What STDF says and ATDF has no word for stands behind the last field of a line as `NAME=value`
(OPT_FLAG=78: no limit, where ATDF knows only that none is given; FAIL_PIN=16:8101: the number of
bits), `NAME=` for a field that the record ends before. The records that V4-2007 added have no form
in ATDF: here they stand under their names, all fields in order of STDF, `%25` and `%2C` for the
percent sign and comma in lists of texts. A line break inside a text is written as its picture.

Lost are the byte order, the records of vendors, the pads and numbers of bits in a GDR, raw numbers
that a flag calls missing, the bits of a NaN, and where a record ended if only missing values
followed. Values are in base units, whatever their scale: the header says so.
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
    """Write records as lines of ATDF; give the number of vendors' records left out.

    `records` is called twice: first to see which character no text has, so that it can part
    fields. Raises StdfError where there is none.
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
    """Find a character that no text of the records has; `|` if it can be."""
    free = set(SEPARATORS)
    for _, _, fields in records:
        for text in _texts(fields.values()):
            free -= free.intersection(text)
    if not free:
        raise StdfError("texts have every character that could part the fields of ATDF")
    return min(free, key=SEPARATORS.index)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _texts(value)


def atdf_lines(records: Iterable[Decoded], separator: str = "|") -> Iterator[str]:
    """Give the lines of ATDF for records, the header first; those of vendors are left out.

    Raises StdfError where a text has the separator.
    """
    yield separator.join(("FAR:A", "4", "2"))
    for name, offset, fields in records:
        if name == "FAR" or name not in RECORDS:
            continue
        texts = _all_texts(name, fields)
        if any(separator in text for text in texts):
            raise StdfError(f"{name} at byte {offset:,}: {separator!r} in a text parts fields")
        yield f"{name}:{separator.join(texts)}"


def _all_texts(name: str, fields: Mapping[str, Any]) -> list[str]:
    texts = texts_of(name, fields)
    if name in OURS or name == "GDR":
        return texts
    more = list(_untold(name, fields, fields_of(name, texts)))
    return texts if not more else [*texts, *[""] * (len(ORDERS[name]) - len(texts)), *more]


def _untold(name: str, fields: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    """Name the fields that a reader of the standard ones would take for something else."""
    record = RECORDS[name]
    last = max((record.index(field) for field in told), default=-1)
    for place, field in enumerate(record.fields):
        value, known = fields.get(field.name), told.get(field.name)
        # What takes no bytes need not be told, nor what a writer fills in by itself.
        is_filled = known is None and (value == [] or (value == field.fill and place < last))
        if _same(value, known) or is_filled:
            continue
        last = max(last, place)
        yield f"{field.name.upper()}={'' if value is None else plain(field)[0](value)}"


def _same(one: object, other: object) -> bool:
    """Tell whether two values are equal in STDF, whose numbers have four bytes."""
    if isinstance(one, float) and isinstance(other, float):
        return np.float32(one).tobytes() == np.float32(other).tobytes()
    return one == other or repr(one) == repr(other)
