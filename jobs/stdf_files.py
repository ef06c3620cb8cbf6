"""Bronze: new STDF files of the landing zone, and what is in them.

spark-submit --py-files dist/fabyield.zip jobs/stdf_files.py --landing s3a://fab/landing --lake s3a://fab/lake
"""

from fabyield.errors import DataQualityError, FabYieldError
from fabyield.ingest import batches, check_files, is_begun, read_again, staged
from fabyield.launch import main
from fabyield.run import Run
from fabyield.tables import STDF_FILES
from fabyield.transforms.pruning import among
from fabyield.transforms.stdf_files import stdf_files


def job(run: Run) -> None:
    """Decode each new file once, audit all kinds of rows, then publish them, manifest last."""
    stage = staged(run)
    # Held: it is looked at many times, and stands on the manifest of all nights.
    files = stdf_files(stage.files(), run.read(STDF_FILES)).localCheckpoint()
    try:
        check_files(run, files)
        run.publish(batches(run, stage, files))
        if again := read_again(run, files):
            run.replayed(among("file_key", again))
    except DataQualityError as error:
        if is_begun(run):
            # The rest must follow with the same files, so the night stays open.
            raise FabYieldError(f"part of the batch is published already: {error}") from error
        # Nothing of it was published, so the next attempt looks at the landing zone afresh.
        stage.discard()
        raise


if __name__ == "__main__":
    main(job)
