"""The wafer runs of test files, joined to their wafers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.stdf.tools.sessions import RETESTED
from fabyield.transforms.bronze.stdf_files import COMPLETE, is_readable
from fabyield.transforms.shared.keys import INSERTION, WAFER
from fabyield.transforms.shared.name_rules import NO_NAME, NameRules, canonical_names, trimmed
from fabyield.transforms.silver.truncated_files import retest_bins_text
from fabyield.transforms.silver.wafer_names import with_wafer_key
from fabyield.transforms.silver.wafers import lot_or_session


@dataclass(frozen=True)
class TesterRules:
    """A fab's rules for names and insertions, and the IANA time zone of its testers.

    Runs of `engineering_modes` (MIR.MODE_COD) count only where no other run tested.
    """

    time_zone: str
    names: NameRules
    insertion_rules: Sequence[dict[str, str]]
    default_insertion: str
    engineering_modes: Sequence[str] = ()


@dataclass(frozen=True)
class KnownWafers:
    """The frames of silver.wafer_names and silver.wafers."""

    wafer_names: DataFrame
    wafers: DataFrame


def wafer_runs(
    stdf_wafers: DataFrame,
    stdf_files: DataFrame,
    known: KnownWafers,
    truncated_files: DataFrame,
    rules: TesterRules,
) -> DataFrame:
    """Return one row per wafer run of a readable file: its wafer, insertion, program and start.

    Lot and wafer are the wafer's first name, whatever the tester called it.
    """
    files = stdf_files.where(is_readable()).drop("fab_id", "batch")
    # Parts outside any wafer have no start of their own, so take that of their session.
    files = files.withColumnsRenamed({"start_t": "_session_t", "finish_t": "_finish_t"})
    runs = files.join(stdf_wafers.withColumnRenamed("batch", "read_in"), "file_key", how="inner")
    raw = {"raw_lot_id": F.col("lot_id"), "raw_wafer_id": F.col("wafer_id")}
    runs = runs.withColumns(raw).withColumn("lot_id", lot_or_session())
    runs = superseded(canonical_names(runs, rules.names), truncated_files)
    runs = with_wafer_key(runs, known.wafer_names)
    wafers = known.wafers.select(*WAFER, "lot_id", "wafer_id", "product_id")
    # A tester without a clock writes 0.
    start_t = F.coalesce(*(F.nullif(F.col(name), F.lit(0)) for name in ("start_t", "_session_t")))
    utc, is_doubtful = in_utc(_local(start_t), rules.time_zone)
    started_at = utc.cast("timestamp")
    finished, _ = in_utc(_local(F.nullif("_finish_t", F.lit(0))), rules.time_zone)
    rows = (
        runs.drop("lot_id", "wafer_id")
        .join(wafers, WAFER, how="left")
        .withColumns(
            {
                "insertion": insertion(rules),
                "test_program": F.col("job_nam"),
                "test_program_rev": F.col("job_rev"),
                "tester_id": F.col("node_nam"),
                "started_at": started_at,
                "is_start_doubtful": is_doubtful,
                "clock_ahead_s": F.unix_seconds(started_at) - F.unix_seconds("modified_at"),
                "finished_at": finished.cast("timestamp"),
                "is_retest_file": F.col("retest_bins").isNotNull() | _is_code("rtst_cod", RETESTED),
            }
        )
    )
    return with_temperatures(without_engineering(rows, rules.engineering_modes))


def without_engineering(rows: DataFrame, modes: Sequence[str]) -> DataFrame:
    """Supersede the runs of `modes` where another run tested the same wafer and insertion."""
    is_engineering = _is_code("mode_cod", modes)
    is_other = ~is_engineering & ~F.col("is_superseded") & (F.col("touchdowns") > 0)
    counts = F.max(is_other).over(Window.partitionBy(*INSERTION))
    return rows.withColumn("is_superseded", F.col("is_superseded") | (is_engineering & counts))


def with_temperatures(rows: DataFrame) -> DataFrame:
    """Add whether runs of the same wafer and insertion that count were at several temperatures.

    Null stands for no, as in rows of before this column: no run changes because it exists.
    """
    shown = F.upper(trimmed(F.col("tst_temp")))
    number = F.regexp_extract(shown, "^([+-]?[0-9]+([.][0-9]+)?)", 1).try_cast("double")
    # "25", "25.0" and "25 C" are one temperature.
    temperature = F.coalesce(number.cast("string"), F.nullif(shown, F.lit("")))
    counting = F.when(~F.col("is_superseded"), temperature)
    runs = Window.partitionBy(*INSERTION)
    several = F.min(counting).over(runs) != F.max(counting).over(runs)
    return rows.withColumn("has_other_temperature", F.when(several, F.lit(True)))


def _is_code(name: str, codes: Sequence[str]) -> Column:
    return F.coalesce(F.upper(trimmed(F.col(name))).isin(*codes), F.lit(False))


def _local(seconds: Column) -> Column:
    return F.timestamp_seconds(seconds).cast("timestamp_ntz")


def not_superseded(wafer_runs: DataFrame) -> DataFrame:
    """Drop the runs of files that another file contains."""
    return wafer_runs.where(~F.col("is_superseded"))


def superseded(runs: DataFrame, truncated_files: DataFrame) -> DataFrame:
    """Add is_superseded: a better file of the same session has all wafers of the run's file.

    Better than a file without MRR is one with it or with more content; better than a complete file
    is only a complete one with more wafers or, with the same wafers, written later. Wafers are
    compared by name and start: a file without them counts, unless it is in `truncated_files`.
    """
    files = _files(runs)
    mine, theirs = files.alias("mine"), files.alias("theirs")
    same = _equal("session_id") & _equal("retest_kind") & ~_equal("file_key")
    nothing_lost = (F.size(F.array_except("mine.named", "theirs.named")) == 0) & (
        F.size(F.array_except("mine.nameless", "theirs.starts")) == 0
    )
    is_beaten = same & F.col("mine.is_identified") & nothing_lost & _better()
    beaten = (
        mine.join(theirs, is_beaten, how="left_semi")
        .select("file_key")
        .union(truncated_files.select("file_key"))
        .distinct()
    )
    marked = beaten.withColumn("is_superseded", F.lit(True))
    joined = runs.join(marked, "file_key", how="left")
    return joined.withColumn("is_superseded", F.coalesce("is_superseded", F.lit(False)))


def _files(runs: DataFrame) -> DataFrame:
    has_name = F.col("wafer_id") != NO_NAME
    has_start = F.coalesce("start_t", F.lit(0)) > 0
    is_complete = F.col("status") == COMPLETE
    return runs.groupBy("file_key", "session_id", "content_bytes").agg(
        F.first(is_complete).alias("is_complete"),
        F.first(retest_bins_text()).alias("retest_kind"),
        F.first("modified_at").alias("modified_at"),
        F.collect_set(F.when(has_name, F.struct("wafer_id", "start_t"))).alias("named"),
        F.collect_set(F.when(~has_name, F.col("start_t"))).alias("nameless"),
        F.collect_set("start_t").alias("starts"),
        # A truncated file may end before the name of its last wafer (in WRR).
        F.bool_and(has_start & (has_name | ~is_complete)).alias("is_identified"),
    )


def _better() -> Column:
    more_wafers = F.size("theirs.named") > F.size("mine.named")
    # Not by the key alone: a file that was unreadable for some nights gets a late key.
    mine, theirs = (
        F.struct(f"{file}.modified_at", f"{file}.file_key") for file in ("mine", "theirs")
    )
    later = theirs > mine
    content = F.col("theirs.content_bytes") - F.col("mine.content_bytes")
    return (
        F.when(F.col("mine.is_complete"), F.col("theirs.is_complete") & (more_wafers | later))
        .when(F.col("theirs.is_complete"), True)
        .otherwise((content > 0) | ((content == 0) & ~later))
    )


def _equal(name: str) -> Column:
    return F.col(f"mine.{name}") == F.col(f"theirs.{name}")


def in_utc(local: Column, time_zone: str) -> tuple[Column, Column]:
    """Convert `local` time of `time_zone` to UTC, and say whether the result is doubtful.

    It is when clocks change: of an hour that is shown twice the first is taken, and an hour that is
    skipped becomes the one after it. All times are timestamps without a zone.
    """
    utc = F.convert_timezone(F.lit(time_zone), F.lit("UTC"), local)

    def shown(time: Column) -> Column:
        return F.convert_timezone(F.lit("UTC"), F.lit(time_zone), time)

    return utc, (shown(utc) != local) | (shown(utc + F.expr("interval 1 hour")) == local)


def insertion(rules: TesterRules) -> Column:
    """Return the insertion of the first rule that matches, in upper case; else the default."""
    found = F.lit(None).cast("string")
    for rule in reversed(rules.insertion_rules):
        column = trimmed(F.col(rule["column"]))
        # The text around the match is not part of the name.
        around = rf"^[\s\S]*?(?:{rule['pattern']})[\s\S]*$"
        named = F.upper(F.regexp_replace(column, around, rule["insertion"]))
        found = F.when(column.rlike(rule["pattern"]), named).otherwise(found)
    return F.coalesce(found, F.lit(rules.default_insertion))
