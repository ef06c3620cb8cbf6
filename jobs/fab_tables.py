"""Bronze: the tables of the factory database.

spark-submit --py-files dist/fabyield.zip jobs/fab_tables.py --conf prod
"""

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
from fabyield.pipeline.launch import main
from fabyield.pipeline.night_modes import Kind
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step

NEEDED = (FAB_PRODUCTS, FAB_LOTS, FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM)
OPTIONAL = (FAB_LOT_HISTORY, FAB_ASSEMBLY)

STEP = Step(
    reads=(QUARANTINE, FACTORY_READS),
    writes=(*NEEDED, *OPTIONAL, FACTORY_READS),
    conf=("fab", "database"),
    every_night=True,
)


def job(run: Run) -> None:
    """Read what the factory knows, audit all of it, then publish what is new or has changed."""
    ingest_factory(run, NEEDED, OPTIONAL)
    if run.mode.kind is Kind.REPLAY:
        run.mark_replayed("table like 'bronze.fab%'")


if __name__ == "__main__":
    main(job)
