"""Bronze: the tables of the factory database.

spark-submit --py-files dist/fabyield.zip jobs/fab_tables.py --conf prod
"""

import logging

from fabyield.batch import Batch
from fabyield.launch import main
from fabyield.readers.fab_database import counterpart, fab_rows
from fabyield.run import Run
from fabyield.tables import (
    FAB_ASSEMBLY,
    FAB_LOT_HISTORY,
    FAB_LOTS,
    FAB_PCM,
    FAB_PROCESS_HISTORY,
    FAB_PRODUCTS,
    FAB_WAFERS,
)

log = logging.getLogger("fabyield.fab_tables")
FAB = (FAB_PRODUCTS, FAB_LOTS, FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM)
OPTIONAL = (FAB_LOT_HISTORY, FAB_ASSEMBLY)


def job(run: Run) -> None:
    """Read what the factory knows, audit all of it, then publish what is new or has changed."""
    database, fab_id = run.settings.database, run.fab_id
    wanted = list(FAB)
    for table in OPTIONAL:
        if counterpart(database, table):
            wanted.append(table)
        else:
            log.info("%s: database.tables names none: nothing to read", table.table)
    found = [(table, fab_rows(run.spark, database, table, fab_id)) for table in wanted]
    run.publish([Batch(table, fab.rows, refused=fab.refused) for table, fab in found])


if __name__ == "__main__":
    main(job)
