"""ATDF as STDF: lines of text to bytes of records.

It reads what this package writes, and the variants of others: months in any case, a line that
begins with a space and continues the one above, fields left off at the end. With U in the header,
numbers are as their UNITS say (1.5|mA); they are stored in base units, with the scale beside them.
OPT_FLAG of a limit that is not given says that it is the test's usual one: ATDF does not tell that
from one that does not exist.
"""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from itertools import islice
from typing import Any

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import decode_one
from fabyield.stdf.atdf.fields import fields_of
from fabyield.stdf.atdf.records import ORDERS
from fabyield.stdf.encode.values import ByteOrder
from fabyield.stdf.writer import BLOCK, encode_records, far

BEGIN = "FAR:A"
PREFIXES = {"f": 15, "p": 12, "n": 9, "u": 6, "m": 3, "K": -3, "k": -3, "M": -6, "G": -9, "T": -12}
# Only with these is the first letter a prefix: not the m of metres, nor the P of Pascals.
UNITS = ("A", "V", "W", "S", "s", "SEC", "F", "H", "HZ", "OHM", "OHMS", "Ω", "B", "BIT", "J", "C")
SCALED = ("result", "rtn_rslt", "lo_limit", "hi_limit", "lo_spec", "hi_spec")
SCALES = {"res_scal": ("result", "rtn_rslt"), "llm_scal": ("lo_limit",), "hlm_scal": ("hi_limit",)}
NO_RES_SCAL = 1
# A record holds 65,535 bytes; its line of text takes several times as many.
MOST_LETTERS = 1 << 20
TOO_LONG = f"more than {MOST_LETTERS:,} letters, which no record takes"

Numbered = tuple[int, tuple[str, Mapping[str, Any]]]


def is_atdf(content: bytes) -> bool:
    """Return whether content begins as ATDF does."""
    return content.removeprefix(b"\xef\xbb\xbf").startswith(BEGIN.encode())


def atdf_to_stdf(
    source: bytes | Iterable[bytes | str], byte_order: ByteOrder = "<"
) -> Iterator[bytes]:
    """Yield an STDF file piece by piece, from ATDF as bytes, stream or lines.

    Raises StdfError naming line, record, field and value where one is wrong.
    """
    yield far(byte_order)
    numbered = atdf_records(BytesIO(source) if isinstance(source, bytes) else source)
    while block := list(islice(numbered, BLOCK)):
        try:
            yield encode_records([record for _, record in block], byte_order)
        except StdfError:
            # Encoding all of them together is fast; one by one finds the line at fault.
            for number, record in block:
                try:
                    yield encode_records([record], byte_order)
                except StdfError as error:
                    raise StdfError(f"line {number:,}: {error}") from error


def atdf_records(source: Iterable[bytes | str]) -> Iterator[Numbered]:
    """Yield the number of the first line of each record, its name and its fields as STDF's."""
    lines = _whole_lines(source)
    number, header = next(lines, (1, ""))
    separator, is_unscaled = _header(number, header)
    scales: dict[tuple[str, Any], int] = {}
    for number, line in lines:
        name, _, rest = line.partition(":")
        name = name.strip().upper()
        try:
            if name == "FAR" or (name not in ORDERS and name != "GDR"):
                raise StdfError(f"{name[:20]!r}: ATDF has no record of this name here")
            fields = fields_of(name, rest.split(separator) if rest else [])
        except StdfError as error:
            raise StdfError(f"line {number:,}: {error}") from error
        yield number, (name, _in_base_units(name, fields, scales) if is_unscaled else fields)


def _whole_lines(source: Iterable[bytes | str]) -> Iterator[tuple[int, str]]:
    """Join lines that continue in the next, and number them by the first."""
    first, parts, letters = 0, list[str](), 0
    for number, raw in enumerate(source, 1):
        text: str = decode_one(raw) if isinstance(raw, bytes) else raw
        line = text.rstrip("\r\n")
        if line.startswith(" ") and parts:
            parts.append(line[1:])
            letters += len(line)
        elif line:
            if parts:
                yield first, "".join(parts)
            first, parts, letters = number, [line], len(line)
        if letters > MOST_LETTERS:
            raise StdfError(f"line {first:,}: {TOO_LONG}")
    if parts:
        yield first, "".join(parts)


def _header(number: int, line: str) -> tuple[str, bool]:
    line = line.removeprefix("\ufeff")
    if not line.startswith(BEGIN):
        raise StdfError(f"line {number:,}: ATDF begins with {BEGIN}, not with {line[:20]!r}")
    separator = line[len(BEGIN) : len(BEGIN) + 1] or "|"
    _, version, _, scaling, *_ = [*line.split(separator), "", "", ""]
    if version not in ("", "4"):
        raise StdfError(f"line {number:,}: FAR.stdf_ver: {version!r}; only version 4 can be read")
    return separator, scaling.strip().upper() == "U"


def _in_base_units(
    name: str, fields: dict[str, Any], known: dict[tuple[str, Any], int]
) -> dict[str, Any]:
    """Convert numbers to base units; a line without units has the scale of its test's last line."""
    test, units = (name, fields.get("test_num")), fields.get("units")
    if units:
        has_prefix = units[0] in PREFIXES and units[1:].upper() in UNITS
        known[test] = PREFIXES[units[0]] if has_prefix else 2 if units == "%" else 0
    scale = known.get(test, 0)
    if not scale:
        return fields
    based = {n: _times(fields[n], 10.0**-scale) for n in SCALED if n in fields}
    return fields | based | (_scales(fields, units, scale) if units else {})


def _scales(fields: Mapping[str, Any], units: str, scale: int) -> dict[str, Any]:
    """Return the base units, and the scale of each given number unless the line has its own."""
    scales = {
        name: fields.get(name, scale)
        for name, numbers in SCALES.items()
        if name in fields or any(number in fields for number in numbers)
    }
    flag = {"opt_flag": fields["opt_flag"] & ~NO_RES_SCAL} if "opt_flag" in fields else {}
    return {"units": units[1:] or None, **scales, **(flag if "res_scal" in scales else {})}


def _times(value: Any, factor: float) -> Any:  # noqa: ANN401
    return [one * factor for one in value] if isinstance(value, list) else value * factor
