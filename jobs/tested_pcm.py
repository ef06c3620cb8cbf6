"""Silver: the last PCM results of a wafer when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_pcm.py --lake s3a://fab/lake
"""

from fabyield.following import as_of_tests
from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import PCM_RESULTS, TESTED_PCM
from fabyield.transforms.as_of import tested_pcm


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose PCM results did."""
    as_of_tests(run, PCM_RESULTS, TESTED_PCM, tested_pcm)


if __name__ == "__main__":
    main(job)
