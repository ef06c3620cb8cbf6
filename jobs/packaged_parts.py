"""Silver: the die that packaged parts were cut from.

spark-submit --py-files dist/fabyield.zip jobs/packaged_parts.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import (
    FAB_ASSEMBLY,
    PACKAGED_PARTS,
    PARTS,
    TEST_RUNS,
    TOUCHDOWNS,
    WAFER_NAMES,
    WAFERS,
)
from fabyield.transforms.packaged_parts import (
    die_origins,
    of_moved,
    only_lots,
    packaged_parts,
    packages,
)


def job(run: Run) -> None:
    """Trace the parts of all lots whose runs changed, or whose wafers moved to another key."""
    moved = of_moved(run.read(PACKAGED_PARTS), run.changes(WAFER_NAMES))
    lots = run.touched(PACKAGED_PARTS, TEST_RUNS, TOUCHDOWNS, moved)
    packaged = packages(run.read(TOUCHDOWNS, lots))
    rule, rules = run.settings.fab.part_origin_rule, run.name_rules
    parts = run.read_files(PARTS, packaged)
    origins = die_origins(parts, run.read(WAFER_NAMES), run.fab_id, rule, rules)
    sources = only_lots(run.read(FAB_ASSEMBLY), rules)
    rows = packaged_parts(packaged, origins, run.read(WAFERS), sources)
    run.write(PACKAGED_PARTS, rows, lots)


if __name__ == "__main__":
    main(job)
