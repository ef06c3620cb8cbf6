"""Silver: the last PCM results of a wafer before its test."""

from fabyield.lake.catalog import INSERTIONS, PCM_AT_TEST, PCM_RESULTS, WAFER_RUNS
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.state_at_test import pcm_at_test

STEP = Step(reads=(INSERTIONS, PCM_RESULTS, WAFER_RUNS), writes=(PCM_AT_TEST,))


def job(run: Run) -> None:
    """Look up the wafers whose runs changed, and the tested ones whose PCM results changed."""
    wafers = run.touched(PCM_AT_TEST, WAFER_RUNS, tested_changes(run, PCM_RESULTS))
    rows = pcm_at_test(run.read(INSERTIONS, wafers), run.read(PCM_RESULTS, wafers))
    run.write(PCM_AT_TEST, rows, wafers)


if __name__ == "__main__":
    main(job)
