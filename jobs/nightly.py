"""The night: every step, in the order that follows from what each reads and writes.

spark-submit --py-files dist/fabyield.zip jobs/nightly.py --conf prod
"""

import logging
import sys

from fabyield.pipeline.launch import launch, options
from fabyield.pipeline.night import nightly
from fabyield.pipeline.night_modes import add_night_modes, chosen_mode
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT
from fabyield.reports.read_night import read_night
from fabyield.reports.summary import summary

log = logging.getLogger("fabyield.nightly")


def log_summary(night: Run) -> None:
    """Log the summary of a stopped night, which never reached the report step."""
    log.info("\n%s", summary(read_night(night)))


if __name__ == "__main__":
    given = add_night_modes(options(__doc__)).parse_args()
    mode = chosen_mode(given)
    sys.exit(launch(given, NIGHT, lambda settings: nightly(settings, mode, log_summary)))
