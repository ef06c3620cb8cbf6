"""Alerts to what is wrong with the files of a night."""

from collections.abc import Sequence

from fabyield.errors import DataQualityError
from fabyield.lake.catalog import STDF_FILES
from fabyield.pipeline.ingest.stdf_files import DecodedFile
from fabyield.pipeline.night_modes import Kind
from fabyield.pipeline.run import Run
from fabyield.readers.stdf.stage import UNREADABLE


def check_files(run: Run, files: Sequence[DecodedFile]) -> None:
    """Alert to wrong files and an empty night; raise DataQualityError where these must fail."""
    ingest = run.settings.ingest
    for file in files:
        if file.status not in ("complete", "duplicate"):
            run.notify(STDF_FILES, f"{file.path} is {file.status}: {file.reason}", "the file")
    _tell_contradictions(run, files)
    empty = [file.path for file in files if file.status == "empty"]
    if empty and ingest.empty_file == "fail":
        raise DataQualityError(f"nothing published: empty files: {', '.join(empty)}")
    # Files that cannot be read again would lose the rows that they have.
    unreadable = [file.path for file in files if file.status == UNREADABLE]
    if unreadable and run.mode.kind is not Kind.NIGHT:
        raise DataQualityError(
            f"nothing published: files that were read before cannot be read now: "
            f"{', '.join(unreadable)}; start it again when they can be read"
        )
    if not files and run.mode.kind is Kind.NIGHT:
        what = "no new STDF file tonight"
        run.notify(STDF_FILES, what, "the testers' delivery to the landing zone")
        if ingest.empty_night == "fail":
            raise DataQualityError(f"nothing published: {what}")


def _tell_contradictions(run: Run, files: Sequence[DecodedFile]) -> None:
    wrong = [file for file in files if file.contradictions and file.status != "duplicate"]
    if wrong:
        first = "; ".join(f"{file.path}: {(file.contradictions or [''])[0]}" for file in wrong[:3])
        run.notify(
            STDF_FILES,
            f"in {len(wrong)} files the tester's own counts or bins contradict the parts: {first}",
            "contradictions in bronze.stdf_files, and `fabyield stdf check` of the files",
        )
