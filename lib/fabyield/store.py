"""Delta tables in a lake: created as declared, and written so that a write can be repeated."""

import re
from dataclasses import dataclass, field

from delta import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.files import listed
from fabyield.table import BATCH, Table

STATISTICS = "delta.dataSkippingStatsColumns"
COMMIT = re.compile(r"[0-9]{20}\.json")


@dataclass(frozen=True)
class Store:
    """The lake under `root`, one folder per table."""

    spark: SparkSession
    root: str
    _checked: set[str] = field(default_factory=set, compare=False, repr=False)

    def path(self, table: Table) -> str:
        """Where `table` is stored."""
        return f"{self.root}/{table.table.replace('.', '/')}"

    def exists(self, table: Table) -> bool:
        """Whether `table` has been created."""
        return self.version(table) >= 0

    def read(self, table: Table) -> DataFrame:
        """All rows of `table`, with the columns it declares; none where it was never written."""
        if not self.exists(table):
            return self.spark.createDataFrame([], table.ddl)
        self.create(table)
        return table.conform(self.spark.read.format("delta").load(self.path(table)))

    def version(self, table: Table) -> int:
        """The newest Delta version of `table`; -1 where it was never created."""
        # Delta's own answer runs a Spark job; by its protocol the newest commit is the last file.
        names = listed(f"{self.path(table)}/_delta_log")
        commits = [int(name[:20]) for name in names if COMMIT.fullmatch(name)]
        return max(commits, default=-1)

    def append(self, table: Table, df: DataFrame, batch: int) -> None:
        """Add `df` as the rows of `batch`; a batch that was added before is not added again."""
        self.create(table)
        writer = df.write.format("delta").mode("append")
        # On this write alone: in the session's conf the next, different write would be skipped.
        writer = writer.option("txnAppId", table.table).option("txnVersion", batch)
        writer.save(self.path(table))

    def log(self, table: Table, df: DataFrame) -> None:
        """Add `df` as it is, for tables that keep every attempt: repeated, it stands twice."""
        self.create(table)
        df.write.format("delta").mode("append").save(self.path(table))

    def merge(self, table: Table, df: DataFrame) -> None:
        """Insert new keys and update the rows that differ in more than their batch."""
        if self._is_new(table):
            self.log(table, df)
            return
        stored, same_row = self.create(table), _same_row(table)
        others = [name for name in table.columns if name not in (*table.key, BATCH)]
        alike = " and ".join([same_row, *(_alike(n, table.columns[n].type) for n in others)])
        old, new = stored.toDF().alias("old"), df.alias("new")
        # A merge that matches a row rewrites it although nothing changed, and commits.
        changed = new.join(old, F.expr(alike), how="left_anti").persist()
        if not changed.isEmpty():
            merge = stored.alias("old").merge(changed.alias("new"), same_row)
            merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        changed.unpersist()

    def mirror(self, table: Table, df: DataFrame, where: Column) -> None:
        """Merge `df`, and delete the rows that meet `where` and whose keys it lacks."""
        self.merge(table, df)
        stored, same_row = self.create(table), _same_row(table)
        old, new = stored.toDF().where(where).alias("old"), df.alias("new")
        gone = old.join(new, F.expr(same_row), how="left_anti").select(*table.key).persist()
        if not gone.isEmpty():
            stored.alias("old").merge(gone.alias("new"), same_row).whenMatchedDelete().execute()
        gone.unpersist()

    def replace(self, table: Table, df: DataFrame, where: str | None) -> None:
        """Put `df` in the place of the rows that meet `where`, or of all rows if it is None."""
        if self._is_new(table) or (where and self.read(table).where(where).isEmpty()):
            # Nothing to make room for: adding is cheaper than looking for rows to rewrite.
            self.log(table, df)
            return
        writer = df.write.format("delta").mode("overwrite")
        # Overwriting without a condition would leave the table unclustered.
        writer.option("replaceWhere", where or "true").save(self.path(table))

    def create(self, table: Table) -> DeltaTable:
        """Open `table`, created as declared or with the columns that its schema has gained.

        Raises ContractError where the stored columns differ in any other way.
        """
        if self.exists(table):
            stored = DeltaTable.forPath(self.spark, self.path(table))
            if table.table not in self._checked:
                self._add_columns(table, stored.toDF())
                self._checked.add(table.table)
            return stored
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
        return builder.execute()

    def _is_new(self, table: Table) -> bool:
        """Whether `table`, now created, holds nothing: then rows need not be held against it."""
        self.create(table)
        return self.version(table) == 0

    def _add_columns(self, table: Table, stored: DataFrame) -> None:
        declared = self.spark.createDataFrame([], table.ddl)
        old, new = dict(stored.dtypes), dict(declared.dtypes)
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
        if added:
            empty = stored.limit(0).withColumns({n: F.lit(None).cast(new[n]) for n in added})
            writer = empty.write.format("delta").mode("append").option("mergeSchema", "true")
            writer.save(self.path(table))


def properties(table: Table) -> dict[str, str]:
    """The Delta properties that `table` declares."""
    return {STATISTICS: ",".join(table.statistics)} if table.statistics else {}


def _same_row(table: Table) -> str:
    return " and ".join(f"old.{name} <=> new.{name}" for name in table.key)


def _alike(column: str, kind: str) -> str:
    old, new = f"old.{column}", f"new.{column}"
    # Maps cannot be compared as they are.
    return f"to_json({old}) <=> to_json({new})" if "map<" in kind else f"{old} <=> {new}"
