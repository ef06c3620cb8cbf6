"""The page: last night's yields, worst wafers, bins, broken expectations and predictions.

spark-submit --py-files dist/fabyield.zip jobs/report.py --lake s3a://fab/lake --report report.html
"""

import logging

from fabyield.lake.storage import write_text
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step, Turn
from fabyield.reports.page import page
from fabyield.reports.read_night import REPORT_TABLES, read_night
from fabyield.reports.summary import summary

log = logging.getLogger("fabyield.report")

STEP = Step(reads=REPORT_TABLES, every_night=True, turn=Turn.REPORT)


def job(run: Run) -> None:
    """Gather the night's figures, write the page, and sum up."""
    night = read_night(run)
    write_text(run.settings.report, page(night))
    log.info("\n%s", summary(night))


if __name__ == "__main__":
    main(job)
