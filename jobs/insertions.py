"""Silver: when and with which program every wafer was tested."""

from fabyield.lake.catalog import INSERTIONS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.insertions import insertions

STEP = Step(reads=(WAFER_RUNS,), writes=(INSERTIONS,))


def job(run: Run) -> None:
    """Summarise the wafers whose runs changed."""
    wafers = run.touched(INSERTIONS, WAFER_RUNS)
    run.write(INSERTIONS, insertions(run.read(WAFER_RUNS, wafers)), wafers)


if __name__ == "__main__":
    main(job)
