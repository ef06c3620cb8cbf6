"""Gold: which wafers will yield low, why, and how good such predictions have been.

spark-submit --py-files dist/fabyield.zip jobs/yield_model.py --lake s3a://fab/lake
"""

from fabyield.batch import Batch
from fabyield.launch import main
from fabyield.models.learning import ModelFrames
from fabyield.models.yield_models import yield_models
from fabyield.run import Run
from fabyield.steps import Step
from fabyield.tables import (
    MODEL_REPORT,
    PCM_RESULTS,
    PROCESS_HISTORY,
    TEST_RUNS,
    WAFER_YIELD,
    WAFERS,
    YIELD_DRIVER,
    YIELD_PREDICTION,
)

INPUTS = (WAFERS, PROCESS_HISTORY, PCM_RESULTS, WAFER_YIELD)
STEP = Step(
    reads=(*INPUTS, TEST_RUNS),
    writes=(YIELD_PREDICTION, YIELD_DRIVER, MODEL_REPORT),
    conf=("model",),
)


def job(run: Run) -> None:
    """Train one model per product on finished lots, and score all wafers with it."""
    # A wafer that lost all its runs has no row of its yield that would tell it.
    if run.touched(MODEL_REPORT, *INPUTS, TEST_RUNS) == []:
        return
    frames = ModelFrames(*(run.read(table) for table in INPUTS))
    versions = {table.table: run.store.version(table) for table in INPUTS}
    folder = f"{run.settings.lake}/models"
    rows = yield_models(frames, run.settings.model, folder, versions)
    run.publish(
        [
            Batch(YIELD_PREDICTION, rows.yield_prediction),
            Batch(YIELD_DRIVER, rows.yield_driver),
            Batch(MODEL_REPORT, rows.model_report),
        ]
    )


if __name__ == "__main__":
    main(job)
