"""Silver: parametric (PCM) results of the wafers.

spark-submit --py-files dist/fabyield.zip jobs/pcm_results.py --lake s3a://fab/lake
"""

from fabyield.launch import main
from fabyield.run import Batch, Run
from fabyield.tables import FAB_PCM, PCM_RESULTS, WAFERS
from fabyield.transforms.history import pcm_results
from fabyield.transforms.wafers import canonical_wafers


def job(run: Run) -> None:
    """Put the factory database's rows under their wafers' keys."""
    rows = canonical_wafers(run.read(FAB_PCM), run.settings.fab.wafer_id_rules)
    keyed = pcm_results(rows, run.read(WAFERS))
    run.publish([Batch(PCM_RESULTS, keyed, source_rows=rows.count())])


if __name__ == "__main__":
    main(job)
