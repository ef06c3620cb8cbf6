"""Wafer runs of test files, joined to their wafers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.bronze.stdf_files import WHOLE, is_usable
from fabyield.transforms.shared.keys import WAFER
from fabyield.transforms.shared.name_rules import NOWHERE, NameRules, canonical_names, trimmed
from fabyield.transforms.silver.truncated_files import kind
from fabyield.transforms.silver.wafer_names import with_wafer_key
from fabyield.transforms.silver.wafers import lot_or_session


@dataclass(frozen=True)
class TesterRules:
    """How a fab's testers spell names and insertions, and in which IANA time zone they run."""

    time_zone: str
    names: NameRules
    insertion_rules: Sequence[dict[str, str]]
    default_insertion: str


@dataclass(frozen=True)
class KnownWafers:
    """Frames of silver.wafer_names and silver.wafers."""

    wafer_names: DataFrame
    wafers: DataFrame


def wafer_runs(
    stdf_wafers: DataFrame,
    stdf_files: DataFrame,
    known: KnownWafers,
    truncated_files: DataFrame,
    rules: TesterRules,
) -> DataFrame:
    """One row per wafer run: its wafer, product, insertion, program, and whether it counts.

    Lot and wafer are those of the wafer's first name, whatever the tester called it.
    """
    files = stdf_files.where(is_usable()).drop("fab_id", "batch")
    # Parts outside any wafer have no start of their own: they started with their session.
    files = files.withColumnRenamed("start_t", "_session_t")
    found = stdf_wafers.withColumnRenamed("batch", "read_in")
    runs = files.join(found, "file_key", how="inner")
    raw = {"raw_lot_id": F.col("lot_id"), "raw_wafer_id": F.col("wafer_id")}
    runs = runs.withColumns(raw).withColumn("lot_id", lot_or_session())
    runs = superseded(canonical_names(runs, rules.names), truncated_files)
    runs = with_wafer_key(runs, known.wafer_names)
    wafers = known.wafers.select(*WAFER, "lot_id", "wafer_id", "product_id")
    # A tester that keeps no time writes 0.
    start_t = F.coalesce(*(F.nullif(F.col(name), F.lit(0)) for name in ("start_t", "_session_t")))
    local = F.timestamp_seconds(start_t).cast("timestamp_ntz")
    utc, is_doubtful = in_utc(local, rules.time_zone)
    started_at = utc.cast("timestamp")
    return (
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
                "is_retest_file": F.col("retest_bins").isNotNull(),
            }
        )
    )


def readable(stdf_wafers: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """`stdf_wafers` of files in which parts were tested."""
    files = stdf_files.where(is_usable()).select("file_key")
    return stdf_wafers.join(files, "file_key", how="left_semi")


def not_superseded(wafer_runs: DataFrame) -> DataFrame:
    """The runs that count: those of a file that another one holds as well do not."""
    return wafer_runs.where(~F.col("is_superseded"))


def superseded(runs: DataFrame, truncated_files: DataFrame) -> DataFrame:
    """`runs` with is_superseded: a better file of the same session holds all their file holds.

    Better than a file without MRR is one with it, or with more content; better than a complete
    file is only a complete one of more wafers or, of the same, written later. What a file holds
    is told by the names and starts of its wafers: one that lacks them counts, unless it is in
    `truncated_files`.
    """
    files = _files(runs)
    mine, theirs = files.alias("mine"), files.alias("theirs")
    same = _agree("session_id") & _agree("kind") & ~_agree("file_key")
    nothing_lost = (F.size(F.array_except("mine.named", "theirs.named")) == 0) & (
        F.size(F.array_except("mine.nameless", "theirs.starts")) == 0
    )
    is_beaten = same & F.col("mine.told") & nothing_lost & _better()
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
    has_name = F.col("wafer_id") != NOWHERE
    has_start = F.coalesce("start_t", F.lit(0)) > 0
    whole = F.col("status") == WHOLE
    return runs.groupBy("file_key", "session_id", "content_bytes").agg(
        F.first(whole).alias("whole"),
        F.first(kind()).alias("kind"),
        F.first("modified_at").alias("modified_at"),
        F.collect_set(F.when(has_name, F.struct("wafer_id", "start_t"))).alias("named"),
        F.collect_set(F.when(~has_name, F.col("start_t"))).alias("nameless"),
        F.collect_set("start_t").alias("starts"),
        # A cut file may not have come to the name of its last wafer.
        F.bool_and(has_start & (has_name | ~whole)).alias("told"),
    )


def _better() -> Column:
    more_wafers = F.size("theirs.named") > F.size("mine.named")
    # Not by the key alone: a file that could not be read for some nights gets a late one.
    later = _written("theirs") > _written("mine")
    content = F.col("theirs.content_bytes") - F.col("mine.content_bytes")
    return (
        F.when(F.col("mine.whole"), F.col("theirs.whole") & (more_wafers | later))
        .when(F.col("theirs.whole"), True)
        .otherwise((content > 0) | ((content == 0) & ~later))
    )


def _written(whose: str) -> Column:
    return F.struct(f"{whose}.modified_at", f"{whose}.file_key")


def _agree(name: str) -> Column:
    return F.col(f"mine.{name}") == F.col(f"theirs.{name}")


def in_utc(local: Column, time_zone: str) -> tuple[Column, Column]:
    """When clocks of `time_zone` show `local`, in UTC, and whether that is doubtful.

    It is where clocks change by an hour: they show an hour twice, which is taken as its first, or
    pass an hour over, which is taken as the one after it. All times are timestamps without a zone.
    """
    utc = F.convert_timezone(F.lit(time_zone), F.lit("UTC"), local)

    def shown(time: Column) -> Column:
        return F.convert_timezone(F.lit("UTC"), F.lit(time_zone), time)

    return utc, (shown(utc) != local) | (shown(utc + F.expr("interval 1 hour")) == local)


def insertion(rules: TesterRules) -> Column:
    """The insertion that the first matching rule names, in upper case; else the default."""
    found = F.lit(None).cast("string")
    for rule in reversed(rules.insertion_rules):
        column = trimmed(F.col(rule["column"]))
        # What stands around the match is no part of the name.
        around = rf"^[\s\S]*?(?:{rule['pattern']})[\s\S]*$"
        named = F.upper(F.regexp_replace(column, around, rule["insertion"]))
        found = F.when(column.rlike(rule["pattern"]), named).otherwise(found)
    return F.coalesce(found, F.lit(rules.default_insertion))
