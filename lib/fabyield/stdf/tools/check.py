"""Compare the counts that a file declares with what is in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.compiled.buffers import Flags
from fabyield.stdf.decode.damage import cause
from fabyield.stdf.decode.tables import StdfTables
from fabyield.stdf.spec.codes import NO_TEST_VERDICT, NOT_EXECUTED, TEST_FAILED
from fabyield.stdf.tools import declared_counts
from fabyield.stdf.tools.contradictions import (
    OTHER_VERDICT,
    Difference,
    compared,
    part_claims,
    with_turns,
)
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.retest import PartRules

TEST = ("test_num", "head_num", "site_num")
COUNTS = ("executed", "failed")
KINDS = {"P": "test_values", "M": "multi_values", "F": "functional"}
_TYPES: dict[str, pa.DataType] = {
    **{"test_kind": pa.string(), "test_num": pa.int64()},
    **{"head_num": pa.int16(), "site_num": pa.int16()},
    **{"executed": pa.int64(), "failed": pa.int64()},
}
_RESULTS = pa.schema(_TYPES)


@dataclass(frozen=True)
class Checked:
    """The check of one file: differences, what each record that agrees counts, and remarks."""

    path: str
    differences: list[Difference]
    agreed: dict[str, str]
    remarks: list[str]


def check(
    outline: Outline, batches: Iterable[StdfTables], naming: Naming, rules: PartRules
) -> Checked:
    """Compare the counts of WRR, PCR, HBR, SBR and TSR with the records they count.

    All counts of one name must have the same meaning, by one habit of testers: all touch-downs,
    the final or the first ones of each part, those of no retest or those that ended normally;
    results of the TSR's kind, or of all kinds of its test number. Where only some touch-downs have
    results, TSR differs only if it is too low.
    """
    parts = with_turns(outline, naming, rules)
    results, logged = _results(batches, parts)
    tables, remarks = outline.tables, []
    found = [
        *part_claims(tables, parts),
        *declared_counts.tests(tables.test_counts, results),
    ]
    for first in cause(tables.refused).to_pylist():
        remarks.append(
            f"{tables.refused.num_rows:,} stretches were refused and are not counted; the first, "
            f"at byte {first['record_offset']:,}: {first['reason']}"
        )
    if not logged.all():
        remarks.append(
            f"results are logged of {logged.sum():,} of {logged.size:,} touch-downs: "
            "TSR counts are compared only where fewer than what is logged"
        )
    differences: list[Difference] = []
    agreed: dict[str, str] = {}
    for record, group in groupby(found, lambda claim: claim.record):
        is_partial = record.startswith("TSR") and not logged.all()
        basis, wrong = compared(list(group), is_partial)
        differences += wrong
        if not (wrong or is_partial or basis == OTHER_VERDICT):
            agreed[record] = basis
    return Checked(outline.path, differences, agreed, remarks)


def _results(batches: Iterable[StdfTables], parts: pa.Table) -> tuple[pa.Table, Flags]:
    """Count the results of each test at each site, and find the touch-downs that have results."""
    # A touch-down without tests has nothing to log.
    logged = numbers(parts, "num_test", 1) == 0
    found = [_RESULTS.empty_table()]
    for batch in batches:
        for kind, name in KINDS.items():
            rows: pa.Table = getattr(batch, name)
            logged[numbers(rows, "part_num")] = True
            found.append(_counted(kind, rows))
    return _summed(pa.concat_tables(found), ("test_kind", *TEST)), logged


def _counted(kind: str, rows: pa.Table) -> pa.Table:
    flags = numbers(rows, "test_flg")
    executed = flags & NOT_EXECUTED == 0
    failed = executed & (flags & (TEST_FAILED | NO_TEST_VERDICT) == TEST_FAILED)
    tests = rows.select(TEST)
    for name, column in zip(COUNTS, (executed, failed), strict=True):
        tests = tests.append_column(name, pa.array(column.astype(np.int64)))
    found = _summed(tests, TEST)
    kinds = pa.array([kind] * found.num_rows, pa.string())
    return found.add_column(0, "test_kind", kinds).cast(_RESULTS)


def _summed(rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    found = rows.group_by(list(keys)).aggregate([(name, "sum") for name in COUNTS])
    return found.rename_columns([*keys, *COUNTS])
