"""Tables that follow the factory database, row by row, under the keys of their wafers."""

from dataclasses import replace

from pyspark.sql import DataFrame

from fabyield.batch import Batch
from fabyield.run import Run
from fabyield.table import Table
from fabyield.tables import INSERTIONS, WAFER_NAMES
from fabyield.transforms.canonical import canonical_names
from fabyield.transforms.changes import latest
from fabyield.transforms.history import doubled, followed, one_each, remade, told_again
from fabyield.transforms.wafer_names import keyed


def following(run: Run, source: Table, target: Table) -> Batch:
    """What `target` gets of `source`: rows that came, changed or left, and no others.

    Where the source tells the same of a wafer twice, by two of its names or spellings, the row
    that it changed last counts, and the others are duplicates.
    """
    names = run.read(WAFER_NAMES)
    rows = canonical_names(run.read(source), run.name_rules)
    if run.is_first(target):
        return _batch(target, rows, names)
    changed = canonical_names(latest(run.changes(source), source.key), run.name_rules)
    changed = changed.localCheckpoint()
    told = keyed(changed, names)
    again = told_again(told, run.read_span(target, told), target.key)
    anew = remade(changed, run.changes(WAFER_NAMES), names).union(again).distinct()
    anew = anew.localCheckpoint()
    batch = _batch(target, followed(rows, changed, names, anew), names)
    stored = run.read(target, [row["wafer_key"] for row in anew.collect()])
    gone = stored.join(batch.df, target.key, how="left_anti")
    return replace(batch, whole=False, gone=gone)


def _batch(target: Table, taken: DataFrame, names: DataFrame) -> Batch:
    told = keyed(taken, names)
    twice = doubled(told, target.key)
    rows = one_each(told, target.key) if twice else told
    return Batch(target, rows, source_rows=taken.count(), duplicates=twice)


def tested_changes(run: Run, source: Table) -> DataFrame:
    """What became of rows of `source`, of wafers that were tested; others are looked up then."""
    tested = run.read(INSERTIONS).select("wafer_key")
    return run.changes(source).join(tested, "wafer_key", how="left_semi")
