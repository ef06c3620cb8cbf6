"""The report page: yields, worst wafers, bins, broken expectations and predictions."""

import logging

from fabyield.lake.storage import write_text
from fabyield.pipeline.job import Run, Step, Turn, main
from fabyield.reports.page import page
from fabyield.reports.read_night import REPORT_TABLES, read_night
from fabyield.reports.summary import summary

log = logging.getLogger("fabyield.report")

STEP = Step(reads=REPORT_TABLES, every_night=True, turn=Turn.REPORT)


def job(run: Run) -> None:
    """Write the page of the night, and log its summary."""
    night = read_night(run)
    write_text(run.settings.report, page(night))
    log.info("\n%s", summary(night))


if __name__ == "__main__":
    main(job)
