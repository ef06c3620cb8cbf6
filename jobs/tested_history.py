"""Silver: the chamber and recipe of every step that a wafer had been through when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_history.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import INSERTIONS, PROCESS_HISTORY, TEST_RUNS, TESTED_HISTORY
from fabyield.transforms.as_of import tested_history


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose history did."""
    tested = run.read(INSERTIONS).select("wafer_key")
    history = run.changes(PROCESS_HISTORY).join(tested, "wafer_key", how="left_semi")
    wafers = run.touched(TESTED_HISTORY, TEST_RUNS, history)
    rows = tested_history(run.read(INSERTIONS, wafers), run.read(PROCESS_HISTORY, wafers))
    run.write(TESTED_HISTORY, rows, wafers)


if __name__ == "__main__":
    main(job)
