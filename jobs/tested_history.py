"""Silver: the chamber and recipe of every step that a wafer had been through when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_history.py --lake s3a://fab/lake
"""

from fabyield.following import as_of_tests
from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import PROCESS_HISTORY, TESTED_HISTORY
from fabyield.transforms.as_of import tested_history


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose history did."""
    as_of_tests(run, PROCESS_HISTORY, TESTED_HISTORY, tested_history)


if __name__ == "__main__":
    main(job)
