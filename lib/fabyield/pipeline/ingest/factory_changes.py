"""Tables that follow the factory database, row by row, under the keys of their wafers."""

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.lake.catalog import INSERTIONS, WAFER_NAMES
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch
from fabyield.transforms.shared.change_feed import CHANGE, last_changes
from fabyield.transforms.shared.keys import CHANGED
from fabyield.transforms.shared.name_rules import canonical_names
from fabyield.transforms.silver.latest_rows import (
    duplicates,
    newest_first,
    rows_to_update,
    wafers_to_rebuild,
)
from fabyield.transforms.silver.wafer_names import with_wafer_key

LOOK_AT = "fab.lot_id_rules and fab.wafer_id_rules, which may make two wafers one"


def following(run: Run, source: Table, target: Table) -> Batch:
    """What `target` gets of `source`: rows that came, changed or left, and no others.

    Where the source tells the same of a wafer twice, by two of its names or spellings, the row
    that it changed last counts, and the others are duplicates. A row that was updated takes the
    place of what it was before, whatever time it bears.
    """
    names, rules = run.read(WAFER_NAMES), run.name_rules
    rows = canonical_names(run.read(source), rules)
    if run.is_full_run(target) or run.must_reread(source) or run.must_reread(WAFER_NAMES):
        return _batch(run, target, rows, with_wafer_key(rows, names))
    feed = run.changes(source).localCheckpoint()
    changed = canonical_names(last_changes(feed, source.key), rules).localCheckpoint()
    moved = wafers_to_rebuild(changed, run.changes(WAFER_NAMES), names).localCheckpoint()
    taken = rows_to_update(rows, changed, names, moved).localCheckpoint()
    told = with_wafer_key(taken, names)
    before = feed.where(F.col(CHANGE).isin("update_preimage", "delete"))
    before = with_wafer_key(canonical_names(before, rules), names)
    stored = run.read_span(target, told, "wafer_key").join(moved, "wafer_key", how="left_anti")
    # What is stored may be of another of the wafer's names, which still tells it.
    same = [stored[n].eqNullSafe(before[n]) for n in (*target.key, CHANGED)]
    stored = stored.join(before, same, how="left_anti")
    batch = _batch(run, target, taken, told, stored)
    of_moved = run.read(target, [row["wafer_key"] for row in moved.collect()])
    gone = of_moved.join(batch.df, target.key, how="left_anti")
    return replace(batch, whole=False, gone=gone)


def _batch(
    run: Run, target: Table, taken: DataFrame, told: DataFrame, stored: DataFrame | None = None
) -> Batch:
    """`told`, the rows `taken` under their wafers' keys, without those that others overtake."""
    source_rows = taken.count()
    if stored is None:
        if not told.agg(duplicates(target.key)).collect()[0][0]:
            return Batch(target, told, source_rows=source_rows)
        stored = run.read(target).limit(0)
    values = [n for n in target.columns if n not in (*target.key, CHANGED, BATCH)]
    turns = newest_first(told, stored.drop(BATCH), target.key, values).localCheckpoint()
    overtaken = turns.where("turn > 1 and not is_stored").count()
    if unlike := turns.where("differs and not is_stored").count():
        run.notify(target, f"{unlike:,} rows differ from the one that was changed last", LOOK_AT)
    rows = turns.where("turn = 1 and not is_stored")
    return Batch(target, rows, source_rows=source_rows, duplicates=overtaken)


def tested_changes(run: Run, source: Table) -> DataFrame:
    """The changes of `source` for wafers that were tested; others are read when they are tested."""
    tested = run.read(INSERTIONS).select("wafer_key")
    return run.changes(source).join(tested, "wafer_key", how="left_semi")
