"""What a file says of itself against what is in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.compiled.buffers import Flags
from fabyield.stdf.decode.tables import StdfTables
from fabyield.stdf.spec.codes import NO_TEST_VERDICT, NOT_EXECUTED, TEST_FAILED
from fabyield.stdf.tools import declared_counts
from fabyield.stdf.tools.declared_counts import Claim
from fabyield.stdf.tools.info import decided
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline

PLACE = ("test_kind", "test_num", "head_num", "site_num")
COUNTS = ("executed", "failed")
_TYPES: dict[str, pa.DataType] = {
    **{"test_kind": pa.string(), "test_num": pa.int64()},
    **{"head_num": pa.int16(), "site_num": pa.int16()},
    **{"executed": pa.int64(), "failed": pa.int64()},
}
_NO_RESULTS = pa.schema(_TYPES)


@dataclass(frozen=True)
class Difference:
    """A count that no meaning of what was counted explains."""

    record: str
    place: str
    counted: int
    claimed: int


@dataclass(frozen=True)
class Checked:
    """How one file reconciles: what differs, what each record that agrees counts, and remarks."""

    path: str
    differences: list[Difference]
    agreed: dict[str, str]
    remarks: list[str]


def check(
    outline: Outline, batches: Iterable[StdfTables], naming: Naming, retest_rule: str
) -> Checked:
    """Compare the counts of WRR, PCR, HBR, SBR and TSR with the records they count.

    All counts of one name must have the same meaning: they agree if they all equal the
    touch-downs or, where a tester leaves superseded parts out, all the final touch-downs.
    Where results are logged of some touch-downs only, TSR can but be too low.
    """
    tables = outline.tables
    parts = _decided(outline, naming, retest_rule)
    results, logged = _results(batches, parts)
    found = [*_part_claims(tables, parts), *declared_counts.tests(tables.test_counts, results)]
    remarks = [_refusals(outline)] if outline.refused.num_rows else []
    if not logged.all():
        remarks.append(_sampled(logged))
        found = [claim for claim in found if not _is_bound(claim)]
    differences, agreed = _judged(found)
    return Checked(outline.path, differences, agreed, remarks)


def _decided(outline: Outline, naming: Naming, retest_rule: str) -> pa.Table:
    parts, turns = decided(outline, naming, retest_rule)
    for name in ("touchdown_num", "is_final"):
        parts = parts.append_column(name, turns[name])
    return parts


def _part_claims(tables: StdfTables, parts: pa.Table) -> Iterator[Claim]:
    counts = declared_counts.part_counts(parts)
    yield from declared_counts.wafers(tables.wafers, counts)
    yield from declared_counts.sites(tables.part_counts, counts)
    for kind in ("H", "S"):
        yield from declared_counts.bins(tables.bins, kind, counts["part_cnt"])


def _judged(found: Iterable[Claim]) -> tuple[list[Difference], dict[str, str]]:
    differences: list[Difference] = []
    agreed: dict[str, str] = {}
    for record, group in groupby(found, lambda claim: claim.record):
        rows = list(group)
        usual = next(iter(rows[0].counted))
        fits = [b for b in rows[0].counted if all(c.counted[b] == c.claimed for c in rows)]
        if fits:
            agreed[record] = fits[0]
            continue
        wrong = (c for c in rows if c.counted[usual] != c.claimed)
        differences += [Difference(record, c.place, c.counted[usual], c.claimed) for c in wrong]
    return differences, agreed


def _refusals(outline: Outline) -> str:
    first = outline.refused.slice(0, 1).to_pylist()[0]
    return (
        f"{outline.refused.num_rows:,} stretches were refused and are not counted; the first, "
        f"at byte {first['record_offset']:,}: {first['reason']}"
    )


def _sampled(logged: Flags) -> str:
    return (
        f"results are logged of {logged.sum():,} of {logged.size:,} touch-downs: "
        "TSR counts are compared only where fewer than what is logged"
    )


def _is_bound(claim: Claim) -> bool:
    most = max(claim.counted.values())
    return claim.record.startswith("TSR") and most <= claim.claimed


def _results(batches: Iterable[StdfTables], parts: pa.Table) -> tuple[pa.Table, Flags]:
    """Count the results of each test at each site, and tell which touch-downs have any."""
    # One that ran no test has nothing to log.
    logged = numbers(parts, "num_test", 1) == 0
    found = [_counted("P", None)]
    for batch in batches:
        for kind, rows in _by_kind(batch).items():
            logged[numbers(rows, "part_num")] = True
            found.append(_counted(kind, rows))
    table = pa.concat_tables(found).group_by(list(PLACE))
    summed = table.aggregate([(name, "sum") for name in COUNTS])
    return summed.rename_columns([*PLACE, *COUNTS]), logged


def _by_kind(batch: StdfTables) -> dict[str, pa.Table]:
    return {"P": batch.test_values, "M": batch.multi_values, "F": batch.functional}


def _counted(kind: str, rows: pa.Table | None) -> pa.Table:
    if rows is None or not rows.num_rows:
        return _NO_RESULTS.empty_table()
    flags = numbers(rows, "test_flg")
    executed = flags & NOT_EXECUTED == 0
    failed = executed & (flags & (TEST_FAILED | NO_TEST_VERDICT) == TEST_FAILED)
    places = rows.select(PLACE[1:])
    for name, column in zip(COUNTS, (executed, failed), strict=True):
        places = places.append_column(name, pa.array(column.astype(np.int64)))
    found = places.group_by(list(PLACE[1:])).aggregate([(name, "sum") for name in COUNTS])
    found = found.rename_columns([*PLACE[1:], *COUNTS])
    kinds = pa.array([kind] * found.num_rows, pa.string())
    return found.add_column(0, "test_kind", kinds).cast(_NO_RESULTS)
