"""Silver: the last PCM results of a wafer when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_pcm.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import INSERTIONS, PCM_RESULTS, TEST_RUNS, TESTED_PCM
from fabyield.transforms.as_of import tested_pcm


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose history did."""
    tested = run.read(INSERTIONS).select("wafer_key")
    history = run.changes(PCM_RESULTS).join(tested, "wafer_key", how="left_semi")
    wafers = run.touched(TESTED_PCM, TEST_RUNS, history)
    rows = tested_pcm(run.read(INSERTIONS, wafers), run.read(PCM_RESULTS, wafers))
    run.write(TESTED_PCM, rows, wafers)


if __name__ == "__main__":
    main(job)
