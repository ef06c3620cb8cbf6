"""Write the Delta tables of a lake so that every write can be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from threading import Lock
from time import sleep
from typing import Any, Concatenate, ParamSpec
from uuid import uuid4

import pyarrow as pa
from delta import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.lake.commits import append_once, refuse_transactions, retry_on_conflict
from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.few_rows import few_rows
from fabyield.lake.layout import mark_layout
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.merge import GONE, rows_to_merge, same_key_condition
from fabyield.lake.reader import LakeReader
from fabyield.lake.storage import remove_folder
from fabyield.lake.table import Table
from fabyield.settings.sections import Retries
from fabyield.transforms.shared.change_feed import CHANGE, VERSION
from fabyield.transforms.shared.key_ranges import in_keys

STATISTICS = "delta.dataSkippingStatsColumns"
# How long another writer may take from the folder of a log to its first commit.
LOOKS, SECONDS_BETWEEN = 20, 0.25
P = ParamSpec("P")
Write = Callable[Concatenate["Store", Table, P], None]


def retried(write: Write[P]) -> Write[P]:
    """Repeat `write`, one transaction, when another writer's commit conflicts with it."""

    @wraps(write)
    def retrying(store: "Store", table: Table, /, *args: P.args, **kwargs: P.kwargs) -> None:
        what = f"{table.table}: {write.__name__.strip('_')}"
        retry_on_conflict(what, partial(write, store, table, *args, **kwargs), store.retries)

    return retrying


@dataclass(frozen=True)
class Store(LakeReader):
    """The lake under `root`, with one folder per table.

    A write that conflicts with another writer's is planned again from the new state, as `retries`
    say. Raises FabYieldError after the last retry, LeaseLostError if this process may no longer
    write the lake, and ConfigError if options in the session's conf would make writes vanish.
    """

    spark: SparkSession
    root: str
    retries: Retries = field(default_factory=Retries)
    _writer: str = field(default_factory=lambda: uuid4().hex, compare=False, repr=False)
    _checked: set[str] = field(default_factory=set, compare=False, repr=False)
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    def read(self, table: Table) -> DataFrame:
        """Return all rows of `table`, after adding the columns that its schema has gained."""
        if not self.exists(table):
            return few_rows(self.spark, [], table.ddl)
        self.create(table)
        return table.conform(self.spark.read.format("delta").load(self.path(table)))

    def changes(self, table: Table, version: int) -> DataFrame:
        """Return Delta's change feed of `table` from `version` on, with CHANGE and VERSION."""
        if self.version(table) < version:
            return few_rows(self.spark, [], f"{table.ddl}, {CHANGE} string, {VERSION} bigint")
        reader = self.spark.read.format("delta").option("readChangeFeed", "true")
        rows = reader.option("startingVersion", version).load(self.path(table))
        return rows.select(*table.columns, CHANGE, VERSION)

    @retried
    def append(self, table: Table, df: DataFrame, batch: int, fab_id: str = "") -> None:
        """Add `df` as the rows of `batch`, unless the fab has added that batch or a later one."""
        self.create(table)
        # Another fab may have added later batches already.
        self._append(table, df, f"{table.table} {fab_id}".strip(), batch)

    def log(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Add a few rows to a table that keeps every attempt: a second call adds them again."""
        # The lock gives each thread a version of its own; a retry of one call keeps its version.
        with self._lock:
            self._log(table, pa.Table.from_pylist(rows, table.arrow), self.version(table) + 1)

    @retried
    def merge(
        self,
        table: Table,
        df: DataFrame,
        gone: DataFrame | None = None,
        bounds: tuple[Any, Any] | None = None,
    ) -> None:
        """Insert new keys, update rows that differ in more than their batch, delete `gone`.

        `gone` has keys that `df` lacks. `bounds` are the least and the greatest leading key of
        `df`, if they are known already.
        """
        self.create(table)
        if self.version(table) == 0:
            self._overwrite(table, df, "true")
            return
        stored = self._delta(table)
        changed, condition = rows_to_merge(table, df, stored.toDF(), gone, bounds)
        changed.persist()
        try:
            if not changed.isEmpty():
                values: dict[str, str | Column] = {n: f"new.`{n}`" for n in table.columns}
                merge = stored.alias("old").merge(changed.alias("new"), condition)
                merge = merge.whenMatchedDelete(f"new.{GONE}").whenMatchedUpdate(set=values)
                self._commit(merge.whenNotMatchedInsert(f"not new.{GONE}", values).execute)
        finally:
            changed.unpersist()

    def mirror(
        self, table: Table, df: DataFrame, where: Column, bounds: tuple[Any, Any] | None = None
    ) -> None:
        """Merge `df`, and delete the rows that meet `where` and whose keys `df` lacks."""
        old, new = self.read(table).where(where).alias("old"), df.alias("new")
        gone = old.join(new, F.expr(same_key_condition(table)), how="left_anti").localCheckpoint()
        self.merge(table, df, None if gone.isEmpty() else gone, bounds)

    @retried
    def replace(self, table: Table, df: DataFrame, where: str) -> None:
        """Replace the rows that meet `where` by `df`; "true" means all rows."""
        self.create(table)
        self._overwrite(table, df, where)

    @retried
    def replace_keys(self, table: Table, df: DataFrame, column: str, keys: Sequence[int]) -> None:
        """Replace the rows whose `column` is in `keys` by `df`, which has no other keys."""
        self.create(table)
        version, where = self.version(table), in_keys(column, keys)
        if self._may_have(table, column, min(keys), max(keys)):
            self._overwrite(table, df, where)
        else:
            # Delta's replace has the same check: a row with another key would be stored twice.
            wrong = F.raise_error(F.lit(f"{table.table}: a row outside of {where[:200]}"))
            self._fill(table, df.where(F.when(F.expr(where), True).otherwise(wrong)), version)

    @retried
    def update(self, table: Table, where: str, values: dict[str, Column]) -> None:
        """Set `values` in the rows of `table` that meet `where`."""
        if not self.read(table).where(where).isEmpty():
            self._commit(partial(self._delta(table).update, where, dict(values)))

    @retried
    def create(self, table: Table) -> None:
        """Create `table`, or add new columns; raise ContractError for any other difference."""
        if not self.exists(table):
            self._make(table)
        elif table.table not in self._checked:
            self._add_columns(table)
            self._checked.add(table.table)

    def _delta(self, table: Table) -> DeltaTable:
        return DeltaTable.forPath(self.spark, self.path(table))

    def _make(self, table: Table) -> None:
        mark_layout(self.root)
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
            # Delta expects a table wherever its log has a folder: another writer may be creating
            # it right now, or one that was killed left the folder without a commit.
            for _ in range(LOOKS):
                if self.exists(table):
                    return
                sleep(SECONDS_BETWEEN)
            log = DeltaLog(self.path(table))
            if not log.was_never_committed:
                # This is what is left of a table that may have rows.
                raise
            check_lease(self.root)
            remove_folder(log.folder)
            self._commit(builder.execute)

    @retried
    def _log(self, table: Table, rows: pa.Table, turn: int) -> None:
        self.create(table)
        self._commit(partial(append_once, self.path(table), rows, self._writer, turn))

    def _overwrite(self, table: Table, df: DataFrame, where: str) -> None:
        if self.version(table) == 0:
            self._fill(table, df, 0)
            return
        # Always with a condition: without one the table would become unclustered.
        self._save(table, df.write.format("delta").mode("overwrite").option("replaceWhere", where))

    def _fill(self, table: Table, df: DataFrame, version: int) -> None:
        """Add `df` to `table`, which has no rows that it replaces at `version`."""
        # Of two writers that see the same version, the transaction lets one through.
        self._append(table, df, f"{table.table} first", version)

    def _append(self, table: Table, df: DataFrame, transaction: str, version: int) -> None:
        # Options of this write alone: in the session's conf Delta would skip the next write.
        writer = df.write.format("delta").mode("append").option("txnAppId", transaction)
        self._save(table, writer.option("txnVersion", version))

    def _save(self, table: Table, writer: DataFrameWriter) -> None:
        self._commit(partial(writer.save, self.path(table)))

    def _commit(self, write: Callable[[], object]) -> None:
        refuse_transactions(self.spark)
        check_lease(self.root)
        write()

    def _add_columns(self, table: Table) -> None:
        old, new = self._stored_types(table), table.types
        wrong = [f"{n} {kind} is now {new.get(n)}" for n, kind in old.items() if new.get(n) != kind]
        if wrong:
            raise ContractError(
                f"{table.table}: stored columns differ from schemas/: {'; '.join(wrong)}; "
                "only new columns can be added, so rebuild the table or restore its schema"
            )
        added = [name for name in new if name not in old]
        if lacking := [name for name in added if name in table.required]:
            raise ContractError(
                f"{table.table}: stored rows lack {', '.join(lacking)}, which schemas/ requires: "
                "an earlier version wrote this lake; read the landing zone into a new one"
            )
        if added:
            empty = self._delta(table).toDF().limit(0)
            empty = empty.withColumns({n: F.lit(None).cast(new[n]) for n in added})
            writer = empty.write.format("delta").mode("append")
            self._save(table, writer.option("mergeSchema", "true"))


def properties(table: Table) -> dict[str, str]:
    """Return the Delta properties that `table` declares."""
    declared = {STATISTICS: ",".join(table.statistics)} if table.statistics else {}
    return declared | ({"delta.enableChangeDataFeed": "true"} if table.change_feed else {})
