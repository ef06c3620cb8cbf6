"""Polars: a lazy query, so that it chooses columns and order itself."""

import polars as pl

from benchmarks.join.summary import COLUMNS, GROUP, NAMES, Paths


def summarise(paths: Paths) -> None:
    """Scan, join, group."""
    wafers = pl.scan_parquet(paths.wafers)
    joined = pl.scan_parquet(paths.results).join(wafers, on=list(NAMES))
    summary = joined.group_by(*GROUP).agg(
        pl.len().alias("rows"),
        pl.col("result").mean().alias("mean_result"),
        pl.col("test_pass").mean().alias("pass_ratio"),
    )
    summary.select(*COLUMNS).collect().write_csv(paths.out)
