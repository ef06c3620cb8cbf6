"""Ops: the tables' files put in order, old ones removed, and how each table is stored.

spark-submit --py-files dist/fabyield.zip jobs/maintain.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.maintain import tended
from fabyield.run import Run
from fabyield.steps import Step, Turn
from fabyield.tables import ALL, TABLE_STATISTICS

STEP = Step(
    reads=tuple(ALL.values()),
    writes=(TABLE_STATISTICS,),
    conf=("maintain",),
    every_night=True,
    turn=Turn.UPKEEP,
)


def job(run: Run) -> None:
    """Tend every table that needs it; what the tables hold stays as it is."""
    run.write(TABLE_STATISTICS, tended(run))


if __name__ == "__main__":
    main(job)
