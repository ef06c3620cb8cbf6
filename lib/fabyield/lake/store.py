"""Delta tables in a lake: created as declared, and written so that a write can be repeated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from threading import Lock
from time import sleep
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

import pyarrow as pa
from delta import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow.compute import Expression
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ContractError, FabYieldError
from fabyield.lake.commits import append_once, refuse_transactions, retry_on_conflict
from fabyield.lake.delta_log import DeltaLog, DeltaLogError
from fabyield.lake.delta_rows import (
    Row,
    arrow_rows,
    changed_rows,
    count_rows,
    first_row,
    may_hold,
    stored_types,
)
from fabyield.lake.few_rows import few_rows
from fabyield.lake.layout import check_layout
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.storage import remove_folder
from fabyield.lake.table import BATCH, Table
from fabyield.settings.settings import Retries
from fabyield.transforms.shared.change_feed import CHANGE, VERSION
from fabyield.transforms.shared.key_ranges import between, in_keys

STATISTICS = "delta.dataSkippingStatsColumns"
CHANGE_FEED = "delta.enableChangeDataFeed"
GONE = "_gone"
# As long as another writer may take from the folder of a log to its first commit.
LOOKS, SECONDS_BETWEEN = 20, 0.25
P = ParamSpec("P")
T = TypeVar("T")
Write = Callable[Concatenate["Store", Table, P], T]


def repeated(write: Write[P, T]) -> Write[P, T]:
    """Make `write`, one transaction, begin anew where another writer's got in its way."""

    @wraps(write)
    def repeating(store: "Store", table: Table, /, *given: P.args, **named: P.kwargs) -> T:
        what = f"{table.table}: {write.__name__.strip('_')}"
        return retry_on_conflict(what, partial(write, store, table, *given, **named), store.retries)

    return repeating


@dataclass(frozen=True)
class Store:
    """The lake under `root`, one folder per table.

    Every write goes by what is stored at its commit: one that met another writer's is planned
    anew as `retries` say. Raises FabYieldError where that does not end, LeaseLostError where this
    process may no longer write the lake, and ConfigError where the session's conf holds options
    that would make writes vanish.
    """

    spark: SparkSession
    root: str
    retries: Retries = field(default_factory=Retries)
    _writer: str = field(default_factory=lambda: uuid4().hex, compare=False, repr=False)
    _checked: set[str] = field(default_factory=set, compare=False, repr=False)
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    def path(self, table: Table) -> str:
        """Where `table` is stored."""
        return f"{self.root}/{table.folder}"

    def exists(self, table: Table) -> bool:
        """Whether `table` has been created."""
        return self.version(table) >= 0

    def read(self, table: Table) -> DataFrame:
        """All rows of `table`, with the columns it declares; none where it was never written.

        Columns that its schema has gained are added to what is stored, by a commit; see create.
        """
        if not self.exists(table):
            return few_rows(self.spark, [], table.ddl)
        self.create(table)
        return table.conform(self.spark.read.format("delta").load(self.path(table)))

    def version(self, table: Table) -> int:
        """The newest Delta version of `table`; -1 where it was never created."""
        # Delta's own answer runs a Spark job; by its protocol the newest commit is the last file.
        return DeltaLog(self.path(table)).version

    def changed_since(self, table: Table, version: int) -> bool:
        """Whether rows of `table` came, changed or left since it was at `version`.

        By its log alone. Files that were only written anew, such as by OPTIMIZE, are no change.
        """
        return DeltaLog(self.path(table)).changed_since(version)

    def arrow(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> pa.Table:
        """The rows of `table` that meet `where`, read on the driver without Spark: keep them few.

        All columns, unless some are named. Raises FabYieldError where the table is damaged.
        """
        names = list(columns or table.columns)
        if not self.exists(table):
            return table.arrow.empty_table().select(names)
        with _reading(table):
            return arrow_rows(self.path(table), table.arrow, names, where)

    def rows(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> list[Row]:
        """What `arrow` gives, as dictionaries; times are in UTC."""
        return self.arrow(table, columns, where).to_pylist()

    def count(self, table: Table, where: Expression | None = None) -> int:
        """How many rows of `table` meet `where`; of all of them its log tells."""
        with _reading(table):
            return count_rows(self.path(table), where) if self.exists(table) else 0

    def has_rows(self, table: Table, where: Expression) -> bool:
        """Whether a row of `table` meets `where`, which bounds of columns should help to tell."""
        with _reading(table):
            return self.exists(table) and first_row(self.path(table), where) is not None

    def changed(
        self, table: Table, version: int, columns: Sequence[str], where: Expression | None = None
    ) -> pa.Table:
        """The `columns` of all rows of `table` that came, changed or left since `version`.

        Read on the driver without Spark. A row may be among them more than once, and one that was
        only moved as well. Raises FabYieldError where they cannot be told any more.
        """
        schema = pa.schema([table.arrow.field(name) for name in columns])
        try:
            return changed_rows(self.path(table), version, schema, where)
        except (DeltaLogError, OSError, pa.ArrowException) as error:
            raise FabYieldError(
                f"{table.table}: what changed since version {version} cannot be read: {error}; "
                "`fabyield rebuild` of the step that reads it takes all rows"
            ) from error

    @repeated
    def append(self, table: Table, df: DataFrame, batch: int, fab_id: str = "") -> None:
        """Add `df` as the rows of `batch`, unless the fab has added that batch or a later one."""
        self.create(table)
        # On this write alone: in the session's conf the next, different write would be skipped.
        adding = df.write.format("delta").mode("append")
        # Of another fab, later batches may be there before this one is.
        adding = adding.option("txnAppId", f"{table.table} {fab_id}".strip())
        self._save(table, adding.option("txnVersion", batch))

    def log(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Add a few rows, for tables that keep every attempt: called again, they stand twice."""
        # Not twice by a call that was committed, but lost the store's answer. Of two threads both
        # would take the same turn.
        with self._lock:
            self._log(table, pa.Table.from_pylist(rows, table.arrow), self.version(table) + 1)

    def changes(self, table: Table, version: int) -> DataFrame:
        """The rows of `table` that changed from `version` on: how in CHANGE, and in which VERSION.

        CHANGE is insert, delete, update_preimage or update_postimage, as in Delta's change feed.
        """
        if self.version(table) < version:
            none = f"{table.ddl}, {CHANGE} string, {VERSION} bigint"
            return few_rows(self.spark, [], none)
        reader = self.spark.read.format("delta").option("readChangeFeed", "true")
        rows = reader.option("startingVersion", version).load(self.path(table))
        return rows.select(*table.columns, CHANGE, VERSION)

    @repeated
    def merge(
        self,
        table: Table,
        df: DataFrame,
        gone: DataFrame | None = None,
        bounds: tuple[Any, Any] | None = None,
    ) -> None:
        """Insert new keys, update the rows that differ in more than their batch, delete `gone`.

        `gone` holds keys that `df` lacks. `bounds` are the least and the greatest leading key of
        `df`, where they are known already.
        """
        if self._is_new(table):
            self._overwrite(table, df, "true")
            return
        stored, same_row = self._delta(table), _same_row(table)
        others = [name for name in table.columns if name not in (*table.key, BATCH)]
        alike = " and ".join([same_row, *(_alike(n, table.columns[n].type) for n in others)])
        new = df.withColumn(GONE, F.lit(False))
        if gone is not None:
            there = gone.alias("new").join(
                stored.toDF().alias("old"), F.expr(same_row), how="left_semi"
            )
            left = there.select(*table.key).withColumn(GONE, F.lit(True))
            new = new.unionByName(left, allowMissingColumns=True)
        within = _range(table, new, bounds if gone is None else None)
        old = stored.toDF().alias("old").where(within)
        # A merge that matches a row rewrites it although nothing changed, and commits.
        stands = F.expr(f"{alike} and not new.{GONE}")
        with _held(new.alias("new").join(old, stands, how="left_anti")) as changed:
            if not changed.isEmpty():
                values: dict[str, str | Column] = {n: f"new.`{n}`" for n in table.columns}
                both = within & F.expr(same_row)
                merge = stored.alias("old").merge(changed.alias("new"), both)
                merge = merge.whenMatchedDelete(f"new.{GONE}").whenMatchedUpdate(set=values)
                self._commit(merge.whenNotMatchedInsert(f"not new.{GONE}", values).execute)

    def mirror(
        self, table: Table, df: DataFrame, where: Column, bounds: tuple[Any, Any] | None = None
    ) -> None:
        """Merge `df`, and delete the rows that meet `where` and whose keys it lacks."""
        old, new = self.read(table).where(where).alias("old"), df.alias("new")
        gone = old.join(new, F.expr(_same_row(table)), how="left_anti").localCheckpoint()
        self.merge(table, df, None if gone.isEmpty() else gone, bounds)

    @repeated
    def replace(self, table: Table, df: DataFrame, where: str) -> None:
        """Put `df` in the place of the rows that meet `where`; of all of them: "true"."""
        self.create(table)
        self._overwrite(table, df, where)

    @repeated
    def replace_keys(self, table: Table, df: DataFrame, column: str, keys: Sequence[int]) -> None:
        """Put `df`, which has no other ones, in the place of the rows whose `column` is of `keys`.

        Where the bounds of the stored files say that there are none, they are not looked for.
        """
        self.create(table)
        version, where = self.version(table), in_keys(column, keys)
        with _reading(table):
            there = may_hold(self.path(table), column, min(keys), max(keys))
        if there:
            self._overwrite(table, df, where)
        else:
            # As Delta has it when it replaces: a row of another key would stand twice.
            wrong = F.raise_error(F.lit(f"{table.table}: a row outside of {where[:200]}"))
            self._fill(table, df.where(F.when(F.expr(where), True).otherwise(wrong)), version)

    @repeated
    def update(self, table: Table, where: str, values: dict[str, Column]) -> None:
        """Set `values` in the rows of `table` that meet `where`."""
        if not self.read(table).where(where).isEmpty():
            self._commit(partial(self._delta(table).update, where, dict(values)))

    @repeated
    def create(self, table: Table) -> None:
        """Make `table` as declared, or add the columns that its schema has gained.

        Raises ContractError where the stored columns differ in any other way.
        """
        if not self.exists(table):
            self._make(table)
        elif table.table not in self._checked:
            self._add_columns(table)
            self._checked.add(table.table)

    def _delta(self, table: Table) -> DeltaTable:
        self.create(table)
        return DeltaTable.forPath(self.spark, self.path(table))

    def _make(self, table: Table) -> None:
        check_layout(self.root)
        # df.write.clusterBy(...).save(path) would leave the table unclustered (delta#4823).
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(table))
        builder = builder.comment(table.about)
        if table.cluster_by:
            builder = builder.clusterBy(*table.cluster_by)
        for name, value in properties(table).items():
            builder = builder.property(name, value)
        for name, column in table.columns.items():
            nullable = not column.required
            builder = builder.addColumn(name, column.type, nullable=nullable, comment=column.about)
        try:
            self._commit(builder.execute)
        except AnalysisException:
            # Delta looks for a table wherever there is a folder for its log: one that another
            # writer makes at the same time, or that one who was killed left without a commit.
            if self._appears(table):
                return
            log = DeltaLog(self.path(table))
            if not log.was_never_committed:
                # It is what is left of a table that may have rows.
                raise
            check_lease(self.root)
            remove_folder(log.folder)
            self._commit(builder.execute)

    def _appears(self, table: Table) -> bool:
        """Whether `table` is there, or soon is."""
        for _ in range(LOOKS):
            if self.exists(table):
                return True
            sleep(SECONDS_BETWEEN)
        return False

    @repeated
    def _log(self, table: Table, rows: pa.Table, turn: int) -> None:
        self.create(table)
        self._commit(partial(append_once, self.path(table), rows, self._writer, turn))

    def _overwrite(self, table: Table, df: DataFrame, where: str) -> None:
        if self.version(table) == 0:
            self._fill(table, df, 0)
            return
        # With a condition always: without one the table would be left unclustered.
        self._save(table, df.write.format("delta").mode("overwrite").option("replaceWhere", where))

    def _fill(self, table: Table, df: DataFrame, version: int) -> None:
        """Add `df` to `table`, which at `version` had nothing that it could take the place of."""
        # Of two writers that find it so, the transaction lets one through.
        filling = df.write.format("delta").mode("append")
        filling = filling.option("txnAppId", f"{table.table} first").option("txnVersion", version)
        self._save(table, filling)

    def _save(self, table: Table, writer: DataFrameWriter) -> None:
        self._commit(partial(writer.save, self.path(table)))

    def _commit(self, write: Callable[[], object]) -> None:
        refuse_transactions(self.spark)
        check_lease(self.root)
        write()

    def _is_new(self, table: Table) -> bool:
        """Whether `table`, now created, holds nothing: then rows need not be held against it."""
        self.create(table)
        return self.version(table) == 0

    def _add_columns(self, table: Table) -> None:
        with _reading(table):
            old, new = stored_types(self.path(table)), table.types
        wrong = [
            f"{name} {kind} is now {new.get(name)}"
            for name, kind in old.items()
            if new.get(name) != kind
        ]
        if wrong:
            raise ContractError(
                f"{table.table}: stored columns differ from schemas/: {'; '.join(wrong)}; "
                "only new columns can be added, so rebuild the table or restore its schema"
            )
        added = [name for name in new if name not in old]
        if lacking := [name for name in added if name in table.required]:
            raise ContractError(
                f"{table.table}: stored rows lack {', '.join(lacking)}, which schemas/ says they "
                "have: an earlier version made this lake; read the landing zone into a new one"
            )
        if added:
            stored = DeltaTable.forPath(self.spark, self.path(table)).toDF()
            empty = stored.limit(0).withColumns({n: F.lit(None).cast(new[n]) for n in added})
            writer = empty.write.format("delta").mode("append")
            self._save(table, writer.option("mergeSchema", "true"))


@contextmanager
def _reading(table: Table) -> Iterator[None]:
    """Name `table` where it cannot be read without Spark."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise FabYieldError(
            f"{table.table}: cannot be read: {error}; fabyield fsck {table.table} --deep names "
            "what is damaged"
        ) from error


@contextmanager
def _held(df: DataFrame) -> Iterator[DataFrame]:
    kept = df.persist()
    try:
        yield kept
    finally:
        kept.unpersist()


def _range(table: Table, df: DataFrame, bounds: tuple[Any, Any] | None) -> Column:
    """A condition that holds wherever keys of `df` are: a merge prunes no files by its join key."""
    lead = table.leading_key
    if lead is None:
        return F.lit(True)
    if bounds is None:
        bounds = df.agg(F.min(lead), F.max(lead)).collect()[0]
    return between(f"old.{lead}", *bounds)


def properties(table: Table) -> dict[str, str]:
    """The Delta properties that `table` declares."""
    declared = {STATISTICS: ",".join(table.statistics)} if table.statistics else {}
    return declared | ({CHANGE_FEED: "true"} if table.change_feed else {})


def _same_row(table: Table) -> str:
    return " and ".join(f"old.{name} <=> new.{name}" for name in table.key)


def _alike(column: str, kind: str) -> str:
    old, new = f"old.{column}", f"new.{column}"
    # Maps cannot be compared as they are.
    return f"to_json({old}) <=> to_json({new})" if "map<" in kind else f"{old} <=> {new}"
