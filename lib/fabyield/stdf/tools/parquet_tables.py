"""What `to-parquet` writes, as tables."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.arrow.numpy_columns import Column, numbers
from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.spec.codes import (
    NO_TEST_VERDICT,
    PARAMETER_INVALID,
    RESULT_INVALID,
    TEST_FAILED,
)
from fabyield.stdf.tools.catalog import TestRows
from fabyield.stdf.tools.sessions import SessionFile, file_names

PLACE = ("head_num", "site_num", "part_id", "x_coord", "y_coord", "hard_bin", "soft_bin")
TURN = ("touchdown_num", "is_first", "is_final", "decided_by")
_TYPES: dict[str, pa.DataType] = {
    **{"part_row": pa.int64(), "test_row": pa.int32(), "test_num": pa.int64()},
    **{"result": pa.float32(), "valid": pa.bool_(), "test_pass": pa.bool_()},
}
VALUES = pa.schema(_TYPES)


def parts(sources: Sequence[SessionFile], found: pa.Table, turns: pa.Table) -> pa.Table:
    """One row per touch-down with its lot and wafer as the tester spelt them, and its file."""
    run = numbers(found, "run")
    lots, wafers, files = _of_runs(sources)
    columns: dict[str, Column] = {
        "lot_id": _taken(lots, run),
        "wafer_id": _taken(wafers, run),
        **{name: found[name] for name in (*PLACE, "part_pass")},
        **{name: turns[name] for name in TURN},
        **{name: found[name] for name in ("num_test", "test_t")},
        "file": _taken(files, run),
    }
    return pa.table(columns)


def _of_runs(sources: Sequence[SessionFile]) -> tuple[list[str | None], ...]:
    """Lot, wafer and file of each run, in the order of `sessions.runs_of`."""
    rows = [
        (file_names(source.outline)["lot_id"], wafer, source.outline.path)
        for source in sources
        for wafer in [*source.outline.tables.wafers["wafer_id"].to_pylist(), None]
    ]
    lots, wafers, files = zip(*rows, strict=True)
    return list(lots), list(wafers), list(files)


def _taken(names: list[str | None], run: Longs) -> Column:
    # The text of millions of rows would outgrow Arrow's 32 bits.
    known: Column = pa.array(names, pa.string()).dictionary_encode()
    indices = known.indices.take(pa.array(run))
    return pa.DictionaryArray.from_arrays(indices, known.dictionary)


def values(rows: pa.Table, first_part: int, test_row: TestRows) -> pa.Table:
    """One row per PTR; `first_part` is the row of the file's first part in parts.parquet.

    A result is valid where TEST_FLG bits 0-5 and PARM_FLG bits 0-2 are 0 and it is a finite
    number. SessionFile: STDF V4, PTR.
    """
    said, result = numbers(rows, "test_flg"), _floats(rows)
    invalid = (said & RESULT_INVALID) | (numbers(rows, "parm_flg") & PARAMETER_INVALID)
    valid = (invalid == 0) & np.isfinite(result)
    columns: dict[str, Column] = {
        "part_row": numbers(rows, "part_num") + first_part,
        "test_row": test_row,
        "test_num": rows["test_num"],
        "result": pa.array(result, mask=~valid),
        "valid": valid,
        "test_pass": pa.array(said & TEST_FAILED == 0, mask=said & NO_TEST_VERDICT != 0),
    }
    return pa.table(columns, VALUES)


def _floats(rows: pa.Table) -> NDArray[np.float32]:
    result: Column = rows["result"]
    # What is null becomes NaN.
    found: NDArray[np.float32] = result.to_numpy()
    return found


def of_files(sources: Sequence[SessionFile], name: str) -> pa.Table:
    """The wafers or bins of all files, each row with its lot and its file."""
    found = []
    for source in sources:
        rows: pa.Table = getattr(source.outline.tables, name)
        lot = file_names(source.outline)["lot_id"]
        for place, column, value in ((0, "lot_id", lot), (None, "file", source.outline.path)):
            text = pa.array([value] * rows.num_rows, pa.string())
            rows = rows.add_column(rows.num_columns if place is None else place, column, text)
        found.append(rows)
    return pa.concat_tables(found)
