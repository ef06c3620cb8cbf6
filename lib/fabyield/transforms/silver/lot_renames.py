"""Which names of wafers are one wafer: lots are split, merged and re-numbered on their way."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER_NAME
from fabyield.transforms.shared.name_rules import NameRules, canonical_lot, canonical_wafer

# So many times the way up is doubled: chains of 2^5 names are followed to their first.
ROUNDS = 5
FIRST = "origin_lot_id"


def renamings(fab_lot_history: DataFrame, rules: NameRules) -> DataFrame:
    """Every renaming of a wafer in canonical spelling: it came from `from_lot_id` to `lot_id`.

    Columns fab_id, lot_id, wafer_id, from_lot_id, event, renamed_at. A wafer may bear either lot
    before its ID.
    """
    # Step by step: as one expression the names would stand in it hundreds of times.
    ends = {"from_lot_id": "from_lot_id", "lot_id": "to_lot_id"}
    named = {name: canonical_lot(F.col(end), rules) for name, end in ends.items()}
    rows = fab_lot_history.withColumns(named)
    # A child's name begins with its mother's: the longer one is looked for first.
    is_longer = F.length("from_lot_id") > F.length("lot_id")
    longer = F.when(is_longer, F.col("from_lot_id")).otherwise(F.col("lot_id"))
    shorter = F.when(is_longer, F.col("lot_id")).otherwise(F.col("from_lot_id"))
    rows = rows.withColumns({"_longer": longer, "_shorter": shorter})
    for lot in ("_longer", "_shorter"):
        wafer = canonical_wafer(F.col("wafer_id"), F.col(lot), rules)
        rows = rows.withColumn("wafer_id", wafer)
    # Without a time it counts as the first of all.
    at = F.coalesce("happened_at", F.timestamp_seconds(F.lit(0))).alias("renamed_at")
    rows = rows.select("fab_id", "lot_id", "wafer_id", "from_lot_id", "event", at)
    return rows.where("lot_id != from_lot_id")


def first_names(renamings: DataFrame) -> DataFrame:
    """The lot under which each renamed wafer was first known, and how the name came about.

    Columns fab_id, lot_id, wafer_id, origin_lot_id, event, renamed_at, is_ambiguous. A name that
    leaves before it comes is itself a first one: wafers that come back to their lot are what they
    were. A name that is given to wafers of two origins, or to another wafer once its first has
    left, stays its own; it is ambiguous, and so are the names that come from it.
    """
    given = _given(renamings).localCheckpoint()
    born = given.where("is_born")
    steps = _followed(born)
    clashing = more = _clashing(renamings, given, steps).localCheckpoint()
    # What comes from such a name has an origin of its own, which may clash with others.
    while not more.isEmpty():
        steps = _followed(born.join(clashing, WAFER_NAME, how="left_anti"))
        more = _clashing(renamings, given, steps).join(clashing, WAFER_NAME, how="left_anti")
        more = more.localCheckpoint()
        clashing = clashing.unionByName(more)
    of_two = clashing.withColumn("_of_two", F.lit(True))
    first_of_two = of_two.select(
        "fab_id", F.col("lot_id").alias(FIRST), "wafer_id", F.lit(True).alias("_first_of_two")
    )
    rows = given.join(steps, WAFER_NAME, how="left").join(of_two, WAFER_NAME, how="left")
    rows = rows.join(first_of_two, _at(FIRST), how="left")
    rows = rows.join(_above(steps, FIRST), _at(FIRST), how="left")
    # What still leads upwards goes in a ring.
    in_ring = F.col("_next").isNotNull()
    unclear = F.coalesce("_of_two", "_first_of_two", F.lit(False)) | in_ring
    first = F.when(in_ring | F.col(FIRST).isNull(), F.col("lot_id")).otherwise(F.col(FIRST))
    came = {name: F.when(F.col("is_born"), F.col(name)) for name in ("event", "renamed_at")}
    rows = rows.withColumns({FIRST: first, "is_ambiguous": unclear, **came})
    rows = rows.where("is_born OR is_ambiguous")
    return rows.select(*WAFER_NAME, FIRST, "event", "renamed_at", "is_ambiguous")


def _followed(born: DataFrame) -> DataFrame:
    """The names that were `born` of a renaming, with the first lot that they lead up to."""
    steps = born.select(*WAFER_NAME, F.col("from_lot_id").alias(FIRST))
    for _ in range(ROUNDS):
        if steps.join(_above(steps, FIRST), _at(FIRST), how="left_semi").isEmpty():
            break
        steps = _doubled(steps).localCheckpoint()
    return steps


def _given(renamings: DataFrame) -> DataFrame:
    """The names that a renaming led to, with the first one that did, and whether it made them."""
    # Of two at once the same one each time; where their origins differ, the name is ambiguous.
    first = F.min(F.struct("renamed_at", "from_lot_id", "event")).alias("_by")
    came = renamings.groupBy(*WAFER_NAME).agg(first).select(*WAFER_NAME, "_by.*")
    source = renamings.select(
        "fab_id", F.col("from_lot_id").alias("lot_id"), "wafer_id", "renamed_at"
    )
    left = source.groupBy(*WAFER_NAME).agg(F.min("renamed_at").alias("_left_at"))
    born = F.col("_left_at").isNull() | (F.col("renamed_at") <= F.col("_left_at"))
    rows = came.join(left, WAFER_NAME, how="left").withColumn("is_born", born)
    return rows.select(*WAFER_NAME, "renamed_at", "from_lot_id", "event", "is_born")


def _doubled(steps: DataFrame) -> DataFrame:
    """`steps` that lead twice as far up, or to the top."""
    further = steps.join(_above(steps, FIRST), _at(FIRST), how="left")
    return further.select(*WAFER_NAME, F.coalesce("_next", FIRST).alias(FIRST))


def _above(steps: DataFrame, lot: str) -> DataFrame:
    """Where each name leads (`_next`), with the name's lot as `lot`."""
    return steps.select(
        "fab_id", F.col("lot_id").alias(lot), "wafer_id", F.col(FIRST).alias("_next")
    )


def _at(lot: str) -> list[str]:
    return ["fab_id", lot, "wafer_id"]


def _clashing(renamings: DataFrame, given: DataFrame, steps: DataFrame) -> DataFrame:
    """The names that wafers of two origins bore."""
    above = _above(steps, "from_lot_id")
    came = renamings.join(above, _at("from_lot_id"), how="left")
    came = came.select(*WAFER_NAME, F.coalesce("_next", "from_lot_id").alias("_origin"))
    own = given.where("NOT is_born").select(*WAFER_NAME, F.col("lot_id").alias("_origin"))
    origins = F.count_distinct("_origin").alias("_origins")
    many = came.unionByName(own).groupBy(*WAFER_NAME).agg(origins)
    return many.where("_origins > 1").select(*WAFER_NAME)
