"""A folder for the data of a bench, gone when the bench is, however it ended."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness.process import NotRunError

# Tells what a killed bench has left from what is somebody else's.
MARK = ".fabyield-bench"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder, and remove it.

    Raises NotRunError where there is a folder that no bench has made.
    """
    if folder.exists() and not (folder / MARK).exists():
        raise NotRunError(f"{folder} is no bench's; choose another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
