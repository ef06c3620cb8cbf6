"""Ops: the tables' files put in order, old ones removed, and how each table is stored.

spark-submit --py-files dist/fabyield.zip jobs/maintain.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import ALL, TABLE_STATISTICS
from fabyield.pipeline.launch import main
from fabyield.pipeline.maintenance import maintain_tables
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step, Turn

STEP = Step(
    reads=tuple(ALL.values()),
    writes=(TABLE_STATISTICS,),
    conf=("maintain",),
    every_night=True,
    turn=Turn.UPKEEP,
)


def job(run: Run) -> None:
    """Tend every table that needs it; what the tables hold stays as it is."""
    run.write(TABLE_STATISTICS, maintain_tables(run))


if __name__ == "__main__":
    main(job)
