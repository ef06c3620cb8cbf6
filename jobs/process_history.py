"""Silver: which wafer went through which chamber.

spark-submit --py-files dist/fabyield.zip jobs/process_history.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.run import Batch, Run
from fabyield.tables import FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFERS
from fabyield.transforms.history import process_history
from fabyield.transforms.wafers import canonical_wafers


def job(run: Run) -> None:
    """Put the factory database's rows under their wafers' keys."""
    rows = canonical_wafers(run.read(FAB_PROCESS_HISTORY), run.settings.fab.wafer_id_rules)
    keyed = process_history(rows, run.read(WAFERS))
    run.publish([Batch(PROCESS_HISTORY, keyed, source_rows=rows.count())])


if __name__ == "__main__":
    main(job)
