"""Rows on their way into a table, and what an audit finds in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.lake.table import Table
from fabyield.quality.expectations import REASONS, Verdict
from fabyield.quality.row_counts import TableRows

Bounds = tuple[Any, Any]
LEAST, GREATEST = "_least", "_greatest"
REFUSED = ("file_key", "record_offset", "record_length", "reason", "row")


@dataclass(frozen=True)
class Batch:
    """Rows on their way into a table.

    `source_rows` were counted before any transform. `duplicates` of them are left out on purpose;
    `refused` could not become rows and go to quarantine with the columns of REFUSED that they have.
    The rows replace those of `wafers` (keys; None means all), or of `files` that were read again
    (keys; None means new files). They are `cached` between audit and write, unless computing them
    twice is cheaper. A mirror deletes the keys that its batch lacks or, if the batch is not the
    `whole` source, only the keys in `gone`. `figures` are additional aggregates for the audit.
    """

    table: Table
    df: DataFrame
    source_rows: int | None = None
    duplicates: int = 0
    refused: DataFrame | None = None
    wafers: Sequence[int] | None = None
    files: Sequence[int] | None = None
    cached: bool = True
    whole: bool = True
    gone: DataFrame | None = None
    figures: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True)
class Audited:
    """A batch after its audit; REASONS in `marked` lists the row rules that each row breaks."""

    batch: Batch
    marked: DataFrame
    rows: TableRows
    verdicts: list[Verdict]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bounds(self) -> Bounds | None:
        """Return the least and the greatest leading key of the rows; None if not computed."""
        return (self.figures[LEAST], self.figures[GREATEST]) if LEAST in self.figures else None


def bounds(table: Table) -> dict[str, Column]:
    """Return the aggregates for the range of leading keys in which `table` is merged."""
    lead = table.leading_key
    return {LEAST: F.min(lead), GREATEST: F.max(lead)} if lead else {}


def quarantined(marked: DataFrame, table: Table) -> DataFrame:
    """Return the rows that break a row rule, with the columns of REFUSED."""
    bad = marked.where(F.size(REASONS) > 0)
    known: dict[str, Column] = {
        "reason": F.array_join(REASONS, "; "),
        "row": F.to_json(F.struct(*table.columns)),
        **{name: F.col(name) for name in ("file_key", "record_offset") if name in table.columns},
    }
    return bad.select(*(known.get(name, F.lit(None)).alias(name) for name in REFUSED))
