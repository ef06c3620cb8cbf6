"""Count where the rows of a write came from and went."""

from collections.abc import Iterable
from dataclasses import dataclass

from fabyield.errors import AccountingError


@dataclass(frozen=True)
class TableRows:
    """The row counts of one write to a table, and the version written; -1 if none."""

    table: str
    rows_in: int
    rows_out: int
    quarantined: int
    duplicates: int
    version: int = -1

    @property
    def unaccounted(self) -> int:
        """Return the rows that are not published, quarantined or duplicates; 0 in a sound table."""
        return self.rows_in - self.rows_out - self.quarantined - self.duplicates


def reconcile(rows: TableRows) -> None:
    """Raise AccountingError if rows are neither published, quarantined nor duplicates."""
    if rows.unaccounted:
        raise AccountingError(
            f"{rows.table}: {rows.rows_in:,} rows in, but {rows.rows_out:,} out + "
            f"{rows.quarantined:,} quarantined + {rows.duplicates:,} duplicates = "
            f"{rows.rows_in - rows.unaccounted:,}; nothing published"
        )


def totals(tables: Iterable[TableRows]) -> dict[str, int]:
    """Return the sums over `tables`, as columns of ops.runs."""
    tables = list(tables)
    return {
        "rows_in": sum(rows.rows_in for rows in tables),
        "rows_out": sum(rows.rows_out for rows in tables),
        "rows_quarantined": sum(rows.quarantined for rows in tables),
        "rows_duplicate": sum(rows.duplicates for rows in tables),
    }
