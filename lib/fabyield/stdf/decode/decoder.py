"""From the records of a block to the tables of a batch."""

from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Ints
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_table
from fabyield.stdf.decode.definitions import Definitions
from fabyield.stdf.decode.file_tables import Header, Wafers
from fabyield.stdf.decode.pairs import Pairs
from fabyield.stdf.decode.parts import Touchdowns
from fabyield.stdf.decode.results import Results, no_results, results_of
from fabyield.stdf.decode.rows import Rows, no_rows
from fabyield.stdf.decode.tables import MEASURED, StdfTables
from fabyield.stdf.spec.records import RECORDS

LEAST_FIELDS: Final = {"PIR": 2, "PRR": 3, "WIR": 1, "WRR": 1, "HBR": 3, "SBR": 3}
OWN_TABLE: Final = {
    **{"part_counts": "PCR", "test_counts": "TSR", "sites": "SDR"},
    **{"pins": "PMR", "text": "DTR"},
}
# The tables that are decoded even without results.
SUMMARIES = ("PCR", "TSR", "SDR")
ELSEWHERE = frozenset(
    ("FAR", "MIR", "MRR", "RDR", "WCR", *LEAST_FIELDS, *MEASURED.values(), *OWN_TABLE.values())
)


class Decoder:
    """The state of a file from one block to the next."""

    def __init__(self, name: str, *, results: bool = True) -> None:
        self._header = Header()
        self._parts = Touchdowns()
        self._wafers = Wafers(name)
        self._pairs = Pairs()
        self._definitions = Definitions(name)
        records = MEASURED if results else {}
        self._results = {table: Results(record) for table, record in records.items()}

    def batch(self, chain: Chain) -> StdfTables:
        """Decode a block, and the results that waited for one of its parts to end."""
        counts = chain.counts()
        rows = {name: _rows(chain, name, counts) for name in (*LEAST_FIELDS, "WCR", *Header.NAMES)}
        owner, splits = self._parts.assign_owners(chain, rows)
        self._pairs.add(chain, rows, self._parts, owner)
        rows["PRR"] = self._pairs.in_one_wafer(rows, self._parts, owner)
        self._wafers.add(rows, owner, splits)
        self._header.add(chain, rows)
        parts = self._parts.parts(rows["PRR"], owner)
        self._add_results(chain, owner, counts)
        if chain.is_last:
            self._parts.give_up()
            chain.refused.extend(self._pairs.remarks(is_cut=not self._header.has_ended))
        values: dict[str, Any] = {table: no_results(n) for table, n in MEASURED.items()}
        values |= {
            table: results.ready(self._parts, self._definitions, chain.refused)
            for table, results in self._results.items()
        }
        self._forget()
        self._header.check(chain)
        wanted = [name for name in counts if self._results or name in SUMMARIES]
        own: dict[str, Any] = {
            table: _plain(Rows(chain, n)) if n in wanted else _empty(n)
            for table, n in OWN_TABLE.items()
        }
        others = {
            name: _with_offset(Rows(chain, name))
            for name in wanted
            if name in RECORDS and name not in ELSEWHERE
        }
        return StdfTables(
            **_until_the_last(),
            parts=parts,
            bins=_bins(rows["HBR"], rows["SBR"]),
            refused=refused_table(chain.refused),
            others=others,
            counts=counts,
            **values,
            **own,
        )

    def finished(self, batch: StdfTables, size: int, sha256: str | None) -> StdfTables:
        """Return the last batch with all that is known only at the end."""
        return replace(
            batch,
            file=self._header.table(),
            wafers=self._wafers.table(self._parts.runs),
            tests=self._definitions.table(),
            content_bytes=size,
            sha256=sha256,
        )

    def _add_results(self, chain: Chain, owner: Ints, counts: dict[str, int]) -> None:
        wanted = {results.name: results for results in self._results.values()}
        found = {name: results_of(chain, name) for name in wanted if name in counts}
        firsts = {name: one.first_of_kinds() for name, one in found.items()}
        tests = self._definitions.add(firsts)
        for name, one in found.items():
            own = self._definitions.own_limits(firsts[name], tests[name])
            wanted[name].add(one.rows(owner, tests[name], own), self._definitions)

    def _forget(self) -> None:
        waiting = [results.pirs() for results in self._results.values()]
        needed = np.concatenate(waiting or [np.empty(0, np.int64)])
        number = self._parts.forget(needed)
        for results in self._results.values():
            results.renumber(number)


def _rows(chain: Chain, name: str, counts: dict[str, int]) -> Rows:
    return Rows(chain, name, least=LEAST_FIELDS.get(name, 0)) if name in counts else no_rows(name)


@cache
def _until_the_last() -> dict[str, Any]:
    file = Header().table().slice(0, 0)
    return {"file": file, "wafers": Wafers("").table(0), "tests": Definitions("").table()}


@cache
def _empty(name: str) -> pa.Table:
    return _plain(no_rows(name))


def _plain(rows: Rows) -> pa.Table:
    columns: dict[str, Any] = rows.columns()
    if rows.record.name == "SDR":
        columns.pop("site_cnt")
        columns["site_nums"] = columns.pop("site_num")
    return pa.table(columns)


def _with_offset(rows: Rows) -> pa.Table:
    offset = pa.array(rows.starts + rows.chain.base)
    return pa.table({"record_offset": offset, **rows.columns()})


def _bins(hard: Rows, soft: Rows) -> pa.Table:
    tables = [_bins_of(kind, rows) for kind, rows in (("H", hard), ("S", soft)) if len(rows)]
    return pa.concat_tables(tables or [_no_bins()])


@cache
def _no_bins() -> pa.Table:
    return _bins_of("H", no_rows("HBR"))


def _bins_of(kind: str, rows: Rows) -> pa.Table:
    kinds: Any = pa.array([kind] * len(rows), pa.string())
    own, common = f"{kind.lower()}bin_", "bin_"
    columns = {name.replace(own, common): column for name, column in rows.columns().items()}
    return pa.table({"bin_kind": kinds, **columns})
