"""The tests of a file, and the values measured under them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa

from fabyield.stdf.kernels import Flags, Longs
from fabyield.stdf.parts import Owners
from fabyield.stdf.records import RECORDS
from fabyield.stdf.rows import ARROW, ArrowArray, Rows, arrow
from fabyield.stdf.scan import Chain

KINDS: Final = MappingProxyType({"P": "PTR", "M": "MPR", "F": "FTR"})
IDENTITY = ("test_num", "head_num", "site_num", "test_flg", "test_txt", "opt_flag")
VALUES: Final = MappingProxyType(
    {
        "PTR": ("parm_flg", "result"),
        "MPR": ("parm_flg", "rtn_icnt", "rslt_cnt", "rtn_stat", "rtn_rslt", "rtn_indx"),
        "FTR": None,
    }
)
SCALES = ("res_scal", "llm_scal", "hlm_scal")
DEFINED = (
    *("units", *SCALES, "lo_limit", "hi_limit", "lo_spec", "hi_spec"),
    *("c_resfmt", "c_llmfmt", "c_hlmfmt"),
)
TYPES: Final[dict[str, ArrowArray]] = {
    f.name: ARROW.get(f.type, pa.string()) for f in RECORDS["PTR"].fields
}
NO_LIMIT: Final = MappingProxyType(
    {"lo_limit": 64, "llm_scal": 64, "hi_limit": 128, "hlm_scal": 128}
)


# Up to the flags that say what a record is worth.
LEAST: Final = MappingProxyType({"PTR": 5, "MPR": 5, "FTR": 4})


def rows_of(chain: Chain, name: str) -> Rows:
    """Take the test records of one name, with the fields that every one of them is asked for."""
    more = VALUES[name]
    wanted = None if more is None else (*IDENTITY, *more)
    return Rows(chain, name, wanted, least=LEAST[name])


@dataclass(frozen=True)
class Catalogue:
    """The tests of one kind: record i is of test `code[i]`, `first[t]` is the first of test t.

    `telling` are the first records of each test, length and flags; the others tell no more of it.
    """

    kind: str
    rows: Rows
    code: Longs
    first: Longs
    text: ArrowArray
    telling: Longs

    @classmethod
    def of(cls, kind: str, rows: Rows) -> "Catalogue":
        """Tell the tests apart by number and text; no text means the number's first text."""
        alike, telling = rows.kinds()
        number, numbers = _encode(rows.integers("test_num")[telling])
        texts = rows.some(telling).column("test_txt").dictionary_encode()
        text = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        named = np.flatnonzero(text >= 0)
        usual = np.full(numbers.size, -1, np.int64)
        usual[number[named[::-1]]] = text[named[::-1]]
        text = np.where(text >= 0, text, usual[number])
        width = len(texts.dictionary) + 1
        code, tests = _encode(number * width + text + 1)
        label = tests % width - 1
        found = texts.dictionary.take(arrow(label, label >= 0, pa.int64()))
        first = telling[first_rows(code, tests.size)]
        return cls(kind, rows, code[alike], first, found, telling)

    def definitions(self, names: Sequence[str]) -> dict[str, ArrowArray]:
        """Tell what the first record of each test that carries a field says of it."""
        full = self.rows.some(self.telling)
        known = {field.name for field in full.record.fields}
        absent = {name: pa.nulls(self.first.size, TYPES[name]) for name in names}
        code = self.code[self.telling]
        told = {name: self._told(full, code, name) for name in names if name in known}
        return absent | told

    def _told(self, full: Rows, tests: Longs, field: str) -> ArrowArray:
        column = full.column(field)
        told = np.asarray(column.is_valid()) | _says_none(full, field)
        rows = np.flatnonzero(told)[::-1]
        chosen = np.full(self.first.size, -1, np.int64)
        chosen[tests[rows]] = rows
        return column.take(arrow(chosen, chosen >= 0, pa.int64()))


def _says_none(rows: Rows, field: str) -> Flags:
    if field not in NO_LIMIT:
        return np.zeros(len(rows), np.bool_)
    says: Flags = rows.has("opt_flag") & (rows.integers("opt_flag") & NO_LIMIT[field] != 0)
    return says


def _encode(keys: Longs) -> tuple[Longs, Longs]:
    """Give each key the number of its first sight among distinct keys; also list those."""
    encoded = pa.array(keys).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_numpy()


def indices(rows: Longs) -> ArrowArray:
    """Row numbers for Arrow to take."""
    return pa.array(rows)


def first_rows(code: Longs, size: int) -> Longs:
    """Find the first row of each code."""
    first = np.empty(size, np.int64)
    first[code[::-1]] = np.arange(code.size)[::-1]
    return first


@dataclass(frozen=True)
class Tests:
    """The `tests` table of a file, and where the tests of each kind stand in it."""

    table: pa.Table
    catalogues: Mapping[str, Catalogue]
    index: Mapping[str, Longs]


def tests(rows: Mapping[str, Rows]) -> Tests:
    """One row per test kind, number and text, in order of first sight."""
    catalogues = {name: Catalogue.of(kind, rows[name]) for kind, name in KINDS.items()}
    table = pa.concat_tables(_described(catalogue) for catalogue in catalogues.values())
    order = np.argsort(table["first_seen"].to_numpy(), kind="stable")
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    sizes = [catalogue.first.size for catalogue in catalogues.values()]
    index = dict(zip(catalogues, np.split(rank, np.cumsum(sizes)[:-1]), strict=True))
    table = table.take(indices(order)).drop_columns(["first_seen"])
    number = pa.array(np.arange(order.size, dtype=np.int32))
    return Tests(table.add_column(0, "test_index", number), catalogues, index)


def _described(catalogue: Catalogue) -> pa.Table:
    rows, first = catalogue.rows, catalogue.first
    return pa.table(
        {
            "first_seen": pa.array(rows.starts[first]),
            "test_kind": pa.array([catalogue.kind] * first.size, pa.string()),
            "test_num": pa.array(rows.integers("test_num")[first]),
            "test_txt": catalogue.text,
            **catalogue.definitions(DEFINED),
        }
    )


def values(name: str, known: Tests, owners: Owners, parts: pa.Table) -> pa.Table:
    """One row per record of `name` inside a part that was closed; the others are refused."""
    catalogue = known.catalogues[name]
    rows, code = catalogue.rows, catalogue.code
    part = owners.part_of(rows)
    if part.size and part.min() < 0:
        _refuse(rows, part)
        code, part = code[part >= 0], part[part >= 0]
        rows.keep(owners.part_of(rows) >= 0)
    at, test = indices(part), known.index[name][code]
    return pa.table(
        {
            "record_offset": pa.array(rows.starts),
            "part_num": at,
            "wafer_num": parts["wafer_num"].combine_chunks().take(at),
            "head_num": rows.column("head_num"),
            "site_num": rows.column("site_num"),
            "x_coord": parts["x_coord"].combine_chunks().take(at),
            "y_coord": parts["y_coord"].combine_chunks().take(at),
            "test_index": pa.array(test.astype(np.int32)),
            "test_num": pa.array(rows.integers("test_num")),
            "test_txt": _labels(known.table["test_txt"].combine_chunks(), test),
            "test_flg": rows.column("test_flg"),
            **_measured(rows),
        }
    )


def _refuse(rows: Rows, part: Longs) -> None:
    name = rows.record.name
    for lacking, reason in (
        (-2, f"{name} outside PIR..PRR"),
        (-1, "part never closed by PRR"),
    ):
        starts = rows.starts[part == lacking]
        rows.chain.refuse(starts, name, [reason] * starts.size)


def _labels(texts: ArrowArray, test: Longs) -> ArrowArray:
    labels = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(labels.indices.take(indices(test)), labels.dictionary)


def _measured(rows: Rows) -> dict[str, ArrowArray]:
    if rows.record.name == "PTR":
        return rows.columns(("parm_flg", "result"))
    if rows.record.name == "MPR":
        names = {"results": "rtn_rslt", "states": "rtn_stat", "rtn_indx": "rtn_indx"}
        columns = {name: rows.column(field) for name, field in names.items()}
        return {"parm_flg": rows.column("parm_flg"), **columns}
    leading = ("test_num", "head_num", "site_num", "test_flg", "test_txt", "rtn_icnt", "pgm_icnt")
    return rows.columns(f.name for f in rows.record.fields if f.name not in leading)
