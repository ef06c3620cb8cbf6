"""Which column types of a factory database can be read, and how their values are converted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

INTEGERS = ("tinyint", "smallint", "int", "bigint", "decimal")
READABLE = {
    "string": ("string", "char", "varchar", *INTEGERS),
    "int": INTEGERS,
    "double": (*INTEGERS, "float", "double"),
    "timestamp": ("bigint", "decimal", "timestamp"),
}
WANTED = {
    "string": "text",
    "int": "a whole number",
    "double": "a number",
    "timestamp": "timestamptz, or microseconds since 1970 in UTC as bigint or numeric",
}
# Wider than ours, so each value has to be checked.
WIDER = {"int": ("bigint", "decimal"), "timestamp": ("decimal",)}
# SQLite has no types for times: it stores microseconds.
STORED = {"timestamp": "bigint"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """Our column `name` of type `kind`, read from `source_name` of Spark type `source_kind`.

    `declared` is the type in the database; Spark is asked for `custom` if its own choice of type
    is wrong.
    """

    name: str
    kind: str
    source_name: str
    source_kind: str
    declared: str = ""
    custom: str = ""

    @classmethod
    def of(cls, name: str, kind: str, source: StructField, is_sqlite: bool) -> Self:
        """Return the field that reads column `source` as our column `name` of type `kind`."""
        if is_sqlite:
            # SQLite calls every whole number INTEGER, which Spark would read as 32 bits.
            stored = STORED.get(kind, kind)
            return cls(name, kind, source.name, stored, custom=stored)
        found = source.dataType.simpleString().partition("(")[0]
        declared = str(source.metadata.get("jdbcClientType", found))
        # The driver raises an error for NaN in a decimal.
        custom = "double" if kind == "double" and found == "decimal" else ""
        return cls(name, kind, source.name, custom or found, declared, custom)

    @property
    def problem(self) -> str:
        """Why the source column cannot be read; empty if it can."""
        if self.source_kind in READABLE[self.kind]:
            return ""
        return f"column {self.source_name} is {self.declared}, it must be {WANTED[self.kind]}"

    @property
    def value(self) -> Column:
        """The value in our type, null if it does not fit."""
        return F.timestamp_micros(self._stored) if self._counts_micros else self._stored

    @property
    def misfit(self) -> Column | None:
        """Why a value does not fit, null if it does; None if every value fits."""
        if self.source_kind not in WIDER.get(self.kind, ()):
            return None
        source = F.col(self.source_name)
        fits = source.isNull() | F.coalesce(self._stored == source, F.lit(False))
        reason = F.concat(F.lit(f"{self.name} is no {self.kind}: "), source.cast("string"))
        return F.when(~fits, reason)

    def to_micros(self, column: str) -> Column:
        """Convert `column`, which has the source's type, to epoch microseconds."""
        return F.col(column).cast("bigint") if self._counts_micros else F.unix_micros(column)

    def from_micros(self, micros: int) -> Column:
        """Convert epoch microseconds to a literal that the source can be compared with."""
        return F.lit(micros) if self._counts_micros else F.timestamp_micros(F.lit(micros))

    def bound(self, micros: int) -> str:
        """Convert epoch microseconds to the text of a bound of a partitioned read."""
        if self._counts_micros:
            return str(micros)
        return (EPOCH + timedelta(microseconds=micros)).isoformat(sep=" ")

    @property
    def _counts_micros(self) -> bool:
        return self.kind == "timestamp" and self.source_kind != "timestamp"

    @property
    def _stored(self) -> Column:
        # Not every decimal fits, and the error of a plain cast names no row.
        kind = STORED.get(self.kind, self.kind) if self._counts_micros else self.kind
        return F.col(self.source_name).try_cast(kind)
