"""ATDF as STDF: lines of text to bytes of records.

Beside what this package writes, it takes what others do: months in any case, lines that begin with
a space and go on where the one above ended, fields left off at the end. A header that says U has
its numbers as their UNITS say (1.5|mA); they are stored in base units, with the scale beside them.
Of a limit that is not given OPT_FLAG says that it is the test's usual one: ATDF does not tell that
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
from fabyield.stdf.encode.columns import encode
from fabyield.stdf.encode.values import ByteOrder
from fabyield.stdf.writer import BLOCK, CPU_TYPES, encode_records

BEGIN = "FAR:A"
PREFIXES = {"f": 15, "p": 12, "n": 9, "u": 6, "m": 3, "K": -3, "k": -3, "M": -6, "G": -9, "T": -12}
# Without them the m of metres, or the P of Pascals, would be taken for a prefix.
UNITS = ("A", "V", "W", "S", "s", "SEC", "F", "H", "HZ", "OHM", "OHMS", "Ω", "B", "BIT", "J", "C")
SCALED = ("result", "rtn_rslt", "lo_limit", "hi_limit", "lo_spec", "hi_spec")
SCALES = ("res_scal", "llm_scal", "hlm_scal")
NO_RES_SCAL = 1
# A record holds 65,535 bytes; a line of it, as text, several times as many.
MOST_LETTERS = 1 << 20
TOO_LONG = f"more than {MOST_LETTERS:,} letters, which no record takes"

Line = tuple[int, str]
Told = tuple[int, tuple[str, Mapping[str, Any]]]


def is_atdf(content: bytes) -> bool:
    """Tell ATDF by how its content begins."""
    return content.removeprefix(b"\xef\xbb\xbf").startswith(BEGIN.encode())


def atdf_to_stdf(
    source: bytes | Iterable[bytes | str], byte_order: ByteOrder = "<"
) -> Iterator[bytes]:
    """Give the content of an STDF file piece by piece, from ATDF as bytes, stream or lines.

    Raises StdfError naming line, record, field and value where one is not as it should be.
    """
    yield encode(
        "FAR", {"cpu_type": CPU_TYPES[byte_order], "stdf_ver": 4}, byte_order
    ).data.tobytes()
    told = atdf_records(BytesIO(source) if isinstance(source, bytes) else source)
    while block := list(islice(told, BLOCK)):
        yield _encoded(block, byte_order)


def _encoded(block: list[Told], byte_order: ByteOrder) -> bytes:
    try:
        return encode_records([record for _, record in block], byte_order)
    except StdfError:
        # Together they are fast; one by one tells which line it was.
        return b"".join(_of_line(number, record, byte_order) for number, record in block)


def _of_line(number: int, record: tuple[str, Mapping[str, Any]], byte_order: ByteOrder) -> bytes:
    try:
        return encode_records([record], byte_order)
    except StdfError as error:
        raise StdfError(f"line {number:,}: {error}") from error


def atdf_records(source: Iterable[bytes | str]) -> Iterator[Told]:
    """Give the number of the first line of each record, its name and its fields as STDF's."""
    lines = _whole_lines(source)
    number, header = next(lines, (1, ""))
    separator, is_unscaled = _header(number, header)
    units = Units()
    for number, line in lines:
        name, _, rest = line.partition(":")
        name = name.strip().upper()
        try:
            fields = _fields(name, rest.split(separator) if rest else [])
        except StdfError as error:
            raise StdfError(f"line {number:,}: {error}") from error
        yield number, (name, units.based(name, fields) if is_unscaled else fields)


def _fields(name: str, texts: list[str]) -> dict[str, Any]:
    if name == "FAR" or (name not in ORDERS and name != "GDR"):
        raise StdfError(f"{name[:20]!r}: no record of ATDF has this name here")
    return fields_of(name, texts)


def _whole_lines(source: Iterable[bytes | str]) -> Iterator[Line]:
    """Join lines that go on in the next, and number them by the first."""
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


class Units:
    """The scales of the units of the tests so far: a line without units has those before it."""

    def __init__(self) -> None:
        self._scales: dict[tuple[str, Any], int] = {}

    def based(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Put the numbers of a record in base units, beside the scale to show them at."""
        test, units = (name, fields.get("test_num")), fields.get("units")
        if units:
            self._scales[test] = _scale_of(units)
        scale = self._scales.get(test, 0)
        if not scale:
            return fields
        based = {n: _times(fields[n], 10.0**-scale) for n in SCALED if n in fields}
        return fields | based | (_shown(fields, units, scale) if units else {})


def _scale_of(units: str) -> int:
    if units == "%":
        return 2
    return PREFIXES[units[0]] if units[0] in PREFIXES and units[1:].upper() in UNITS else 0


def _shown(fields: Mapping[str, Any], units: str, scale: int) -> dict[str, Any]:
    """Show each number that is given at the scale of its units, unless the line says otherwise."""
    numbers = (("result", "rtn_rslt"), ("lo_limit",), ("hi_limit",))
    scales = {
        name: fields.get(name, scale)
        for name, shown in zip(SCALES, numbers, strict=True)
        if name in fields or any(number in fields for number in shown)
    }
    flag = {"opt_flag": fields["opt_flag"] & ~NO_RES_SCAL} if "opt_flag" in fields else {}
    return {"units": units[1:] or None, **scales, **(flag if "res_scal" in scales else {})}


def _times(value: Any, factor: float) -> Any:  # noqa: ANN401
    return [one * factor for one in value] if isinstance(value, list) else value * factor
