"""Bronze: lots, wafers, products, process history and PCM of the factory database.

spark-submit --py-files dist/fabyield.zip jobs/fab_tables.py --conf prod
"""

from fabyield.launch import main
from fabyield.readers.fab_database import fab_rows
from fabyield.run import Batch, Run
from fabyield.tables import FAB_LOTS, FAB_PCM, FAB_PROCESS_HISTORY, FAB_PRODUCTS, FAB_WAFERS

FAB = (FAB_PRODUCTS, FAB_LOTS, FAB_WAFERS, FAB_PROCESS_HISTORY, FAB_PCM)


def job(run: Run) -> None:
    """Read what the factory knows, audit all of it, then publish what is new or has changed."""
    database, fab_id = run.settings.database, run.fab_id
    found = [(table, fab_rows(run.spark, database, table, fab_id)) for table in FAB]
    run.publish([Batch(table, fab.rows, refused=fab.refused) for table, fab in found])


if __name__ == "__main__":
    main(job)
