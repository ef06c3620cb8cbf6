"""The page: last night's yields, worst wafers, bins, broken expectations and predictions.

spark-submit --py-files dist/fabyield.zip jobs/report.py --lake s3a://fab/lake --report report.html
"""

import logging

from fabyield.files import write_text
from fabyield.launch import main
from fabyield.reports.gather import SHOWN, gather
from fabyield.reports.page import page
from fabyield.reports.summary import summary
from fabyield.run import Run
from fabyield.steps import Step, Turn

log = logging.getLogger("fabyield.report")

STEP = Step(reads=SHOWN, every_night=True, turn=Turn.REPORT)


def job(run: Run) -> None:
    """Gather the night's figures, write the page, and sum up."""
    night = gather(run)
    write_text(run.settings.report, page(night))
    log.info("\n%s", summary(night))


if __name__ == "__main__":
    main(job)
