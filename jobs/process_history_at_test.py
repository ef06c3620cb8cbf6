"""Silver: the chamber and recipe of every process step of a wafer before its test."""

from fabyield.lake.catalog import INSERTIONS, PROCESS_HISTORY, PROCESS_HISTORY_AT_TEST, WAFER_RUNS
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.state_at_test import process_history_at_test

STEP = Step(reads=(INSERTIONS, PROCESS_HISTORY, WAFER_RUNS), writes=(PROCESS_HISTORY_AT_TEST,))


def job(run: Run) -> None:
    """Look up the wafers whose runs changed, and the tested ones whose history changed."""
    wafers = run.touched(PROCESS_HISTORY_AT_TEST, WAFER_RUNS, tested_changes(run, PROCESS_HISTORY))
    rows = process_history_at_test(run.read(INSERTIONS, wafers), run.read(PROCESS_HISTORY, wafers))
    run.write(PROCESS_HISTORY_AT_TEST, rows, wafers)


if __name__ == "__main__":
    main(job)
