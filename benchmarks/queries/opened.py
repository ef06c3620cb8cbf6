"""Which data files of a table are opened, as the kernel sees it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inotify_simple import INotify, flags

DATA = ".parquet"


@contextmanager
def opened(folders: Sequence[str]) -> Iterator[set[str]]:
    """Fill a set with the names of data files that anybody opens in `folders` meanwhile."""
    names: set[str] = set()
    with INotify(nonblocking=True) as watch:
        for folder in folders:
            for place in _with_data(Path(folder)):
                watch.add_watch(place, flags.OPEN)
        yield names
        names |= {event.name for event in watch.read(timeout=0) if event.name.endswith(DATA)}


def _with_data(folder: Path) -> set[Path]:
    return {folder} | {file.parent for file in folder.glob(f"*/*{DATA}")} - {folder / "_delta_log"}
