"""Ways to lay out and to write `silver.test_results`."""

from dataclasses import dataclass, replace

from fabyield.table import Table
from fabyield.tables import TEST_RESULTS

DECLARED = "as declared"
MONTHS = 3
OPTIMIZED_WRITE = "spark.databricks.delta.optimizeWrite.enabled"


@dataclass(frozen=True)
class Layout:
    """Columns to cluster by; OPTIMIZE looks at `cube_files` at a time, at none if it is 0."""

    about: str
    cluster_by: tuple[str, ...]
    cube_files: int = 8

    def of(self, table: Table) -> Table:
        """`table` laid out so; others than test results as they are declared."""
        if table is not TEST_RESULTS:
            return table
        return replace(table, cluster_by=list(self.cluster_by))


LAYOUTS = {
    DECLARED: Layout("by wafer_key and test_num", tuple(TEST_RESULTS.cluster_by)),
    "larger cubes": Layout("so, 32 files at a time", tuple(TEST_RESULTS.cluster_by), 32),
    "by wafer": Layout("by wafer_key", ("wafer_key",)),
    "by test": Layout("by test_num", ("test_num",)),
    "as written": Layout("no OPTIMIZE", tuple(TEST_RESULTS.cluster_by), 0),
}


@dataclass(frozen=True)
class Writing:
    """How a night's rows are written."""

    about: str
    statistics: tuple[str, ...] = tuple(TEST_RESULTS.statistics)
    optimized: bool = False

    def of(self, table: Table) -> Table:
        """`table` with bounds of these columns alone; of all where there are none."""
        return replace(table, statistics=list(self.statistics))


WRITINGS = {
    DECLARED: Writing("bounds of the columns that the schema names"),
    "all bounds": Writing("bounds of all columns", ()),
    "optimized write": Writing("as declared, optimizeWrite on", optimized=True),
}
