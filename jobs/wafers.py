"""Silver: the wafer registry, and what is known of every wafer.

spark-submit --py-files dist/fabyield.zip jobs/wafers.py --lake s3a://fab/lake
"""

from functools import reduce

from pyspark.sql import DataFrame

from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import (
    FAB_LOTS,
    FAB_PCM,
    FAB_PROCESS_HISTORY,
    FAB_PRODUCTS,
    FAB_WAFERS,
    STDF_FILES,
    STDF_WAFERS,
    WAFER_REGISTRY,
    WAFERS,
)
from fabyield.transforms.wafer_registry import wafer_registry
from fabyield.transforms.wafers import canonical_wafers, sighted, tested, wafers


def job(run: Run) -> None:
    """Give wafers seen for the first time their keys, then join all of them to their lots."""
    rules = run.settings.fab.wafer_id_rules
    runs = tested(run.new(STDF_WAFERS), run.read(STDF_FILES))
    named = [runs, *(run.read(table) for table in (FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM))]
    seen = reduce(DataFrame.unionByName, [sighted(rows, rules) for rows in named])
    run.write(WAFER_REGISTRY, wafer_registry(seen, run.read(WAFER_REGISTRY)))
    known = canonical_wafers(run.read(FAB_WAFERS), rules)
    registry, lots, products = (run.read(t) for t in (WAFER_REGISTRY, FAB_LOTS, FAB_PRODUCTS))
    run.write(WAFERS, wafers(registry, known, lots, products))


if __name__ == "__main__":
    main(job)
