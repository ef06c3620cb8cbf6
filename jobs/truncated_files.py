"""Silver: files that were cut off and came again longer.

spark-submit --py-files dist/fabyield.zip jobs/truncated_files.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import PARTS, STDF_FILES, TRUNCATED_FILES
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.truncated_files import candidates, truncated_files

STEP = Step(reads=(PARTS, STDF_FILES), writes=(TRUNCATED_FILES,))


def job(run: Run) -> None:
    """Hold new files against those of their sessions, touch-down by touch-down."""
    pairs = candidates(run.read(STDF_FILES), run.since).localCheckpoint()
    files = pairs.select("file_key").union(pairs.select("whole_key"))
    run.write(TRUNCATED_FILES, truncated_files(pairs, run.read_files(PARTS, files)))


if __name__ == "__main__":
    main(job)
