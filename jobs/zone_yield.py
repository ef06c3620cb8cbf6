"""Gold: yield of every wafer by zone."""

import numpy as np
from pyarrow import compute as pc

from fabyield.lake.catalog import DIE_RESULTS, WAFER_RUNS, WAFER_YIELD, WAFERS, ZONE_YIELD
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.gold.zone_yield import die_layout, zone_yield
from fabyield.transforms.shared.name_rules import NO_NAME

STEP = Step(reads=(DIE_RESULTS, WAFER_RUNS, WAFER_YIELD, WAFERS), writes=(ZONE_YIELD,))
# The layout of a product is that of so many of its wafers with most die.
LAYOUT_WAFERS = 5


def job(run: Run) -> None:
    """Count the die of the wafers whose runs, die or products changed."""
    wafers = run.touched(ZONE_YIELD, DIE_RESULTS, WAFERS, WAFER_RUNS)
    if wafers == []:
        return
    fullest = layout_wafers(run)
    layout = die_layout(run.read(DIE_RESULTS, fullest), run.read(WAFERS, fullest))
    rows = zone_yield(run.read(DIE_RESULTS, wafers), layout, run.read(WAFERS, wafers))
    run.write(ZONE_YIELD, rows, wafers)


def layout_wafers(run: Run) -> list[int]:
    """Return the wafers with most die of each product."""
    columns = ["wafer_key", "product_id", "tested_die"]
    # Lots of packages are no wafers.
    rows = run.arrow(WAFER_YIELD, columns, pc.field("wafer_id") != pc.scalar(NO_NAME))
    rows = rows.sort_by([("tested_die", "descending"), ("wafer_key", "ascending")])
    products = rows["product_id"].combine_chunks().dictionary_encode()
    codes = products.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    places = (np.flatnonzero(codes == n) for n in range(len(products.dictionary)))
    keys = rows["wafer_key"].to_numpy()
    return sorted({key for some in places for key in keys[some[:LAYOUT_WAFERS]].tolist()})


if __name__ == "__main__":
    main(job)
