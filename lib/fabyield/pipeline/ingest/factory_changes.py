"""Follow the changes of the factory database, row by row, under the keys of the wafers."""

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
    count_duplicates,
    newest_first,
    rows_to_update,
    wafers_to_rebuild,
)
from fabyield.transforms.silver.wafer_names import with_wafer_key

LOOK_AT = "fab.lot_id_rules and fab.wafer_id_rules, which may merge two wafers"


def update_batch(run: Run, source: Table, target: Table) -> Batch:
    """Return the rows of `source` that were inserted, changed or deleted, as a batch of `target`.

    If the source has the same fact of a wafer twice, under two names or spellings, the row changed
    last counts, and the others are duplicates. An updated row replaces its old version, whatever
    its time stamp is.
    """
    names, rules = run.read(WAFER_NAMES), run.name_rules
    rows = canonical_names(run.read(source), rules)
    if run.is_full_run(target) or run.must_reread(source) or run.must_reread(WAFER_NAMES):
        return _newest_rows(run, target, with_wafer_key(rows, names), rows.count())
    feed = run.changes(source).localCheckpoint()
    changed = canonical_names(last_changes(feed, source.key), rules).localCheckpoint()
    rebuilt = wafers_to_rebuild(changed, run.changes(WAFER_NAMES), names).localCheckpoint()
    updates = rows_to_update(rows, changed, names, rebuilt).localCheckpoint()
    keyed = with_wafer_key(updates, names)
    before = feed.where(F.col(CHANGE).isin("update_preimage", "delete"))
    before = with_wafer_key(canonical_names(before, rules), names)
    stored = run.read_span(target, keyed, "wafer_key").join(rebuilt, "wafer_key", how="left_anti")
    # A stored row may come from another name of the wafer that still has it.
    same = [stored[n].eqNullSafe(before[n]) for n in (*target.key, CHANGED)]
    stored = stored.join(before, same, how="left_anti")
    batch = _newest_rows(run, target, keyed, updates.count(), stored)
    old = run.read(target, [row["wafer_key"] for row in rebuilt.collect()])
    gone = old.join(batch.df, target.key, how="left_anti")
    return replace(batch, whole=False, gone=gone)


def _newest_rows(
    run: Run, target: Table, keyed: DataFrame, source_rows: int, stored: DataFrame | None = None
) -> Batch:
    """Return the rows of `keyed` for which neither another one nor `stored` has a newer row."""
    if stored is None:
        if not keyed.agg(count_duplicates(target.key)).collect()[0][0]:
            return Batch(target, keyed, source_rows=source_rows)
        stored = run.read(target).limit(0)
    values = [n for n in target.columns if n not in (*target.key, CHANGED, BATCH)]
    turns = newest_first(keyed, stored.drop(BATCH), target.key, values).localCheckpoint()
    duplicates = turns.where("turn > 1 and not is_stored").count()
    if differing := turns.where("differs and not is_stored").count():
        run.notify(target, f"{differing:,} rows differ from the one that changed last", LOOK_AT)
    rows = turns.where("turn = 1 and not is_stored")
    return Batch(target, rows, source_rows=source_rows, duplicates=duplicates)


def tested_changes(run: Run, source: Table) -> DataFrame:
    """Return the changes of `source` for tested wafers; others are read once they are tested."""
    tested = run.read(INSERTIONS).select("wafer_key")
    return run.changes(source).join(tested, "wafer_key", how="left_semi")
