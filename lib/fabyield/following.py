"""Tables that follow the factory database, row by row, under the keys of their wafers."""

from pyspark.sql import DataFrame

from fabyield.batch import Batch
from fabyield.run import Run
from fabyield.table import Table
from fabyield.tables import INSERTIONS, WAFER_NAMES
from fabyield.transforms.canonical import canonical_names
from fabyield.transforms.changes import latest
from fabyield.transforms.history import followed, remade
from fabyield.transforms.wafer_names import keyed


def following(run: Run, source: Table, target: Table) -> Batch:
    """What `target` gets of `source`: rows that came, changed or left, and no others."""
    names = run.read(WAFER_NAMES)
    rows = canonical_names(run.read(source), run.name_rules)
    if run.is_first(target):
        return Batch(target, keyed(rows, names), source_rows=rows.count())
    changed = canonical_names(latest(run.changes(source), source.key), run.name_rules)
    changed = changed.localCheckpoint()
    anew = remade(changed, run.changes(WAFER_NAMES), names).localCheckpoint()
    taken = followed(rows, changed, names, anew)
    keys = [row["wafer_key"] for row in anew.collect()]
    stored = run.read(target, keys)
    result = keyed(taken, names)
    gone = stored.join(result, target.key, how="left_anti")
    return Batch(target, result, source_rows=taken.count(), whole=False, gone=gone)


def tested_changes(run: Run, source: Table) -> DataFrame:
    """What became of rows of `source`, of wafers that were tested; others are looked up then."""
    tested = run.read(INSERTIONS).select("wafer_key")
    return run.changes(source).join(tested, "wafer_key", how="left_semi")
