"""The night: every step in the order that follows from what each reads and writes.

spark-submit --py-files dist/fabyield.zip jobs/nightly.py --conf prod
"""

import sys

from fabyield.launch import launch, options
from fabyield.ledger import NIGHT
from fabyield.night import nightly
from fabyield.purpose import add_purposes, chosen

if __name__ == "__main__":
    given = add_purposes(options(__doc__)).parse_args()
    sys.exit(launch(given, NIGHT, lambda settings: nightly(settings, chosen(given))))
