"""The night: every step of conf/nightly.yml in order, then a summary.

spark-submit --py-files dist/fabyield.zip jobs/nightly.py --conf prod
"""

import sys

from fabyield.launch import guarded, load, options
from fabyield.night import nightly

if __name__ == "__main__":
    given = options(__doc__).parse_args()
    sys.exit(guarded(lambda: nightly(load(given))))
