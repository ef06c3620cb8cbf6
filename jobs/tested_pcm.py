"""Silver: the last PCM results of a wafer when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_pcm.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import INSERTIONS, PCM_RESULTS, TEST_RUNS, TESTED_PCM
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.state_at_test import tested_pcm

STEP = Step(reads=(INSERTIONS, PCM_RESULTS, TEST_RUNS), writes=(TESTED_PCM,))


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose PCM results did."""
    wafers = run.touched(TESTED_PCM, TEST_RUNS, tested_changes(run, PCM_RESULTS))
    rows = tested_pcm(run.read(INSERTIONS, wafers), run.read(PCM_RESULTS, wafers))
    run.write(TESTED_PCM, rows, wafers)


if __name__ == "__main__":
    main(job)
