"""DuckDB: one query over both files."""

import duckdb

from benchmarks.join.summary import GROUP, NAMES, Paths

QUERY = f"""
select {", ".join(GROUP)},
    count(*) as rows, avg(result) as mean_result, avg(test_pass::int) as pass_ratio
from read_parquet(?) join read_parquet(?) using ({", ".join(NAMES)})
group by {", ".join(GROUP)}
"""


def summarise(paths: Paths) -> None:
    """Join and group."""
    duckdb.execute(QUERY, [paths.results, paths.wafers]).df().to_csv(paths.out, index=False)
