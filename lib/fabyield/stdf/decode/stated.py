"""What test records state about their test, and what they state for themselves alone."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Flags, Ints
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.codes import PADDING
from fabyield.stdf.spec.records import RECORDS
from fabyield.stdf.spec.types import ARROW

TYPES: Final[dict[str, ArrowArray]] = {
    f.name: ARROW.get(f.type, pa.string()) for f in RECORDS["MPR"].fields
}
LIMITS = ("lo_limit", "hi_limit", "lo_spec", "hi_spec")
OWN = ("units", "lo_limit", "hi_limit", "res_scal", "llm_scal", "hlm_scal")
OWN_LIMITS = pa.struct([(name, TYPES[name]) for name in OWN])
# Bits of OPT_FLAG that say that a limit does not exist.
NO_LIMIT: Final = MappingProxyType(
    {"lo_limit": 64, "llm_scal": 64, "hi_limit": 128, "hlm_scal": 128}
)
# Bits of OPT_FLAG that leave a field to the first record of the test. A unit has none: it is left
# where scale and both limits are.
INHERITS: Final = MappingProxyType(
    {"units": 49, "res_scal": 1, "lo_limit": 16, "llm_scal": 16, "hi_limit": 32, "hlm_scal": 32}
)
# SCPI's infinity; testers also write the largest float, infinity or NaN for no limit.
INFINITE = pa.scalar(9.9e37, pa.float32())
EMPTY = pa.scalar("")
NO_LIMIT_IS: Final = MappingProxyType({"lo_limit": -np.inf, "hi_limit": np.inf})


def stated(rows: Rows, field: str) -> tuple[ArrowArray, Flags]:
    """Return a field of test records, and which of them state it, be it that there is none.

    Limits that bound nothing are null: NaN, and from 9.9e37 on. Source: SCPI 1999, volume 1, 7.2.1.
    """
    column = rows.column(field)
    says = np.asarray(column.is_valid()) | _says_none(rows, field)
    if field in LIMITS:
        column = pc.if_else(pc.less(pc.abs(column), INFINITE), column, pa.scalar(None, column.type))
    elif field == "units":
        column = pc.utf8_trim(column, PADDING)
        column = pc.if_else(pc.equal(column, EMPTY), pa.scalar(None, column.type), column)
        says = np.asarray(column.is_valid())
    return column, says


def _says_none(rows: Rows, field: str) -> Flags:
    says_none = rows.integers("opt_flag") & NO_LIMIT.get(field, 0) != 0
    return np.asarray(rows.has("opt_flag") & says_none)


def statement(rows: Rows, test: Ints) -> bytes:
    """Return what test records state of OWN_LIMITS, by test; equal only if they state the same."""
    order = np.argsort(test, kind="stable")
    numbers = [rows.codes(name)[order] for name in ("opt_flag", *OWN[1:])]
    units = rows.column("units").take(pa.array(order)).to_pylist()
    return np.stack([test[order], rows.reach()[order], *numbers]).tobytes() + repr(units).encode()


def own_limits(
    rows: Rows, test: Ints, usual: Callable[[str], ArrowArray], may_be_other: Flags
) -> ArrowArray | None:
    """Return OWN_LIMITS of test records, null for those that hold to their test's; None if all do.

    A record that may be of another test has all that it states. `usual` gives a field of every
    test. A field is null where it is the test's; a limit that the record says not to have is
    infinite. Source: STDF V4, PTR, default data.
    """
    own, differing = [], np.zeros(len(rows), np.bool_)
    for name in OWN:
        column, says = stated(rows, name)
        says &= rows.integers("opt_flag") & INHERITS[name] != INHERITS[name]
        nothing = pa.nulls(len(rows), column.type)
        if not says.any():
            own.append(nothing)
            continue
        is_other = np.asarray(_is_distinct(column, usual(name).take(pa.array(test))))
        column = with_infinite(name, column)
        # Only a limit can be said not to exist, and the scale of one that does not means nothing.
        differs = says & (is_other | may_be_other) & np.asarray(column.is_valid())
        own.append(pc.if_else(pa.array(differs), column, nothing))
        differing |= differs
    if not differing.any():
        return None
    return pa.StructArray.from_arrays(own, fields=list(OWN_LIMITS), mask=pa.array(~differing))


def other_than(own: ArrowArray, usual: Callable[[str], ArrowArray]) -> ArrowArray:
    """Return OWN_LIMITS without the fields that equal the usual ones, infinite for no limit.

    `usual` gives a field for each row, null where nothing is known to compare with.
    """
    fields, differing = [], np.zeros(len(own), np.bool_)
    for name in OWN:
        column: ArrowArray = pc.struct_field(own, name)
        same: ArrowArray = pc.equal(column, usual(name))
        fields.append(pc.if_else(same.fill_null(False), pa.scalar(None, column.type), column))
        differing |= np.asarray(fields[-1].is_valid())
    return pa.StructArray.from_arrays(fields, fields=list(OWN_LIMITS), mask=pa.array(~differing))


def with_infinite(name: str, column: ArrowArray) -> ArrowArray:
    """Return a field of OWN_LIMITS with an infinite number in place of no limit."""
    return pc.fill_null(column, NO_LIMIT_IS[name]) if name in NO_LIMIT_IS else column


def _is_distinct(one: ArrowArray, other: ArrowArray) -> ArrowArray:
    """Return whether values differ, where a null differs from any value."""
    differ: ArrowArray = pc.not_equal(one, other)
    return pc.or_(pc.xor(one.is_null(), other.is_null()), differ.fill_null(False))
