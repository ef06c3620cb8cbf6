"""pandas: merge and group, of the columns that are needed."""

import pandas as pd

from benchmarks.join.summary import COLUMNS, GROUP, NAMES, VALUES, Paths


def summarise(paths: Paths) -> None:
    """Read both files into memory, merge them, group what comes out."""
    results = pd.read_parquet(paths.results, columns=[*NAMES, *VALUES])
    wafers = pd.read_parquet(paths.wafers, columns=[*NAMES, "product_id", "chamber"])
    grouped = results.merge(wafers, on=list(NAMES)).groupby(list(GROUP), as_index=False)
    summary = grouped.agg(
        rows=("result", "size"), mean_result=("result", "mean"), pass_ratio=("test_pass", "mean")
    )
    summary[list(COLUMNS)].to_csv(paths.out, index=False)
