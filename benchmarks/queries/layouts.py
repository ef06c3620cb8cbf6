"""Ways to lay out and to write `silver.parametric_results`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fabyield.lake.catalog import PARAMETRIC_RESULTS
from fabyield.lake.table import Table

DECLARED = "as declared"
MONTHS = 3
# On a cluster the rows of a night leave a join by die, in many tasks that write a file each.
TASKS = 8
OPTIMIZED_WRITE = "spark.databricks.delta.optimizeWrite.enabled"
AUTO_COMPACT = "spark.databricks.delta.autoCompact"


@dataclass(frozen=True)
class Layout:
    """Columns to cluster by; OPTIMIZE looks at `cube_files` at a time, at none if it is 0.

    A night is written by `tasks`; files are `file_share` of what `--files` makes them.
    """

    about: str
    cluster_by: tuple[str, ...]
    cube_files: int = 8
    tasks: int = TASKS
    file_share: float = 1.0

    def of(self, table: Table) -> Table:
        """`table` laid out so; others than test results as they are declared."""
        if table is not PARAMETRIC_RESULTS:
            return table
        return replace(table, cluster_by=list(self.cluster_by))


BY_BOTH = tuple(PARAMETRIC_RESULTS.cluster_by)
LAYOUTS = {
    DECLARED: Layout("by wafer_key and test_num", BY_BOTH),
    "larger cubes": Layout("so, 32 files at a time", BY_BOTH, 32),
    "smaller files": Layout("so, of half the size", BY_BOTH, 16, file_share=0.5),
    "by wafer": Layout("by wafer_key", ("wafer_key",)),
    "by test": Layout("by test_num", ("test_num",)),
    "as written": Layout("no OPTIMIZE", BY_BOTH, 0),
    "as one task writes": Layout("no OPTIMIZE, a night's file by wafer", BY_BOTH, 0, 1),
}


@dataclass(frozen=True)
class Writing:
    """How a night's rows are written."""

    about: str
    statistics: tuple[str, ...] = tuple(PARAMETRIC_RESULTS.statistics)
    conf: Mapping[str, str] = field(default_factory=dict)

    def of(self, table: Table) -> Table:
        """`table` with bounds of these columns alone; of all where there are none."""
        return replace(table, statistics=list(self.statistics))


WRITINGS = {
    DECLARED: Writing("bounds of the columns that the schema names"),
    "all bounds": Writing("bounds of all columns", ()),
    "optimized write": Writing("as declared, optimizeWrite on", conf={OPTIMIZED_WRITE: "true"}),
    "auto-compaction": Writing(
        "as declared, autoCompact of two nights' files",
        conf={f"{AUTO_COMPACT}.enabled": "true", f"{AUTO_COMPACT}.minNumFiles": str(2 * TASKS)},
    ),
}
