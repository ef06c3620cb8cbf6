"""Where the rows of a write came from and went."""

from collections.abc import Iterable
from dataclasses import dataclass

from fabyield.errors import AccountingError


@dataclass(frozen=True)
class TableRows:
    """Where the rows of one table's write came from and went."""

    table: str
    rows_in: int
    rows_out: int
    quarantined: int
    duplicates: int
    version: int


def reconcile(rows: TableRows) -> None:
    """Raise AccountingError where rows are neither published, quarantined nor duplicates."""
    accounted = rows.rows_out + rows.quarantined + rows.duplicates
    if rows.rows_in != accounted:
        raise AccountingError(
            f"{rows.table}: {rows.rows_in:,} rows in, but {rows.rows_out:,} out + "
            f"{rows.quarantined:,} quarantined + {rows.duplicates:,} duplicates = {accounted:,}; "
            "nothing published"
        )


def totals(tables: Iterable[TableRows]) -> dict[str, int]:
    """The sums over `tables`, as columns of ops.runs."""
    tables = list(tables)
    return {
        "rows_in": sum(rows.rows_in for rows in tables),
        "rows_out": sum(rows.rows_out for rows in tables),
        "rows_quarantined": sum(rows.quarantined for rows in tables),
        "rows_duplicate": sum(rows.duplicates for rows in tables),
    }
