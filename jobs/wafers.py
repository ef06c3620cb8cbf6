"""Silver: the wafer registry, the names of every wafer, and its lot and product."""

from functools import reduce

from pyspark.sql import DataFrame

from fabyield.lake.catalog import (
    FAB_LOT_HISTORY,
    FAB_LOTS,
    FAB_PCM,
    FAB_PROCESS_HISTORY,
    FAB_PRODUCTS,
    FAB_WAFERS,
    STDF_FILES,
    STDF_WAFERS,
    WAFER_NAMES,
    WAFER_REGISTRY,
    WAFERS,
)
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.shared.name_rules import canonical_names
from fabyield.transforms.silver.lot_renames import first_names, renamings
from fabyield.transforms.silver.wafer_names import wafer_names
from fabyield.transforms.silver.wafer_registry import wafer_registry
from fabyield.transforms.silver.wafers import both_names, canonical_lots, names_in, wafers, with_lot

STEP = Step(
    reads=(
        *(FAB_LOT_HISTORY, FAB_LOTS, FAB_PCM, FAB_PROCESS_HISTORY, FAB_PRODUCTS, FAB_WAFERS),
        *(STDF_FILES, STDF_WAFERS, WAFER_NAMES, WAFER_REGISTRY),
    ),
    writes=(WAFER_REGISTRY, WAFER_NAMES, WAFERS),
    conf=("fab",),
)


def job(run: Run) -> None:
    """Give new wafer names their keys, and join all wafers to their lots."""
    rules = run.name_rules
    events = renamings(run.read(FAB_LOT_HISTORY), rules).localCheckpoint()
    runs = with_lot(run.new(STDF_WAFERS), run.read(STDF_FILES))
    named = [runs, *(run.changes(table) for table in (FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM))]
    found = [both_names(events), *(names_in(rows, rules) for rows in named)]
    names = reduce(DataFrame.unionByName, found)
    # A wafer key is unique in the lake, over all fabs.
    run.write(WAFER_REGISTRY, wafer_registry(names, run.read_all_fabs(WAFER_REGISTRY)))
    run.write(WAFER_NAMES, wafer_names(run.read(WAFER_REGISTRY), first_names(events)))
    known = canonical_names(run.read(FAB_WAFERS), rules)
    lots, products = canonical_lots(run.read(FAB_LOTS), rules), run.read(FAB_PRODUCTS)
    run.write(WAFERS, wafers(run.read(WAFER_NAMES), events, known, lots, products))


if __name__ == "__main__":
    main(job)
