"""The touchdowns of a part in order of test time, and the two that decide."""

from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from fabyield.stdf.tools.retest import PartRules, touchdowns_of_group
from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.shared.name_rules import NO_NAME
from fabyield.transforms.silver.wafer_runs import not_superseded

RUN = (
    *("session_id", "sblot_id", "is_on_wafer", "started_at", "finished_at", "rtst_cod"),
    *("retest_bins", "pcr_rtst_cnt", "is_retest_file"),
)
PART = (
    *("file_key", "part_num", "head_num", "site_num", "x_coord", "y_coord", "part_pass"),
    *("hard_bin", "soft_bin"),
)
EVIDENCE = ("part_id", "part_flg", "record_offset", "pir_offset")
_FOUND: dict[str, pa.DataType] = {
    **{"touchdown_num": pa.int32(), "is_first": pa.bool_(), "is_final": pa.bool_()},
    **{"superseded_by": pa.string(), "identified_by": pa.string()},
}


def touchdowns(parts: DataFrame, wafer_runs: DataFrame, rules: PartRules) -> DataFrame:
    """Find the touchdowns of each part, number them in order of test, mark the two that decide.

    The rules are those of `fabyield.stdf.tools.retest`, which the commands without Spark use too.
    `die_id` is `x,y` of a die on its wafer, the die that a package was cut from, or the file_key
    and part_num of the first touchdown.
    """
    runs = not_superseded(wafer_runs).withColumns(
        {
            "is_on_wafer": F.col("wafer_id") != NO_NAME,
            "tested_at": F.col("started_at"),
            "started_at": F.unix_seconds("started_at"),
            "finished_at": F.unix_seconds("finished_at"),
        }
    )
    runs = runs.select("file_key", "wafer_num", *INSERTION, "tested_at", *RUN)
    columns = dict.fromkeys((*PART, *EVIDENCE, "wafer_num", rules.origin_column))
    rows = parts.select(*columns).join(runs, ["file_key", "wafer_num"], how="inner")
    kept = rows.select(*INSERTION, *PART, "tested_at").schema
    found = from_arrow_schema(pa.schema({"die_id": pa.string(), **_FOUND}))
    schema = StructType([*kept.fields, *found.fields])
    return rows.groupBy(*INSERTION).applyInArrow(_decided(rules, kept.names), schema)


def _decided(rules: PartRules, kept: list[str]) -> Callable[[pa.Table], pa.Table]:
    def found(rows: pa.Table) -> pa.Table:
        return touchdowns_of_group(rows, rules).select([*kept, "die_id", *_FOUND])

    return found
