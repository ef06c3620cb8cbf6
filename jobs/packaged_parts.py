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
    die_origins,
    only_lots,
    packaged_parts,
    packages,
    to_retrace,
)

STEP = Step(
    reads=(FAB_ASSEMBLY, PARTS, WAFER_RUNS, TOUCHDOWNS, WAFER_NAMES, WAFERS),
    writes=(PACKAGED_PARTS,),
    conf=("fab",),
)


def job(run: Run) -> None:
    """Trace the parts of all lots whose runs changed, or of whose origin more is known."""
    rule, rules = run.settings.fab.part_origin_rule, run.name_rules
    traced: list[DataFrame] = []
    if not run.is_full_run(PACKAGED_PARTS):
        changes = run.changes(WAFER_NAMES), run.changes(FAB_ASSEMBLY)
        traced = [to_retrace(run.read(PACKAGED_PARTS), *changes, rules)]
    lots = run.touched(PACKAGED_PARTS, WAFER_RUNS, TOUCHDOWNS, *traced)
    packaged = packages(run.read(TOUCHDOWNS, lots))
    parts = run.read_files(PARTS, packaged)
    origins = die_origins(parts, run.read(WAFER_NAMES), run.fab_id, rule, rules)
    sources = only_lots(run.read(FAB_ASSEMBLY), rules)
    rows = packaged_parts(packaged, origins, run.read(WAFERS), sources)
    run.write(PACKAGED_PARTS, rows, lots)


if __name__ == "__main__":
    main(job)
