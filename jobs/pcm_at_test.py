"""Silver: the last PCM results of a wafer when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/pcm_at_test.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import INSERTIONS, PCM_AT_TEST, PCM_RESULTS, WAFER_RUNS
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.state_at_test import pcm_at_test

STEP = Step(reads=(INSERTIONS, PCM_RESULTS, WAFER_RUNS), writes=(PCM_AT_TEST,))


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose PCM results did."""
    wafers = run.touched(PCM_AT_TEST, WAFER_RUNS, tested_changes(run, PCM_RESULTS))
    rows = pcm_at_test(run.read(INSERTIONS, wafers), run.read(PCM_RESULTS, wafers))
    run.write(PCM_AT_TEST, rows, wafers)


if __name__ == "__main__":
    main(job)
