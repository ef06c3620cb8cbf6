"""Bronze: the new STDF files of the landing zone and their records."""

from fabyield.errors import DataQualityError, FabYieldError
from fabyield.lake.catalog import QUARANTINE, STDF_FILES, STDF_WAFERS
from fabyield.pipeline.ingest.file_alerts import check_files
from fabyield.pipeline.ingest.stdf_files import (
    KINDS,
    bronze_batches,
    decode_files,
    decoded_files,
    is_partly_published,
    reread_keys,
)
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.bronze.stdf_files import stdf_files
from fabyield.transforms.shared.key_ranges import in_keys

STEP = Step(
    reads=(QUARANTINE, STDF_FILES, STDF_WAFERS),
    writes=(*(table for table, _ in KINDS.values()), STDF_FILES),
    conf=("fab", "ingest"),
    every_night=True,
)


def job(run: Run) -> None:
    """Decode each new file once, audit its rows, then publish them, the manifest last."""
    stage = decode_files(run)
    if stage is None:
        check_files(run, [])
        run.write_nothing(*STEP.writes)
        return
    # Many plans below read it; without a checkpoint each would read the whole manifest.
    files = stdf_files(stage.files(), run.read(STDF_FILES)).localCheckpoint()
    found = decoded_files(files)
    try:
        check_files(run, found)
        run.publish(bronze_batches(run, stage, files, found))
        if again := reread_keys(run, found):
            run.mark_replayed(in_keys("file_key", again))
    except DataQualityError as error:
        if is_partly_published(run):
            # The night stays open, so that the next attempt publishes the rest of these files.
            raise FabYieldError(f"part of the batch is already published: {error}") from error
        # Nothing is published, so the next attempt lists the landing zone again.
        stage.discard()
        raise


if __name__ == "__main__":
    main(job)
