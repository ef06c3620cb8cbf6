"""Why a wafer is predicted low: the features that push its log-odds most."""

from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.models.feature_list import Features
from fabyield.transforms.shared.keys import WAFER


def wafer_drivers(scored: DataFrame, features: Features, top: int) -> DataFrame:
    """Return fab_id, wafer_key, driver_rank, feature, feature_value, contribution.

    These are the `top` largest non-zero |contribution| of each wafer, in log-odds; positive ones
    point towards low yield.
    """
    facts = F.filter(_facts(features), lambda fact: fact["contribution"] != 0)
    largest = F.slice(F.array_sort(facts), 1, top)
    ranked = scored.select(*WAFER, F.posexplode(largest).alias("position", "fact"))
    rank = (F.col("position") + 1).alias("driver_rank")
    return ranked.select(*WAFER, rank, "fact.feature", "fact.feature_value", "fact.contribution")


def mean_drivers(scored: DataFrame, features: Features, top: int) -> list[tuple[str, float]]:
    """Collect the `top` features by mean |contribution| over `scored`, largest first."""
    # A sum of doubles depends on the order of its terms, a sum of decimals does not.
    size = F.abs("fact.contribution").cast("decimal(20,9)")
    means = (
        scored.select(F.explode(_facts(features)).alias("fact"))
        .groupBy("fact.feature")
        .agg((F.sum(size) / F.count("*")).cast("double").alias("mean"))
        .where("mean > 0")
    )
    return [(name, mean) for name, mean in means.orderBy(F.desc("mean"), "feature").head(top)]


def _facts(features: Features) -> Column:
    """One struct per feature; they sort by falling |contribution|, then by name."""
    zipped = F.arrays_zip(
        F.array(*(F.lit(name) for name in features.names)).alias("feature"),
        vector_to_array(F.col("features")).alias("value"),
        F.col("contributions").alias("contribution"),
    )
    return F.transform(
        zipped,
        lambda fact: F.struct(
            (-F.abs(fact["contribution"])).alias("order"),
            fact["feature"].alias("feature"),
            F.when(~F.isnan(fact["value"]), fact["value"]).alias("feature_value"),
            fact["contribution"].alias("contribution"),
        ),
    )
