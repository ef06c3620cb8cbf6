"""The factory database over Spark JDBC: its schema is checked, its rows are counted and read."""

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

# Rows that the JDBC driver fetches at a time.
FETCHED = "10000"
_SQLITE = "jdbc:sqlite:"
_REASON = "refused_because"


@dataclass(frozen=True)
class Source:
    """The table `name` of the database that `table` is read from; `unread` are other columns."""

    table: Table
    name: str
    fields: tuple[Field, ...]
    unread: tuple[str, ...] = ()

    @property
    def changed(self) -> Field | None:
        """The watermark, if the source has one."""
        return next((field for field in self.fields if field.name == CHANGED), None)


@dataclass(frozen=True)
class Counted:
    """How many rows a table has, and its least and greatest watermark, epoch microseconds."""

    rows: int
    oldest: int | None
    newest: int | None


@dataclass(frozen=True)
class FabRows:
    """The rows of a source, and those with values of a wrong type (`refused`, see batch.REFUSED).

    Both come from `persisted`, which is read once; unpersist it after publishing. `values` are the
    columns of the rows as expressions on it.
    """

    rows: DataFrame
    refused: DataFrame
    persisted: DataFrame
    values: Mapping[str, Column]

    def few(self, table: Table, most: int) -> pa.Table | None:
        """Collect the rows with the columns of `table` except batch.

        None if there are more than `most`, or if any row is refused.
        """
        some = self.persisted.limit(most + 1)
        if not some.where(F.col(_REASON).isNotNull()).isEmpty():
            return None
        rows = table.conform(self.rows.withColumn(BATCH, F.lit(0))).drop(BATCH)
        found = rows.limit(most + 1).toArrow()
        return found if len(found) <= most else None

    def count(self, key: Collection[str], required: Collection[str]) -> tuple[int, int]:
        """Count the refused rows, and the other rows beyond one for each key.

        Rows without one of the `required` columns have no key.
        """
        has_key = [F.col(_REASON).isNull(), *(self.values[name].isNotNull() for name in required)]
        values = F.struct(*(self.values[name].alias(name) for name in key))
        keys = F.when(reduce(Column.__and__, has_key), values)
        duplicates = F.count(keys) - F.count_distinct(keys)
        row = self.persisted.agg(F.count(_REASON), duplicates).collect()[0]
        return int(row[0]), int(row[1])


@dataclass(frozen=True)
class FabDatabase:
    """The database that conf describes."""

    spark: SparkSession
    conf: Database

    def has(self, table: Table) -> bool:
        """Whether conf names a source for `table`."""
        return bool(self.conf.tables.get(table.name))

    def sources(self, tables: Iterable[Table]) -> list[Source]:
        """Find the sources of `tables` and check their columns, without reading a row.

        Raises ConfigError if conf names no source or no file, and FabYieldError with all problems
        of all sources.
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
                "read; if a table differs, name a view of it in database.tables"
            )
        return sources

    def count(self, source: Source) -> Counted:
        """Count the rows of a `source` with a watermark, in one query of the database."""
        changed = source.changed
        assert changed is not None, "a source without watermark"
        column = self._quoted(changed.source_name)
        query = f"(select count(*) n, min({column}) a, max({column}) b from {source.name}) counted"
        types = "n bigint, a bigint, b bigint" if self._is_sqlite else ""
        with answering(self.conf, source.name):
            found = self._reader(query, types).load().toDF("n", "a", "b")
            row = found.select("n", changed.to_micros("a"), changed.to_micros("b")).collect()[0]
        return Counted(*row)

    def rows(
        self, source: Source, fab_id: str, counted: Counted | None, since: int | None = None
    ) -> FabRows:
        """Read the rows of `source` that changed at or after `since` (epoch microseconds), or all.

        Rows without a watermark are always read. With `counted` parallel queries read them.
        """
        types = {field.source_name: field.custom for field in source.fields if field.custom}
        name, reasons = source.name, [field.misfit for field in source.fields]
        if self._is_sqlite:
            types |= {_REASON: "string"}
            name, reasons = self._with_reason(source), [F.col(_REASON)]
        custom = ", ".join(f"`{column}` {kind}" for column, kind in types.items())
        with answering(self.conf, source.name):
            reader = self._reader(name, custom)
            raw = reader.options(**self._split(source, counted, since)).load()
        if since is not None and (changed := source.changed):
            at = F.col(changed.source_name)
            raw = raw.where(at.isNull() | (at >= changed.from_micros(since)))
        return _rows(raw, source, [reason for reason in reasons if reason is not None], fab_id)

    def _source(self, table: Table, problems: list[str]) -> Source:
        """Find the source of `table`; what is wrong with it is added to `problems`."""
        name = self.conf.tables[table.name] or ""
        watermark = self.conf.watermarks.get(table.name) or ""
        names = {column: column for column in table.columns if column not in ("fab_id", BATCH)}
        if CHANGED in names:
            names[CHANGED] = watermark
        wanted = {ours: theirs for ours, theirs in names.items() if theirs}
        found = self._schema(name, problems)
        if found is None:
            return Source(table, name, ())
        if missing := sorted(set(wanted.values()) - set(found.names)):
            also = f"{watermark} is named by database.watermarks; " if watermark in missing else ""
            listed = f"no column {', '.join(missing)}; {also}it has {', '.join(found.names)}"
            problems.append(f"table {name}: {listed}")
        fields = tuple(
            Field.of(ours, table.columns[ours].type, found[theirs], self._is_sqlite)
            for ours, theirs in wanted.items()
            if theirs in found.names
        )
        problems += [f"table {name}: {field.problem}" for field in fields if field.problem]
        return Source(table, name, fields, tuple(sorted({*found.names} - {*wanted.values()})))

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
        # Tells timestamptz from timestamp, whose time zone is unknown.
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
        return {"partitionColumn": changed.source_name, "numPartitions": str(partitions)} | bounds

    def _with_reason(self, source: Source) -> str:
        # SQLite takes any type in any column, and its driver reads text as 0: find it with typeof.
        columns = {f.name: self._quoted(f.source_name) for f in source.fields if f.kind != "string"}
        cases = [
            f"when typeof({column}) in ('text', 'blob') then '{name} is no number: ' || {column}"
            for name, column in columns.items()
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


def _rows(raw: DataFrame, source: Source, reasons: list[Column], fab_id: str) -> FabRows:
    columns = sorted({field.source_name for field in source.fields})
    reason = F.coalesce(*reasons) if reasons else F.lit(None).cast("string")
    persisted = raw.select(*columns, reason.alias(_REASON)).persist(StorageLevel.MEMORY_AND_DISK)
    values = {field.name: field.value for field in source.fields}
    named = [column.alias(name) for name, column in values.items()]
    if CHANGED in source.table.columns and CHANGED not in values:
        named.append(F.lit(None).alias(CHANGED))
    rows = persisted.where(F.col(_REASON).isNull()).select(F.lit(fab_id).alias("fab_id"), *named)
    refused = persisted.where(F.col(_REASON).isNotNull()).select(
        F.col(_REASON).alias("reason"), F.to_json(F.struct(*columns)).alias("row")
    )
    return FabRows(rows, refused, persisted, values)


def _check_file(url: str) -> None:
    path = url.removeprefix(_SQLITE).partition("?")[0]
    if url.startswith(_SQLITE) and not Path(path).is_file():
        # The driver would create an empty one.
        raise ConfigError(
            f"{path}: no such factory database; set database.url in conf, or remove the landing "
            "zone and run `make landing` for an embedded one"
        )
