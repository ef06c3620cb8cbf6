"""The factory database over Spark JDBC: its schema checked, its rows counted and read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.table import BATCH, Table
from fabyield.readers.factory.column_types import Field
from fabyield.readers.factory.database_errors import answering, is_of_a_table, shown, why
from fabyield.settings.sections import Database
from fabyield.transforms.shared.keys import CHANGED

# Rows that a driver holds at a time.
FETCHED = "10000"
_SQLITE = "jdbc:sqlite:"
_REASON = "refused_because"


@dataclass(frozen=True)
class Source:
    """A table of the database that serves for `table`; without `changed` it has no watermark.

    Its columns in `unread` are none of `table`'s.
    """

    table: Table
    name: str
    fields: tuple[Field, ...]
    unread: tuple[str, ...] = ()

    @property
    def changed(self) -> Field | None:
        """The field that the watermark is."""
        return next((field for field in self.fields if field.ours == CHANGED), None)


@dataclass(frozen=True)
class Counted:
    """How many rows a table has, and its least and greatest watermark, epoch microseconds."""

    rows: int
    oldest: int | None
    newest: int | None


@dataclass(frozen=True)
class FabRows:
    """The rows of a table, and those that hold no number where one belongs (as batch.REFUSED).

    Both come out of `held`, which is read once; unpersist it when they are published. `values` are
    the columns of the rows as `held` has them.
    """

    rows: DataFrame
    refused: DataFrame
    held: DataFrame
    values: Mapping[str, Column]

    def few(self, table: Table, most: int) -> pa.Table | None:
        """The rows with the columns of `table` but its batch, on the driver.

        None where they are more than `most`, or one is refused.
        """
        if not self.held.limit(most + 1).where(F.col(_REASON).isNotNull()).isEmpty():
            return None
        rows = table.conform(self.rows.withColumn(BATCH, F.lit(0))).drop(BATCH)
        found = rows.limit(most + 1).toArrow()
        return found if len(found) <= most else None

    def count(self, key: Collection[str], required: Collection[str]) -> tuple[int, int]:
        """How many rows are refused, and how many others bear a key that another one bears as well.

        Rows without one of the `required` columns bear none.
        """
        has_key = [F.col(_REASON).isNull(), *(self.values[name].isNotNull() for name in required)]
        values = F.struct(*(self.values[name].alias(name) for name in key))
        whole = F.when(reduce(Column.__and__, has_key), values)
        doubled = F.count(whole) - F.count_distinct(whole)
        row = self.held.agg(F.count(_REASON), doubled).collect()[0]
        return int(row[0]), int(row[1])


@dataclass(frozen=True)
class FabDatabase:
    """The database that conf describes."""

    spark: SparkSession
    conf: Database

    def has(self, table: Table) -> bool:
        """Whether conf names a counterpart of `table`."""
        return bool(self.conf.tables.get(table.name))

    def sources(self, tables: Iterable[Table]) -> list[Source]:
        """The counterparts of `tables`, whose columns are there and of types that serve.

        Raises ConfigError where conf names no counterpart or no file, and FabYieldError that tells
        all that is wrong with any of them. No row is read.
        """
        tables = list(tables)
        if unnamed := [table.name for table in tables if not self.has(table)]:
            raise ConfigError(f"database.tables: no name for {', '.join(unnamed)}")
        _check_file(self.conf.url)
        problems: list[str] = []
        sources = [self._source(table, problems) for table in tables]
        if problems:
            raise FabYieldError(
                f"factory database {shown(self.conf.url)}: {'; '.join(problems)}. Nothing was "
                "read; where a table differs, name a view of it in database.tables"
            )
        return sources

    def count(self, source: Source) -> Counted:
        """Count the rows of a `source` with a watermark, in one query that the database answers."""
        changed = source.changed
        assert changed is not None, "a source without watermark"
        column = self._quoted(changed.theirs)
        query = f"(select count(*) n, min({column}) a, max({column}) b from {source.name}) counted"
        types = "n bigint, a bigint, b bigint" if self._is_sqlite else ""
        with answering(self.conf, source.name):
            found = self._reader(query, types).load().toDF("n", "a", "b")
            row = found.select("n", changed.micros("a"), changed.micros("b")).collect()[0]
        return Counted(*row)

    def rows(
        self, source: Source, fab_id: str, counted: Counted | None, since: int | None = None
    ) -> FabRows:
        """The rows of `source`, tagged with `fab_id`; without those that changed before `since`.

        `since` is in epoch microseconds. What was `counted` tells how to split the read into
        queries that run side by side.
        """
        types = {field.theirs: field.custom for field in source.fields if field.custom}
        name, reasons = source.name, [field.misfit for field in source.fields]
        if self._is_sqlite:
            types |= {_REASON: "string"}
            name, reasons = self._with_reason(source), [F.col(_REASON)]
        custom = ", ".join(f"`{column}` {kind}" for column, kind in types.items())
        with answering(self.conf, source.name):
            reader = self._reader(name, custom)
            raw = reader.options(**self._split(source, counted, since)).load()
        if since is not None and (changed := source.changed):
            told = F.col(changed.theirs)
            raw = raw.where(told.isNull() | (told >= changed.moment(since)))
        return _held(raw, source, [reason for reason in reasons if reason is not None], fab_id)

    def _source(self, table: Table, problems: list[str]) -> Source:
        """Find the counterpart of `table`; what is wrong with it is added to `problems`."""
        name = self.conf.tables[table.name] or ""
        watermark = self.conf.watermarks.get(table.name) or ""
        theirs = {n: n for n in table.columns if n not in ("fab_id", BATCH)}
        if CHANGED in theirs:
            theirs[CHANGED] = watermark
        theirs = {ours: column for ours, column in theirs.items() if column}
        found = self._schema(name, problems)
        if found is None:
            return Source(table, name, ())
        if missing := sorted(set(theirs.values()) - set(found.names)):
            also = f"{watermark} is named by database.watermarks; " if watermark in missing else ""
            listed = f"no column {', '.join(missing)}; {also}it has {', '.join(found.names)}"
            problems.append(f"table {name}: {listed}")
        there = {o: t for o, t in theirs.items() if t in found.names}
        fields = tuple(self._field(o, table.columns[o].type, t, found) for o, t in there.items())
        problems += [f"table {name}: {field.problem}" for field in fields if field.problem]
        unread = sorted(set(found.names) - set(theirs.values()))
        return Source(table, name, fields, tuple(unread))

    def _field(self, ours: str, kind: str, theirs: str, found: StructType) -> Field:
        if self._is_sqlite:
            return Field.untyped(ours, kind, theirs)
        return Field.of(ours, kind, found[theirs])

    def _schema(self, name: str, problems: list[str]) -> StructType | None:
        with answering(self.conf, name):
            try:
                return self._reader(name).load().schema
            except Exception as error:
                if not is_of_a_table(error):
                    raise
                problems.append(f"table {name}: {why(error)}")
                return None

    def _reader(self, name: str, types: str = "") -> DataFrameReader:
        conf = self.conf
        options = {"url": conf.url, "driver": conf.driver, "dbtable": name, "fetchsize": FETCHED}
        # Tells timestamptz from timestamp, which does not say of which time zone it is.
        options["preferTimestampNTZ"] = "true"
        if conf.user:
            options |= {"user": conf.user, "password": conf.password}
        if types:
            options["customSchema"] = types
        return self.spark.read.format("jdbc").options(**options)

    def _split(self, source: Source, counted: Counted | None, since: int | None) -> dict[str, str]:
        changed, partitions = source.changed, self.conf.partitions
        if partitions == 1 or counted is None or changed is None:
            return {}
        first, last = max(counted.oldest or 0, since or 0), counted.newest or 0
        if first >= last:
            return {}
        bounds = {"lowerBound": changed.bound(first), "upperBound": changed.bound(last)}
        return {"partitionColumn": changed.theirs, "numPartitions": str(partitions)} | bounds

    def _with_reason(self, source: Source) -> str:
        """SQLite puts any type into any column, and its driver reads text as 0: say which it is."""
        numbers = [(f.ours, self._quoted(f.theirs)) for f in source.fields if f.kind != "string"]
        cases = [
            f"when typeof({theirs}) in ('text', 'blob') then '{ours} is no number: ' || {theirs}"
            for ours, theirs in numbers
        ]
        reason = f"case {' '.join(cases)} end" if cases else "null"
        return f"(select *, {reason} as {_REASON} from {source.name})"

    def _quoted(self, column: str) -> str:
        jvm = self.spark.sparkContext._jvm
        assert jvm is not None, "a session without a JVM"
        dialect = jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(self.conf.url)
        return str(dialect.quoteIdentifier(column))

    @property
    def _is_sqlite(self) -> bool:
        return self.conf.url.startswith(_SQLITE)


def _held(raw: DataFrame, source: Source, reasons: list[Column], fab_id: str) -> FabRows:
    """Read `raw` once, for the rows and for those that one of `reasons` refuses."""
    theirs = sorted({field.theirs for field in source.fields})
    reason = F.coalesce(*reasons) if reasons else F.lit(None).cast("string")
    held = raw.select(*theirs, reason.alias(_REASON)).persist(StorageLevel.MEMORY_AND_DISK)
    columns = {field.ours: field.value for field in source.fields}
    named = [column.alias(name) for name, column in columns.items()]
    absent = [F.lit(None).alias(CHANGED)] if CHANGED in {*source.table.columns} - {*columns} else []
    right = held.where(F.col(_REASON).isNull())
    refused = held.where(F.col(_REASON).isNotNull()).select(
        F.col(_REASON).alias("reason"), F.to_json(F.struct(*theirs)).alias("row")
    )
    rows = right.select(F.lit(fab_id).alias("fab_id"), *named, *absent)
    return FabRows(rows, refused, held, columns)


def _check_file(url: str) -> None:
    path = url.removeprefix(_SQLITE).partition("?")[0]
    if url.startswith(_SQLITE) and not Path(path).is_file():
        # The driver would make an empty one.
        raise ConfigError(
            f"{path}: no such factory database; set database.url in conf, or remove the landing "
            "zone and run `make landing` for an embedded one"
        )
