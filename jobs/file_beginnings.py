"""Silver: files that were cut off and came again longer.

spark-submit --py-files dist/fabyield.zip jobs/file_beginnings.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import FILE_BEGINNINGS, PARTS, STDF_FILES
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.truncated_files import candidates, file_beginnings

STEP = Step(reads=(PARTS, STDF_FILES), writes=(FILE_BEGINNINGS,))


def job(run: Run) -> None:
    """Hold new files against those of their sessions, touch-down by touch-down."""
    pairs = candidates(run.read(STDF_FILES), run.since).localCheckpoint()
    files = pairs.select("file_key").union(pairs.select("whole_key"))
    run.write(FILE_BEGINNINGS, file_beginnings(pairs, run.read_files(PARTS, files)))


if __name__ == "__main__":
    main(job)
