"""One value of ATDF as text, and back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fabyield.stdf.atdf.records import RADICES, TIMES
from fabyield.stdf.spec.fields import Field
from fabyield.stdf.spec.types import Bits

Form = tuple[Callable[[Any], str], Callable[[str], Any]]

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d+):(\d+):(\d+) +(\d+)-([A-Za-z]{3})-(\d{4})")
# A record of ATDF is one line, so a line break is written as its picture.
PICTURES = str.maketrans({"\n": "␊", "\r": "␍"})
BREAKS = str.maketrans({"␊": "\n", "␍": "\r"})
# The number of bits is a U2.
MOST_BITS = 2**16 - 1
_RADIX_NUMBERS = {letter: number for number, letter in RADICES.items()}


def _time_text(seconds: int) -> str:
    when = EPOCH + timedelta(seconds=seconds)
    month = MONTHS[when.month - 1]
    return f"{when.hour}:{when.minute:02}:{when.second:02} {when.day}-{month}-{when.year}"


def _seconds(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError("a time is h:mm:ss d-MMM-yyyy")
    hour, minute, second, day, month, year = match.groups()
    place = MONTHS.index(month.upper()) + 1
    when = datetime(int(year), place, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    return int((when - EPOCH).total_seconds())


def _real(text: str) -> float:
    with np.errstate(over="ignore"):
        value = float(np.float32(text))
    if np.isinf(value) and "inf" not in text.lower():
        raise ValueError("beyond the range of four bytes")
    return value


def _text(value: str) -> str:
    return value.translate(PICTURES)


def _escaped(text: str | None) -> str:
    return _text(text or "").replace("%", "%25").replace(",", "%2C")


def _unescaped(text: str) -> str | None:
    return text.replace("%2C", ",").replace("%25", "%").translate(BREAKS) or None


def _pins(bits: Bits) -> str:
    is_set = np.unpackbits(np.frombuffer(bits.data, np.uint8), bitorder="little")[: bits.size]
    return ",".join(map(str, np.flatnonzero(is_set).tolist()))


def _of_pins(text: str) -> Bits:
    pins = [int(pin) for pin in text.split(",")]
    if not all(0 <= pin < MOST_BITS for pin in pins):
        raise ValueError(f"a pin is a number from 0 to {MOST_BITS - 1:,}")
    is_set = np.zeros(max(pins) + 1, np.uint8)
    is_set[pins] = 1
    return Bits(is_set.size, np.packbits(is_set, bitorder="little").tobytes())


def _of_sized_bits(text: str) -> Bits:
    size, _, data = text.partition(":")
    return Bits(int(size), bytes.fromhex(data))


def _radix(letter: str) -> int:
    if letter and letter.upper() not in _RADIX_NUMBERS:
        raise ValueError(f"a radix is one of {', '.join(_RADIX_NUMBERS)}")
    return _RADIX_NUMBERS[letter.upper()] if letter else 0


def _listed(one: Form) -> Form:
    to_text, to_value = one
    return (
        lambda values: ",".join(map(to_text, values)),
        lambda text: [to_value(part) for part in text.split(",")],
    )


_PLAIN: dict[str, Form] = {
    "R4": (lambda number: str(np.float32(number)), _real),
    "R8": (repr, float),
    "N1": (lambda number: f"{number:X}", lambda text: int(text, 16)),
    **dict.fromkeys(("C1", "Cn", "Sn"), (_text, lambda text: text.translate(BREAKS))),
    "Bn": (lambda data: data.hex().upper(), bytes.fromhex),
    "Dn": (lambda bits: f"{bits.size}:{bits.data.hex().upper()}", _of_sized_bits),
}
_LISTED_TEXT: Form = (_escaped, _unescaped)


def plain(field: Field) -> Form:
    """Return the text form by STDF type alone: lists with commas, bits with their number."""
    one = _PLAIN.get(field.type, (str, int))
    if field.count is None:
        return one
    return _listed(_LISTED_TEXT if field.type in ("Cn", "Sn", "Cf") else one)


def standard(field: Field) -> Form:
    """Return the text form of a field in ATDF: times as dates, bits as pins, radices as letters."""
    if field.name in TIMES:
        return _time_text, _seconds
    if field.type == "Dn":
        return _pins, _of_pins
    if field.name == "grp_radx":
        return _listed((lambda radix: RADICES.get(radix, ""), _radix))
    return plain(field)
