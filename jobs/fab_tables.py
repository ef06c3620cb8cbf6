"""Bronze: the tables of the factory database."""

from fabyield.lake.catalog import (
    FAB_ASSEMBLY,
    FAB_LOT_HISTORY,
    FAB_LOTS,
    FAB_PCM,
    FAB_PROCESS_HISTORY,
    FAB_PRODUCTS,
    FAB_WAFERS,
    FACTORY_READS,
    QUARANTINE,
)
from fabyield.pipeline.ingest.factory_tables import ingest_factory
from fabyield.pipeline.job import Run, Step, main
from fabyield.pipeline.night_modes import Kind

NEEDED = (FAB_PRODUCTS, FAB_LOTS, FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM)
OPTIONAL = (FAB_LOT_HISTORY, FAB_ASSEMBLY)

STEP = Step(
    reads=(QUARANTINE, FACTORY_READS),
    writes=(*NEEDED, *OPTIONAL, FACTORY_READS),
    conf=("fab", "database"),
    every_night=True,
)


def job(run: Run) -> None:
    """Read the factory database and publish the rows that are new or changed."""
    ingest_factory(run, NEEDED, OPTIONAL)
    if run.mode.kind is Kind.REPLAY:
        run.mark_replayed("table like 'bronze.fab%'")


if __name__ == "__main__":
    main(job)
