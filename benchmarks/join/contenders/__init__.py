"""Who joins, and where each runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """A module of this package and its function; one that is slow is given fewer rows."""

    about: str
    module: str
    work: str = "summarise"
    is_spark: bool = False
    is_slow: bool = False


OURS, FLOOR = "fabyield", "Spark scan"
CONTENDERS = {
    OURS: Contender(
        "Spark, summed up by wafer_key, wafers broadcast", "by_spark", "by_key", is_spark=True
    ),
    FLOOR: Contender(
        "Spark, the same values by test, joined to nothing", "by_spark", "scan", is_spark=True
    ),
    "Spark by names": Contender(
        "Spark, by lot_id and wafer_id", "by_spark", "by_names", is_spark=True
    ),
    "Spark by key, row by row": Contender(
        "Spark, by wafer_key, row by row", "by_spark", "by_key_row_by_row", is_spark=True
    ),
    "Spark by names, summed first": Contender(
        "Spark, summed up by lot_id, wafer_id", "by_spark", "by_names_summed_first", is_spark=True
    ),
    "pandas": Contender("merge by lot_id and wafer_id, then groupby", "by_pandas"),
    "Polars": Contender("lazy scan, join by lot_id and wafer_id", "by_polars"),
    "DuckDB": Contender("one query, joined by lot_id and wafer_id", "by_duckdb"),
    "slow_join.py": Contender("wafer by wafer, row by row", "by_script", is_slow=True),
}
