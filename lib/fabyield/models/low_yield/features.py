"""What is known about a wafer before wafer sort, as numbers; never its yield or its lot."""

from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.models.feature_list import Features
from fabyield.transforms.shared.keys import WAFER

LARGEST_FLOAT32 = 3.4e38
MICROS_PER_HOUR = 3.6e9


def feature_values(process_history: DataFrame, pcm_results: DataFrame) -> DataFrame:
    """Return fab_id, wafer_key, feature, value, is_level: one row per feature of a wafer.

    Levels are named `process_step=equipment_id/chamber_id`; measures are the last value of each PCM
    test, and the hours that a wafer waited for and spent in each process step.
    """
    levels, hours = chamber_levels(process_history), step_hours(process_history)
    return levels.unionByName(hours).unionByName(pcm_values(pcm_results))


def before_sort(rows: DataFrame, at: str, wafers: DataFrame) -> DataFrame:
    """Keep rows of `wafers` whose time `at` is before sort_started_at, if that is known."""
    known_then = F.col("sort_started_at").isNull() | (F.col(at) < F.col("sort_started_at"))
    sorts = wafers.select(*WAFER, "sort_started_at")
    return rows.join(sorts, WAFER, how="inner").where(known_then).drop("sort_started_at")


def chamber_levels(process_history: DataFrame) -> DataFrame:
    """Return value 1 for every chamber that a wafer went through."""
    chamber = F.concat_ws("/", "equipment_id", F.coalesce("chamber_id", F.lit("-")))
    return (
        process_history.where(F.col("equipment_id").isNotNull())
        .select(*WAFER, F.concat_ws("=", "process_step", chamber).alias("feature"))
        .distinct()
        .select("*", F.lit(1.0).alias("value"), F.lit(True).alias("is_level"))
    )


def step_hours(process_history: DataFrame) -> DataFrame:
    """Return the (longest) hours waited for and spent in every process step."""
    before = F.lag("ended_at").over(Window.partitionBy(*WAFER).orderBy("step_seq", "started_at"))
    timed = process_history.withColumn("queued_from", before).select(
        *WAFER,
        F.explode(
            F.array(
                _hours("queue_hours", "queued_from", "started_at"),
                _hours("process_hours", "started_at", "ended_at"),
            )
        ).alias("hours"),
    )
    longest = timed.select(*WAFER, "hours.*").groupBy(*WAFER, "feature").agg(F.max("value"))
    return longest.toDF(*WAFER, "feature", "value").withColumn("is_level", F.lit(False))


def pcm_values(pcm_results: DataFrame) -> DataFrame:
    """Return the last finite value of every PCM test of a wafer."""
    # NaN compares greater than any number in Spark, so one bound refuses NaN and infinity.
    usable = F.abs("pcm_value") < LARGEST_FLOAT32
    last = F.max_by("pcm_value", F.struct("measured_at", "pcm_value")).alias("value")
    return (
        pcm_results.where(usable)
        .groupBy(*WAFER, F.col("pcm_test").alias("feature"))
        .agg(last)
        .withColumn("is_level", F.lit(False))
    )


def learn_features(values: DataFrame, training_wafers: DataFrame) -> Features:
    """Collect the features of the training wafers, sorted by name; a model knows no others."""
    seen = values.join(training_wafers.select(*WAFER), WAFER, how="left_semi")
    kinds = seen.groupBy("feature").agg(F.bool_or("is_level")).collect()
    return Features(
        levels=tuple(sorted(name for name, is_level in kinds if is_level)),
        measures=tuple(sorted(name for name, is_level in kinds if not is_level)),
    )


def wafer_features(values: DataFrame, features: Features) -> DataFrame:
    """Return fab_id, wafer_key, features: one dense vector per wafer that has any value.

    Missing levels are 0, so that a chamber unknown to the model is all zeros; missing measures are
    NaN. The metadata of the column has the names.
    """
    pivoted = values.groupBy(*WAFER).pivot("feature", list(features.names)).agg(F.max("value"))
    # Renamed by position: PCM tests may differ in case only, or contain dots.
    columns = [f"_{i}" for i in range(len(features.names))]
    missing = [0.0] * len(features.levels) + [float("nan")] * len(features.measures)
    filled = [F.coalesce(name, F.lit(value)) for name, value in zip(columns, missing, strict=True)]
    vector = array_to_vector(F.array(*filled))
    return pivoted.toDF(*WAFER, *columns).select(*WAFER, named(vector, features))


def named(vector: Column, features: Features) -> Column:
    """Name `vector` features, with the names of its numbers in the metadata."""
    return vector.alias("features", metadata={"names": list(features.names)})


def _hours(name: str, begin: str, end: str) -> Column:
    micros = F.unix_micros(end) - F.unix_micros(begin)
    feature = F.concat_ws(" ", "process_step", F.lit(name))
    return F.struct(feature.alias("feature"), (micros / MICROS_PER_HOUR).alias("value"))
