"""What a job sees of the lake: the tables to read, and the way to publish rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow.compute import Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.lake.catalog import WAFER_RUNS
from fabyield.lake.reader import Row
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.publish import Publisher
from fabyield.stdf.tools.retest import PartRules
from fabyield.transforms.shared.change_feed import CHANGE, VERSION
from fabyield.transforms.shared.key_ranges import between, in_keys
from fabyield.transforms.shared.name_rules import NameRules


@dataclass(frozen=True)
class Run(Publisher):
    """One attempt at a step: reads tables, and publishes rows that meet their expectations.

    A lake may contain several fabs: a run reads and replaces the rows of its own. `since` is the
    batch for which the step was last done, 0 if it takes all rows; `seen` has the table versions
    that it saw then.
    """

    since: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def name_rules(self) -> NameRules:
        """Return how the fab spells its lots and wafers."""
        return NameRules(self.settings.fab.lot_id_rules, self.settings.fab.wafer_id_rules)

    @property
    def part_rules(self) -> PartRules:
        """Return which touchdowns are of one part, and which of them decides."""
        fab = self.settings.fab
        origin = fab.part_origin_rule["column"], fab.part_origin_rule["pattern"]
        return PartRules(fab.retest_rule, *origin, fab.engineering_modes)

    def read(self, table: Table, wafers: Sequence[int] | None = None) -> DataFrame:
        """Return the fab's rows of `table`, of the given wafer keys or, with None, all."""
        rows = self._ours(table, self.read_all_fabs(table))
        return rows if wafers is None else rows.where(in_keys("wafer_key", wafers))

    def read_all_fabs(self, table: Table) -> DataFrame:
        """Return the rows of `table` of every fab, for numbers that count in the whole lake."""
        self._check_declared(table, "reads")
        return self.store.read(table)

    def rows(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> list[Row]:
        """Return the few rows of the fab in `table` that meet `where`, read without Spark."""
        return self.arrow(table, columns, where).to_pylist()

    def arrow(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> pa.Table:
        """Return the same as `rows`, as an Arrow table."""
        self._check_declared(table, "reads")
        if "fab_id" in table.columns:
            ours = pc.field("fab_id") == self.fab_id
            where = ours if where is None else ours & where
        return self.store.arrow(table, columns, where)

    def count(self, table: Table) -> int:
        """Count the fab's rows of `table` without Spark."""
        self._check_declared(table, "reads")
        ours = None if self.is_only_fab else pc.field("fab_id") == self.fab_id
        return self.store.count(table, ours)

    def read_span(self, table: Table, rows: DataFrame, column: str) -> DataFrame:
        """Read the rows of `table` whose `column` is between the least and greatest in `rows`."""
        span = rows.agg(F.min(column), F.max(column)).collect()[0]
        return self.read(table).where(between(column, *span))

    def read_files(self, table: Table, files: DataFrame | Sequence[int]) -> DataFrame:
        """Return the rows of `table` from `files`: their keys, or rows that have a file_key."""
        if isinstance(files, DataFrame):
            rows = files.select("file_key").distinct().collect()
            files = [row["file_key"] for row in rows]
        return self.read(table).where(in_keys("file_key", files))

    def wafer_runs(self, wafers: Sequence[int] | None, columns: Sequence[str]) -> pa.Table:
        """Return the test runs of `wafers` or, with None, all, read without Spark."""
        where = None if wafers is None else pc.field("wafer_key").isin(list(wafers))
        return self.arrow(WAFER_RUNS, columns, where)

    def tested_files(self, wafers: Sequence[int] | None) -> list[int]:
        """Return the keys of the files with test runs of `wafers` or, with None, of all."""
        return _distinct(self.wafer_runs(wafers, ["file_key"]))

    def new(self, table: Table) -> DataFrame:
        """Return the rows that batches wrote to `table` since this step was last done."""
        return self.read(table).where(F.col(BATCH) > self.since)

    def changes(self, table: Table) -> DataFrame:
        """Return what changed in `table` since this step was last done, or all rows as inserted."""
        if self.must_reread(table):
            return self.read(table).withColumns({CHANGE: F.lit("insert"), VERSION: F.lit(0)})
        self._check_declared(table, "reads")
        return self._ours(table, self.store.changes(table, self.seen[table.table] + 1))

    def must_reread(self, table: Table) -> bool:
        """Return whether all rows of `table` are new to this step, also after it was recreated."""
        seen = self.seen.get(table.table)
        return self.since == 0 or seen is None or self.store.version(table) < seen

    def is_full_run(self, *targets: Table) -> bool:
        """Return whether this step takes all rows, on request or for lack of an earlier run."""
        seen = self.since > 0 and self.seen
        return not seen or not all(self.store.exists(table) for table in targets)

    def touched(self, target: Table, *sources: Table | DataFrame) -> list[int] | None:
        """Return the keys of wafers that gained or lost rows in `sources`; None means all."""
        if self.is_full_run(target):
            return None
        keys: set[int] = set()
        frames: list[DataFrame] = []
        for source in sources:
            if isinstance(source, DataFrame):
                frames.append(source.select("wafer_key"))
            elif source.change_feed:
                keys.update(self._changed_wafers(source))
            else:
                frames.append(self.new(source).select("wafer_key"))
        if frames:
            rows = reduce(DataFrame.union, frames).distinct().collect()
            keys.update(row["wafer_key"] for row in rows)
        return sorted(keys)

    def _changed_wafers(self, table: Table) -> list[int]:
        if self.must_reread(table):
            return _distinct(self.arrow(table, ["wafer_key"]))
        self._check_declared(table, "reads")
        columns, ours = ["wafer_key", "fab_id"], pc.field("fab_id") == self.fab_id
        return _distinct(self.store.changed_rows(table, self.seen[table.table], columns, ours))

    def _ours(self, table: Table, rows: DataFrame) -> DataFrame:
        # A table without fab_id has rows of files that only one fab has, or of the whole lake.
        return rows.where(F.col("fab_id") == self.fab_id) if "fab_id" in table.columns else rows


def _distinct(keys: pa.Table) -> list[int]:
    """Return the distinct values of the first column of `keys`, without null."""
    return [key for key in pc.unique(keys.column(0)).to_pylist() if key is not None]
