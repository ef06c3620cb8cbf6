"""Test results: a row per test record, as soon as its part is closed."""

from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray, take_numbers, to_arrow
from fabyield.stdf.compiled import ptr_values
from fabyield.stdf.compiled.buffers import Ints, Longs, take
from fabyield.stdf.compiled.part_ownership import NOBODY
from fabyield.stdf.compiled.ptr_values import Measured
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.decode.definitions import KINDS, Definitions
from fabyield.stdf.decode.parts import NEVER_CLOSED, WAITING, Touchdowns
from fabyield.stdf.decode.rows import Rows, no_rows
from fabyield.stdf.decode.shared_numbers import Places, SharedNumbers
from fabyield.stdf.decode.stated import OWN, OWN_LIMITS

ARRAYS = MappingProxyType({"results": "rtn_rslt", "states": "rtn_stat", "rtn_indx": "rtn_indx"})
MULTI = ("alarm_id", "opt_flag", "start_in", "incr_in", "units_in")
IDENTITY = ("test_num", "head_num", "site_num", "test_flg", "test_txt")
MPR_FIELDS = (*IDENTITY, *MULTI, *OWN, "parm_flg", "rtn_icnt", "rslt_cnt", *ARRAYS.values())
# Up to the flags that say whether a result counts.
LEAST: Final = MappingProxyType({"PTR": 5, "MPR": 5, "FTR": 4})
IN_NONE = -2
MEASURED_FROM = 4
_ALL = np.ones(1, np.bool_)
# With more rows than this waiting for a part, the parts still open count as never closed.
MOST_WAITING = 4_000_000


class Results:
    """The rows of one record name; each waits until all parts before it are closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting = pa.table({})
        self._shared = SharedNumbers(KINDS[name])

    def add(self, rows: pa.Table, definitions: Definitions) -> None:
        """Add the rows of a block, whose tests were added last."""
        waiting = self._waiting
        self._waiting = pa.concat_tables([waiting, rows]) if waiting.num_rows else rows
        self._shared.remember(self._waiting, definitions)

    def ready(
        self, parts: Touchdowns, definitions: Definitions, refused: list[pa.Table]
    ) -> pa.Table:
        """Return the rows before the first with an open part; refuse those outside any part."""
        if not self._waiting.num_rows:
            return no_results(self.name)
        while True:
            pir = self._waiting["pir"].to_numpy()
            part: Longs = take(np.append(parts.part, IN_NONE), pir)
            is_open = part == WAITING
            known = int(np.argmax(is_open)) if is_open.any() else part.size
            if part.size - known <= MOST_WAITING:
                break
            # Give up only the part that keeps the others waiting.
            parts.give_up(int(pir[known]))
        rows, self._waiting = self._waiting.slice(0, known), self._waiting.slice(known)
        part = part[:known]
        if part.size and part.min() < 0:
            self._refuse(rows, part, refused)
            rows, part = rows.filter(part >= 0), part[part >= 0]
        if definitions.shared(KINDS[self.name]):
            unfinished = np.append(parts.part, IN_NONE)[self.pirs()]
            site, closed_at = parts.ends(rows["pir"].to_numpy())
            places = Places(part, site, closed_at, unfinished)
            rows = self._shared.told_apart(rows, places, definitions)
        return _with_parts(rows, part, parts, definitions)

    def renumber(self, pirs: Ints) -> None:
        """Replace the numbers of PIRs."""
        rows = self._waiting
        if rows.num_rows:
            pir = np.append(pirs, NOBODY).astype(np.int32)[rows["pir"].to_numpy()]
            at = rows.schema.get_field_index("pir")
            self._waiting = rows.set_column(at, "pir", pa.array(pir))

    def pirs(self) -> Longs:
        """Return the PIRs of the rows that wait."""
        if not self._waiting.num_rows:
            return np.empty(0, np.int64)
        pir: Longs = self._waiting["pir"].to_numpy().astype(np.int64)
        return pir[pir >= 0]

    def _refuse(self, rows: pa.Table, part: Longs, refused: list[pa.Table]) -> None:
        offsets, sizes = (rows[n].to_numpy() for n in ("record_offset", "record_length"))
        for lacking, reason in (
            (IN_NONE, f"{self.name} outside PIR..PRR"),
            (NEVER_CLOSED, "part never closed by PRR"),
        ):
            lost = part == lacking
            reasons = [reason] * int(lost.sum())
            refused.append(refused_rows(offsets[lost], sizes[lost], self.name, reasons))


def _waiting(
    chain: Chain, bounds: tuple[Longs, Longs], of: tuple[Ints, Ints], columns: dict[str, ArrowArray]
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
    texts = definitions.texts().dictionary_encode()
    at = definitions.first_of(rows["test_index"].to_numpy())
    columns: dict[str, ArrowArray] = {
        "record_offset": rows["record_offset"],
        "part_num": pa.array(part),
        **parts.places(rows["pir"].to_numpy()),
        "test_index": pa.array(at),
        "test_num": take_numbers(definitions.numbers(), at),
        "test_txt": pa.DictionaryArray.from_arrays(
            take_numbers(texts.indices, at), texts.dictionary
        ),
        **{name: rows[name] for name in rows.column_names[MEASURED_FROM:]},
    }
    return pa.table(columns)


def _own_limits(own: ArrowArray | None, kind: Longs) -> ArrowArray:
    return pa.nulls(kind.size, OWN_LIMITS) if own is None else own.take(pa.array(kind))


class PtrResults:
    """The results of the PTRs of a block, and the kind of each PTR."""

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

    def first_of_kinds(self) -> Rows:
        """Return the first PTR of each readable kind, with all fields."""
        return self._kinds.some(np.flatnonzero(self._good))

    def rows(self, owner: Ints, test: Ints, own: ArrowArray | None) -> pa.Table:
        """Return the rows of the undamaged PTRs, given test and own limits of each good kind."""
        out, good = self._measured, self._good
        has_result = self._kinds.has("result")
        rows: Any = slice(None)
        if not good.all():
            rows = np.flatnonzero(good[self._kind])
            self._refuse()
        test_of = np.full(good.size, -1, np.int32)
        test_of[good] = test
        kind, (start, end) = self._kind[rows], self._bounds
        there = _ALL if has_result.all() else take(has_result, kind)
        alarms = self._kinds.column("alarm_id")
        has_alarm = alarms.null_count < len(alarms)
        columns = {
            "test_flg": to_arrow(out.test_flg[rows], _ALL, pa.int16()),
            "parm_flg": to_arrow(out.parm_flg[rows], _ALL, pa.int16()),
            "result": to_arrow(out.result[rows].view(np.float32), there, pa.float32()),
            "alarm_id": alarms.take(kind) if has_alarm else pa.nulls(kind.size, pa.string()),
            "opt_flag": take_numbers(self._kinds.column("opt_flag"), kind),
            "own_limits": _own_limits(own, take(np.cumsum(good) - 1, kind)),
        }
        of = (take(owner, self._index[rows]), take(test_of, kind))
        return _waiting(self._chain, (start[rows], end[rows]), of, columns)

    def _refuse(self) -> None:
        bad = np.flatnonzero(~self._good)
        for kind, reason in zip(bad.tolist(), self._kinds.faults(bad), strict=True):
            index = self._index[self._kind == kind]
            self._chain.refuse(index, "PTR", [reason] * index.size)


class ArrayResults:
    """The results of the MPRs or FTRs of a block."""

    def __init__(self, chain: Chain, name: str) -> None:
        self._rows = Rows(chain, name, MPR_FIELDS if name == "MPR" else None, least=LEAST[name])
        self._kind, self._first = self._rows.kinds(OWN if name == "MPR" else ())

    def first_of_kinds(self) -> Rows:
        """Return the first record of each kind, with all fields."""
        return self._rows.some(self._first)

    def rows(self, owner: Ints, test: Ints, own: ArrowArray | None) -> pa.Table:
        """Return the rows of the undamaged records, given test and own limits of each kind."""
        rows = self._rows
        columns = {"test_flg": rows.column("test_flg")}
        if rows.record.name == "MPR":
            columns["parm_flg"] = rows.column("parm_flg")
            columns |= {name: rows.column(field) for name, field in ARRAYS.items()}
            columns |= rows.columns(MULTI)
            columns["own_limits"] = _own_limits(own, self._kind)
        else:
            leading = {*IDENTITY, "rtn_icnt", "pgm_icnt"}
            columns |= rows.columns(name for name in rows.record.places if name not in leading)
        of = (owner[rows.index], test[self._kind])
        return _waiting(rows.chain, rows.chain.bounds(rows.index), of, columns)


def results_of(chain: Chain, name: str) -> PtrResults | ArrayResults:
    """Return the test results of one record name in a block."""
    return PtrResults(chain) if name == "PTR" else ArrayResults(chain, name)


@cache
def no_results(name: str) -> pa.Table:
    """Return the table of no results."""
    parts, none = Touchdowns(), np.empty(0, np.int32)
    parts.parts(no_rows("PRR"), none)
    rows = results_of(no_rows(name).chain, name).rows(none, none, None)
    return _with_parts(rows, none.astype(np.int64), parts, Definitions(""))
