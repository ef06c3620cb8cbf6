"""Ops: compact the tables' files, remove old ones, and record how each table is stored."""

from fabyield.lake.catalog import ALL, TABLE_STATISTICS
from fabyield.pipeline.job import Run, Step, Turn, main
from fabyield.pipeline.maintenance import maintain_tables

STEP = Step(
    reads=tuple(ALL.values()),
    writes=(TABLE_STATISTICS,),
    conf=("maintain",),
    every_night=True,
    turn=Turn.UPKEEP,
)


def job(run: Run) -> None:
    """Maintain every table that needs it; the rows of the tables stay the same."""
    run.write(TABLE_STATISTICS, maintain_tables(run))


if __name__ == "__main__":
    main(job)
