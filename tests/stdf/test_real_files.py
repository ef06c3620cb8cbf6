"""Two real wafers, record by record against pystdf, which shares no code with this reader."""

from typing import Any

import numpy as np
import pytest

from fabyield.stdf import StdfTables
from tests.stdf.conftest import Sink

Real = tuple[str, StdfTables, Sink]
TOTALS = {
    "lot2": {"PTR": 52_403, "PRR": 1_569, "first_pct": 92.24, "final_pct": 95.40},
    "lot3": {"PTR": 54_123, "PRR": 1_619, "first_pct": 88.87, "final_pct": 94.57},
}


def fields(records: Sink, name: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(f[column] for column in columns) for kind, f in records if kind == name]


def test_every_ptr_equals_what_pystdf_reads(real: Real):
    name, tables, records = real
    columns = ("test_num", "head_num", "site_num", "test_flg", "parm_flg", "result")
    expected = fields(records, "PTR", *columns)

    actual = list(zip(*(tables.test_values[c].to_pylist() for c in columns), strict=True))

    assert len(actual) == TOTALS[name]["PTR"]
    assert actual == expected


def test_every_prr_equals_what_pystdf_reads(real: Real):
    name, tables, records = real
    columns = ("head_num", "site_num", "part_flg", "num_test", "hard_bin", "soft_bin", "x_coord")
    columns = (*columns, "y_coord", "part_id")
    expected = fields(records, "PRR", *columns)

    actual = list(zip(*(tables.parts[c].to_pylist() for c in columns), strict=True))

    assert len(actual) == TOTALS[name]["PRR"]
    assert actual == expected


def test_every_limit_and_unit_equals_that_of_the_first_ptr(real: Real):
    _, tables, records = real
    columns = ("test_num", "test_txt", "units", "lo_limit", "hi_limit", "opt_flag")
    first: dict[int, tuple[Any, ...]] = {}
    for number, *rest, flags in fields(records, "PTR", *columns):
        text, unit, low, high = (
            value or None if isinstance(value, str) else value for value in rest
        )
        limits = (None if flags & 80 else low, None if flags & 160 else high)
        first.setdefault(number, (number, text, unit, *limits))

    actual = zip(*(tables.tests[column].to_pylist() for column in columns[:-1]), strict=True)

    assert list(actual) == list(first.values())
    assert len(first) == 74


def test_every_ptr_has_the_coordinates_of_the_prr_after_it(real: Real):
    _, tables, records = real
    expected, waiting = [], 0
    for kind, values in records:
        waiting += kind == "PTR"
        if kind == "PRR":
            expected += [(values["x_coord"], values["y_coord"])] * waiting
            waiting = 0

    columns = (tables.test_values[name].to_pylist() for name in ("x_coord", "y_coord"))

    assert list(zip(*columns, strict=True)) == expected


def test_counts_a_wafer_does_not_give_are_null(real: Real):
    name, tables, _ = real

    (wafer,) = tables.wafers.to_pylist()

    assert wafer["part_cnt"] == TOTALS[name]["PRR"]
    assert wafer["good_cnt"] is None
    assert wafer["wafer_id"] == f"GAL-LOT-0{name[-1]}"


def test_records_are_counted_by_name_as_pystdf_counts_them(real: Real):
    _, tables, records = real
    kinds = [kind for kind, _ in records]

    assert tables.counts == {kind: kinds.count(kind) for kind in tables.counts}
    assert sum(tables.counts.values()) == len(kinds)
    assert tables.refused.num_rows == 0
    assert tables.file["is_complete"].to_pylist() == [True]


def test_bins_equal_what_pystdf_reads(real: Real):
    _, tables, records = real
    expected = fields(records, "HBR", "head_num", "hbin_num", "hbin_cnt")
    expected += fields(records, "SBR", "head_num", "sbin_num", "sbin_cnt")

    columns = (tables.bins[name].to_pylist() for name in ("head_num", "bin_num", "bin_cnt"))

    assert list(zip(*columns, strict=True)) == expected


@pytest.mark.parametrize("which", ["first_pct", "final_pct"])
def test_verdicts_give_the_known_yields_of_1456_die(real: Real, which: str):
    name, tables, _ = real
    parts = tables.parts.select(["x_coord", "y_coord", "part_pass"]).to_pylist()
    in_turn = reversed(parts) if which == "first_pct" else parts

    verdict = {(part["x_coord"], part["y_coord"]): part["part_pass"] for part in in_turn}

    assert len(verdict) == 1_456
    assert round(100 * np.mean(list(verdict.values())), 2) == TOTALS[name][which]
