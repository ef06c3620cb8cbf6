"""Delta tables in a lake: created as declared, and written so that a write can be repeated."""

from dataclasses import dataclass

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.table import BATCH, Table


@dataclass(frozen=True)
class Store:
    """The lake under `root`, one folder per table."""

    spark: SparkSession
    root: str

    def path(self, table: Table) -> str:
        """Where `table` is stored."""
        return f"{self.root}/{table.table.replace('.', '/')}"

    def exists(self, table: Table) -> bool:
        """Whether `table` has been created."""
        return DeltaTable.isDeltaTable(self.spark, self.path(table))

    def read(self, table: Table) -> DataFrame:
        """All rows of `table`, with the columns it declares; none where it was never written."""
        if not self.exists(table):
            return self.spark.createDataFrame([], table.ddl)
        return table.conform(self.spark.read.format("delta").load(self.path(table)))

    def version(self, table: Table) -> int:
        """The newest Delta version of `table`; -1 where it was never written."""
        if not self.exists(table):
            return -1
        newest = DeltaTable.forPath(self.spark, self.path(table)).history(1).select("version")
        return int(newest.collect()[0]["version"])

    def append(self, table: Table, df: DataFrame, batch: int) -> None:
        """Add `df` as the rows of `batch`; a batch that was added before is not added again."""
        self.create(table)
        writer = df.write.format("delta").mode("append")
        # On this write alone: in the session's conf the next, different write would be skipped.
        writer = writer.option("txnAppId", table.table).option("txnVersion", batch)
        writer.save(self.path(table))

    def merge(self, table: Table, df: DataFrame) -> None:
        """Insert new keys and update the rows that differ in more than their batch."""
        same_row = " and ".join(f"old.{name} <=> new.{name}" for name in table.key)
        others = [name for name in table.columns if name not in (*table.key, BATCH)]
        # Without its condition the merge would rewrite every row it matches.
        changed = " or ".join(_differs(name, table.columns[name].type) for name in others)
        merge = self.create(table).alias("old").merge(df.alias("new"), same_row)
        merge.whenMatchedUpdateAll(condition=changed or "false").whenNotMatchedInsertAll().execute()

    def replace(self, table: Table, df: DataFrame, where: str | None) -> None:
        """Put `df` in the place of the rows that meet `where`, or of all rows if it is None."""
        self.create(table)
        writer = df.write.format("delta").mode("overwrite")
        if where is not None:
            writer = writer.option("replaceWhere", where)
        writer.save(self.path(table))

    def create(self, table: Table) -> DeltaTable:
        """Open `table`, created as declared or with the columns that its schema has gained.

        Raises ContractError where the stored columns differ in any other way.
        """
        if self.exists(table):
            stored = DeltaTable.forPath(self.spark, self.path(table))
            self._add_columns(table, stored.toDF())
            return stored
        # df.write.clusterBy(...).save(path) would leave the table unclustered (delta#4823).
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(table))
        builder = builder.comment(table.about)
        if table.cluster_by:
            builder = builder.clusterBy(*table.cluster_by)
        for name, column in table.columns.items():
            nullable = not column.required
            builder = builder.addColumn(name, column.type, nullable=nullable, comment=column.about)
        return builder.execute()

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


def _differs(column: str, kind: str) -> str:
    old, new = f"old.{column}", f"new.{column}"
    # Maps cannot be compared as they are.
    return f"not to_json({old}) <=> to_json({new})" if "map<" in kind else f"not {old} <=> {new}"
