"""What was measured: a row per test record, as soon as its part is known."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray, arrow, arrow_taken
from fabyield.stdf.compiled import ptr_values
from fabyield.stdf.compiled.buffers import Ints, Longs, taken
from fabyield.stdf.compiled.part_ownership import NOBODY
from fabyield.stdf.compiled.ptr_values import Measured
from fabyield.stdf.decode.damage import Refused
from fabyield.stdf.decode.definitions import Definitions
from fabyield.stdf.decode.parts import NEVER_CLOSED, WAITING, Touchdowns
from fabyield.stdf.decode.rows import Rows, no_rows
from fabyield.stdf.decode.scan import Chain

ARRAYS = MappingProxyType({"results": "rtn_rslt", "states": "rtn_stat", "rtn_indx": "rtn_indx"})
MULTI = ("alarm_id", "opt_flag", "start_in", "incr_in", "units_in")
IDENTITY = ("test_num", "head_num", "site_num", "test_flg", "test_txt")
WANTED: Final[Mapping[str, tuple[str, ...] | None]] = MappingProxyType(
    {
        "MPR": (*IDENTITY, *MULTI, "parm_flg", "rtn_icnt", "rslt_cnt", *ARRAYS.values()),
        "FTR": None,
    }
)
# Up to the flags that say what a record is worth.
LEAST: Final = MappingProxyType({"PTR": 5, "MPR": 5, "FTR": 4})
IN_NONE = -2
MEASURED_FROM = 4
_ALL = np.ones(1, np.bool_)
# Rows that wait for a part; more, and the parts still open are taken for never closed.
MOST_WAITING = 4_000_000
Columns = Mapping[str, ArrowArray]


class Results:
    """The rows of one name of record; they wait until the part of all before them is closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting = pa.table({})

    def add(self, rows: pa.Table) -> None:
        """Take the rows of a block, as `waiting` makes them."""
        held = self._waiting
        self._waiting = pa.concat_tables([held, rows]) if held.num_rows else rows

    def ready(
        self, parts: Touchdowns, definitions: Definitions, refused: list[Refused]
    ) -> pa.Table:
        """Give the rows before the first whose part is open; refuse those in no part."""
        if not self._waiting.num_rows:
            return no_results(self.name)
        part = self._parts(parts)
        while part.size - _known(part) > MOST_WAITING:
            # Only the part that keeps the others waiting.
            parts.give_up(int(self._waiting["pir"][_known(part)].as_py()))
            part = self._parts(parts)
        known = _known(part)
        rows, self._waiting = self._waiting.slice(0, known), self._waiting.slice(known)
        part = part[:known]
        if part.size and part.min() < 0:
            self._refuse(rows, part, refused)
            rows, part = rows.filter(pa.array(part >= 0)), part[part >= 0]
        return _with_parts(rows, part, parts, definitions)

    def renumber(self, pirs: Ints) -> None:
        """Follow the renumbering of PIRs."""
        rows = self._waiting
        if not rows.num_rows:
            return
        at = rows.schema.get_field_index("pir")
        pir = np.append(pirs, NOBODY).astype(np.int32)[rows["pir"].to_numpy()]
        self._waiting = rows.set_column(at, "pir", pa.array(pir))

    def pirs(self) -> Longs:
        """The PIRs of the rows that wait."""
        if not self._waiting.num_rows:
            return np.empty(0, np.int64)
        pir: Longs = self._waiting["pir"].to_numpy().astype(np.int64)
        return pir[pir >= 0]

    def _parts(self, parts: Touchdowns) -> Longs:
        pir = self._waiting["pir"].to_numpy()
        part: Longs = taken(np.append(parts.part, IN_NONE), pir)
        return part

    def _refuse(self, rows: pa.Table, part: Longs, refused: list[Refused]) -> None:
        offsets, sizes = (rows[n].to_numpy() for n in ("record_offset", "record_length"))
        for lacking, reason in (
            (IN_NONE, f"{self.name} outside PIR..PRR"),
            (NEVER_CLOSED, "part never closed by PRR"),
        ):
            lost = part == lacking
            if lost.any():
                reasons = [reason] * int(lost.sum())
                refused.append(Refused(offsets[lost], sizes[lost], self.name, reasons))


def _known(part: Longs) -> int:
    open_ = part == WAITING
    return int(np.argmax(open_)) if open_.any() else part.size


def _measured(rows: Rows) -> dict[str, ArrowArray]:
    if rows.record.name == "MPR":
        columns = {name: rows.column(field) for name, field in ARRAYS.items()}
        return {"parm_flg": rows.column("parm_flg"), **columns, **rows.columns(MULTI)}
    leading = ("test_num", "head_num", "site_num", "test_flg", "test_txt", "rtn_icnt", "pgm_icnt")
    return rows.columns(f.name for f in rows.record.fields if f.name not in leading)


def _waiting(
    chain: Chain, bounds: tuple[Longs, Longs], of: tuple[Ints, Ints], columns: Columns
) -> pa.Table:
    (start, end), (pir, test) = bounds, of
    return pa.table(
        {
            "record_offset": pa.array(start + chain.base),
            "record_length": pa.array(end - start),
            "pir": pa.array(pir),
            "test_index": pa.array(test),
            **columns,
        }
    )


def _with_parts(
    rows: pa.Table, part: Longs, parts: Touchdowns, definitions: Definitions
) -> pa.Table:
    test: ArrowArray = rows["test_index"]
    texts = definitions.texts().dictionary_encode()
    at = test.to_numpy()
    label = arrow_taken(texts.indices, at)
    place = parts.places(rows["pir"].to_numpy())
    first: dict[str, ArrowArray] = {"record_offset": rows["record_offset"]}
    first |= {"part_num": pa.array(part), **place}
    measured: dict[str, ArrowArray] = {
        name: rows[name] for name in rows.column_names[MEASURED_FROM:]
    }
    return pa.table(
        {
            **first,
            "test_index": test,
            "test_num": arrow_taken(definitions.numbers(), at),
            "test_txt": pa.DictionaryArray.from_arrays(label, texts.dictionary),
            **measured,
        }
    )


class Parametric:
    """The PTRs of a block: their values, and the kinds of which each is."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._index = chain.index("PTR")
        start, end = self._bounds = chain.bounds(self._index)
        test_flg, parm_flg = np.empty((2, self._index.size), np.int16)
        self._measured = Measured(test_flg, parm_flg, np.empty(self._index.size, np.uint32))
        ptr_values.measure(chain.data, chain.big, start, end, self._measured)
        self._kind, first = ptr_values.kinds(chain.data, start, end)
        self._kinds = Rows(chain, "PTR", least=None, index=self._index[first])
        self._good = self._kinds.readable(LEAST["PTR"])

    def telling(self) -> Rows:
        """Read the first PTR of each kind that can be read."""
        return self._kinds.some(np.flatnonzero(self._good))

    def waiting(self, owner: Ints, test: Ints) -> pa.Table:
        """Make the rows of the undamaged PTRs; `test` of each kind that can be read."""
        out, good = self._measured, self._good
        has_result = self._kinds.has("result")
        rows: Any = slice(None)
        if not good.all():
            rows = np.flatnonzero(good[self._kind])
            self._refuse()
        test_of = np.full(good.size, -1, np.int32)
        test_of[good] = test
        kind, (start, end) = self._kind[rows], self._bounds
        there = _ALL if has_result.all() else taken(has_result, kind)
        columns = {
            "test_flg": arrow(out.test_flg[rows], _ALL, pa.int16()),
            "parm_flg": arrow(out.parm_flg[rows], _ALL, pa.int16()),
            "result": arrow(out.result[rows].view(np.float32), there, pa.float32()),
            "alarm_id": _texts(self._kinds.column("alarm_id"), kind),
            "opt_flag": arrow_taken(self._kinds.column("opt_flag"), kind),
        }
        of = (taken(owner, self._index[rows]), taken(test_of, kind))
        return _waiting(self._chain, (start[rows], end[rows]), of, columns)

    def _refuse(self) -> None:
        for kind in np.flatnonzero(~self._good).tolist():
            index = self._index[self._kind == kind]
            (reason,) = self._kinds.faults(np.array([kind]))
            self._chain.refuse(index, "PTR", [reason] * index.size)


def _texts(of_kinds: ArrowArray, kind: Ints) -> ArrowArray:
    # Nearly always of none.
    is_said = of_kinds.null_count < len(of_kinds)
    return of_kinds.take(pa.array(kind)) if is_said else pa.nulls(kind.size, pa.string())


class Arrayed:
    """The MPRs or FTRs of a block."""

    def __init__(self, chain: Chain, name: str) -> None:
        self._rows = Rows(chain, name, WANTED[name], least=LEAST[name])
        self._kind, self._first = self._rows.kinds()

    def telling(self) -> Rows:
        """Read the first record of each kind."""
        return self._rows.some(self._first)

    def waiting(self, owner: Ints, test: Ints) -> pa.Table:
        """Make the rows of the undamaged records; `test` of each kind."""
        rows = self._rows
        columns = {"test_flg": rows.column("test_flg"), **_measured(rows)}
        of = (owner[rows.index], test[self._kind])
        return _waiting(rows.chain, rows.chain.bounds(rows.index), of, columns)


def measured(chain: Chain, name: str) -> Parametric | Arrayed:
    """Take the test records of one name from a block."""
    return Parametric(chain) if name == "PTR" else Arrayed(chain, name)


@cache
def no_results(name: str) -> pa.Table:
    """Make the table of no such records."""
    parts, none = Touchdowns(), np.empty(0, np.int32)
    parts.parts(no_rows("PRR"), none)
    rows = measured(no_rows(name).chain, name).waiting(none, none)
    return _with_parts(rows, none.astype(np.int64), parts, Definitions(""))
