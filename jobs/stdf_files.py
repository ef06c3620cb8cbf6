"""Bronze: new STDF files of the landing zone, and what is in them.

spark-submit --py-files dist/fabyield.zip jobs/stdf_files.py --landing s3a://fab/landing --lake s3a://fab/lake
"""

from fabyield.errors import DataQualityError, FabYieldError
from fabyield.lake.catalog import QUARANTINE, STDF_FILES, STDF_WAFERS
from fabyield.pipeline.ingest.stdf_files import (
    KINDS,
    bronze_batches,
    check_files,
    decode_files,
    decoded_files,
    is_partly_published,
    reread_keys,
)
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.bronze.stdf_files import stdf_files
from fabyield.transforms.shared.key_ranges import in_keys

STEP = Step(
    reads=(QUARANTINE, STDF_FILES, STDF_WAFERS),
    writes=(*(table for table, _ in KINDS.values()), STDF_FILES),
    conf=("fab", "ingest"),
    every_night=True,
)


def job(run: Run) -> None:
    """Decode each new file once, audit all kinds of rows, then publish them, manifest last."""
    stage = decode_files(run)
    if stage is None:
        check_files(run, [])
        run.write_nothing(*STEP.writes)
        return
    # Held: it is looked at many times, and stands on the manifest of all nights.
    files = stdf_files(stage.files(), run.read(STDF_FILES)).localCheckpoint()
    found = decoded_files(files)
    try:
        check_files(run, found)
        run.publish(bronze_batches(run, stage, files, found))
        if again := reread_keys(run, found):
            run.mark_replayed(in_keys("file_key", again))
    except DataQualityError as error:
        if is_partly_published(run):
            # The rest must follow with the same files, so the night stays open.
            raise FabYieldError(f"part of the batch is published already: {error}") from error
        # Nothing of it was published, so the next attempt looks at the landing zone afresh.
        stage.discard()
        raise


if __name__ == "__main__":
    main(job)
