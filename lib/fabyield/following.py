"""Tables that follow the factory database, row by row, under the keys of their wafers."""

from dataclasses import replace

from pyspark.sql import DataFrame

from fabyield.batch import Batch
from fabyield.run import Run
from fabyield.table import BATCH, Table
from fabyield.tables import INSERTIONS, WAFER_NAMES
from fabyield.transforms.canonical import canonical_names
from fabyield.transforms.changes import latest
from fabyield.transforms.history import doubled, followed, last_told, otherwise, remade
from fabyield.transforms.wafer_names import keyed

CHANGED = "updated_at"
LOOK_AT = "fab.lot_id_rules and fab.wafer_id_rules, which may make two wafers one"


def following(run: Run, source: Table, target: Table) -> Batch:
    """What `target` gets of `source`: rows that came, changed or left, and no others.

    Where the source tells the same of a wafer twice, by two of its names or spellings, the row
    that it changed last counts, and the others are duplicates.
    """
    names = run.read(WAFER_NAMES)
    rows = canonical_names(run.read(source), run.name_rules)
    if run.is_first(target) or run.is_anew(source):
        return _batch(run, target, rows, keyed(rows, names))
    changed = canonical_names(latest(run.changes(source), source.key), run.name_rules)
    changed = changed.localCheckpoint()
    moved = remade(changed, run.changes(WAFER_NAMES), names).localCheckpoint()
    taken = followed(rows, changed, names, moved).localCheckpoint()
    told = keyed(taken, names)
    stored = run.read_span(target, told).join(moved, "wafer_key", how="left_anti")
    batch = _batch(run, target, taken, told, stored)
    before = run.read(target, [row["wafer_key"] for row in moved.collect()])
    gone = before.join(batch.df, target.key, how="left_anti")
    return replace(batch, whole=False, gone=gone)


def _batch(
    run: Run, target: Table, taken: DataFrame, told: DataFrame, stored: DataFrame | None = None
) -> Batch:
    """`told`, the rows `taken` under their wafers' keys, without those that others overtake."""
    source_rows, twice = taken.count(), doubled(told, target.key)
    if stored is None and not twice:
        return Batch(target, told, source_rows=source_rows)
    none = run.read(target).limit(0) if stored is None else stored
    counted = last_told(told, none.drop(BATCH), target.key).localCheckpoint()
    overtaken = counted.where("is_stored").count()
    values = [n for n in target.columns if n not in (*target.key, CHANGED, BATCH)]
    if unlike := otherwise(told, counted, target.key, values):
        run.notify(target, f"{unlike:,} rows differ from the one that was changed last", LOOK_AT)
    rows = counted.where("not is_stored").drop("is_stored")
    return Batch(target, rows, source_rows=source_rows, duplicates=twice + overtaken)


def tested_changes(run: Run, source: Table) -> DataFrame:
    """What became of rows of `source`, of wafers that were tested; others are looked up then."""
    tested = run.read(INSERTIONS).select("wafer_key")
    return run.changes(source).join(tested, "wafer_key", how="left_semi")
