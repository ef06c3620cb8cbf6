"""Silver: truncated files that arrived again in full."""

from fabyield.lake.catalog import PARTS, STDF_FILES, TRUNCATED_FILES
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.truncated_files import candidates, truncated_files

STEP = Step(reads=(PARTS, STDF_FILES), writes=(TRUNCATED_FILES,))


def job(run: Run) -> None:
    """Compare new files with the others of their sessions, touchdown by touchdown."""
    pairs = candidates(run.read(STDF_FILES), run.since).localCheckpoint()
    files = pairs.select("file_key").union(pairs.select("whole_key"))
    run.write(TRUNCATED_FILES, truncated_files(pairs, run.read_files(PARTS, files)))


if __name__ == "__main__":
    main(job)
