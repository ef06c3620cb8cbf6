"""The page: last night's yields, worst wafers, bins, broken expectations and predictions.

spark-submit --py-files dist/fabyield.zip jobs/report.py --lake s3a://fab/lake --report report.html
"""

from fabyield.files import write_text
from fabyield.launch import main
from fabyield.reports.gather import gather
from fabyield.reports.page import page
from fabyield.run import Run


def job(run: Run) -> None:
    """Gather the night's figures and write the page."""
    write_text(run.settings.report, page(gather(run)))


if __name__ == "__main__":
    main(job)
