"""Which types of a factory database serve for ours, and how its values become ours."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

WHOLE = ("tinyint", "smallint", "int", "bigint", "decimal")
SERVING = {
    "string": ("string", "char", "varchar", *WHOLE),
    "int": WHOLE,
    "double": (*WHOLE, "float", "double"),
    "timestamp": ("bigint", "decimal", "timestamp"),
}
WANTED = {
    "string": "text",
    "int": "a whole number",
    "double": "a number",
    "timestamp": "timestamptz, or microseconds since 1970 in UTC as bigint or numeric",
}
# Wider than ours: whether a value fits is seen row by row.
WIDER = {"int": ("bigint", "decimal"), "timestamp": ("decimal",)}
STORED = {"timestamp": "bigint"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """A column of ours, of type `kind`, out of a column of theirs that is read as `found`.

    `called` is what their type is called there; Spark is asked for `custom` where it would choose
    a type that does not serve.
    """

    ours: str
    kind: str
    theirs: str
    found: str
    called: str = ""
    custom: str = ""

    @classmethod
    def of(cls, ours: str, kind: str, field: StructField) -> Self:
        """Take their column `field` for `ours`."""
        found = field.dataType.simpleString().partition("(")[0]
        called = str(field.metadata.get("jdbcClientType", found))
        if kind == "double" and found == "decimal":
            # Read as decimal, its NaN would be an error of the driver.
            return cls(ours, kind, field.name, "double", called, "double")
        return cls(ours, kind, field.name, found, called)

    @classmethod
    def untyped(cls, ours: str, kind: str, theirs: str) -> Self:
        """Take a column of SQLite, which calls every whole number INTEGER, 32 bits for Spark."""
        stored = STORED.get(kind, kind)
        return cls(ours, kind, theirs, stored, custom=stored)

    @property
    def problem(self) -> str:
        """Why theirs does not serve; empty where it does."""
        if self.found in SERVING[self.kind]:
            return ""
        return f"column {self.theirs} is {self.called}, it must be {WANTED[self.kind]}"

    @property
    def value(self) -> Column:
        """Their value in our type, null where it does not fit."""
        return F.timestamp_micros(self._stored) if self._counts_micros else self._stored

    @property
    def misfit(self) -> Column | None:
        """Why their value does not fit, null where it does; None where every value does."""
        if self.found not in WIDER.get(self.kind, ()):
            return None
        theirs = F.col(self.theirs)
        fits = theirs.isNull() | F.coalesce(self._stored == theirs, F.lit(False))
        told = F.concat(F.lit(f"{self.ours} is no {self.kind}: "), theirs.cast("string"))
        return F.when(~fits, told)

    def micros(self, column: str) -> Column:
        """The values of `column`, of the type that theirs is read as, in epoch microseconds."""
        return F.col(column).cast("bigint") if self._counts_micros else F.unix_micros(column)

    def moment(self, micros: int) -> Column:
        """Epoch microseconds as theirs can be compared with."""
        return F.lit(micros) if self._counts_micros else F.timestamp_micros(F.lit(micros))

    def bound(self, micros: int) -> str:
        """Epoch microseconds as Spark takes the bounds of a partitioned read."""
        if self._counts_micros:
            return str(micros)
        return (EPOCH + timedelta(microseconds=micros)).isoformat(sep=" ")

    @property
    def _counts_micros(self) -> bool:
        return self.kind == "timestamp" and self.found != "timestamp"

    @property
    def _stored(self) -> Column:
        # Not every decimal fits; the error that a plain cast would raise names no row.
        kind = STORED.get(self.kind, self.kind) if self._counts_micros else self.kind
        return F.col(self.theirs).try_cast(kind)
