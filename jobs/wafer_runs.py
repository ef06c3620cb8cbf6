"""Silver: wafer runs of the test files joined to wafer, product and insertion."""

from pyarrow import compute as pc

from fabyield.lake.catalog import (
    STDF_FILES,
    STDF_WAFERS,
    TRUNCATED_FILES,
    WAFER_NAMES,
    WAFER_RUNS,
    WAFERS,
)
from fabyield.pipeline.job import Batch, Run, Step, main
from fabyield.transforms.bronze.stdf_files import READABLE
from fabyield.transforms.silver.truncated_files import with_readable_file
from fabyield.transforms.silver.wafer_runs import KnownWafers, TesterRules, wafer_runs

STEP = Step(
    reads=(TRUNCATED_FILES, STDF_FILES, STDF_WAFERS, WAFER_NAMES, WAFERS),
    writes=(WAFER_RUNS,),
    conf=("fab",),
)


def job(run: Run) -> None:
    """Join every wafer run to its wafer; each run must give one row."""
    fab = run.settings.fab
    insertions = fab.insertion_rules, fab.default_insertion
    rules = TesterRules(fab.time_zone, run.name_rules, *insertions, fab.engineering_modes)
    stdf_files = run.read(STDF_FILES)
    known = KnownWafers(run.read(WAFER_NAMES), run.read(WAFERS))
    truncated = with_readable_file(run.read(TRUNCATED_FILES), stdf_files)
    rows = wafer_runs(run.read(STDF_WAFERS), stdf_files, known, truncated, rules)
    run.publish([Batch(WAFER_RUNS, rows, source_rows=source_rows(run))])


def source_rows(run: Run) -> int:
    """Count the wafer runs of the readable files, without the joins that make their rows."""
    files = run.arrow(STDF_FILES, ["file_key"], pc.field("status").isin(list(READABLE)))
    runs = run.arrow(STDF_WAFERS, ["file_key"])
    return runs.filter(pc.field("file_key").isin(files["file_key"])).num_rows


if __name__ == "__main__":
    main(job)
