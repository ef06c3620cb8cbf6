"""What the factory database knows of wafers, under their keys."""

from pyspark.sql import DataFrame

from fabyield.transforms.wafer_registry import WAFER


def process_history(fab_process_history: DataFrame, wafers: DataFrame) -> DataFrame:
    """Steps of wafers, `fab_process_history` in canonical spelling, under their wafer_key."""
    return _keyed(fab_process_history, wafers)


def pcm_results(fab_pcm: DataFrame, wafers: DataFrame) -> DataFrame:
    """PCM results, `fab_pcm` in canonical spelling, under their wafer_key."""
    return _keyed(fab_pcm, wafers)


def _keyed(rows: DataFrame, wafers: DataFrame) -> DataFrame:
    keys = wafers.select(*WAFER, "wafer_key")
    return rows.drop("batch").join(keys, WAFER, how="inner")
