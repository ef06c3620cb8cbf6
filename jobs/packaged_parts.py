"""Silver: the wafer and die that each packaged part came from."""

from pyspark.sql import DataFrame

from fabyield.lake.catalog import (
    FAB_ASSEMBLY,
    PACKAGED_PARTS,
    PARTS,
    TOUCHDOWNS,
    WAFER_NAMES,
    WAFER_RUNS,
    WAFERS,
)
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.packaged_parts import (
    changed_lots,
    changed_names,
    die_origins,
    only_lots,
    packaged_parts,
    packages,
)

STEP = Step(
    reads=(FAB_ASSEMBLY, PARTS, WAFER_RUNS, TOUCHDOWNS, WAFER_NAMES, WAFERS),
    writes=(PACKAGED_PARTS,),
    conf=("fab",),
)


def job(run: Run) -> None:
    """Trace the packages whose runs changed, and those whose origin is named or known now."""
    rule, rules = run.settings.fab.part_origin_rule, run.name_rules
    again: list[DataFrame] = []
    if not run.is_full_run(PACKAGED_PARTS):
        names = changed_names(run.changes(WAFER_NAMES))
        assembled = changed_lots(run.changes(FAB_ASSEMBLY), rules)
        again = [to_retrace(run, names), to_retrace(run, assembled)]
    lots = run.touched(PACKAGED_PARTS, WAFER_RUNS, TOUCHDOWNS, *again)
    packaged = packages(run.read(TOUCHDOWNS, lots), run.read(WAFERS))
    parts = run.read_files(PARTS, packaged)
    origins = die_origins(parts, run.read(WAFER_NAMES), run.fab_id, rule, rules)
    sources = only_lots(run.read(FAB_ASSEMBLY), rules)
    rows = packaged_parts(packaged, origins, run.read(WAFERS), sources)
    run.write(PACKAGED_PARTS, rows, lots)


def to_retrace(run: Run, changes: DataFrame) -> DataFrame:
    """Return the packages of the wafers or lots in `changes`, whose first column is a lot."""
    changes = changes.localCheckpoint()
    # Lots are mostly numbered in order, so Delta skips files of other times by the range.
    near = run.read_span(PACKAGED_PARTS, changes, changes.columns[0])
    return near.join(changes, changes.columns, how="left_semi")


if __name__ == "__main__":
    main(job)
