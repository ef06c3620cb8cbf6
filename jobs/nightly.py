"""The night: every step of conf/nightly.yml in order, then a summary.

spark-submit --py-files dist/fabyield.zip jobs/nightly.py --conf prod
"""

import sys

from fabyield.launch import launch, options
from fabyield.ledger import NIGHT
from fabyield.night import nightly

if __name__ == "__main__":
    sys.exit(launch(options(__doc__).parse_args(), NIGHT, nightly))
