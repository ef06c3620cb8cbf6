"""Which files of the landing zone are new, and which are still being written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyarrow import fs

from fabyield.errors import ConfigError
from fabyield.lake.storage import resolve_uri

MARKER = ".done"
UNFINISHED = (MARKER, ".part", ".tmp")


@dataclass(frozen=True)
class LandingFile:
    """A file of the landing zone as it was seen; `path` is below the landing zone."""

    path: str
    size_bytes: int
    modified_at: datetime

    @property
    def seen(self) -> tuple[str, int, datetime]:
        """What tells a file that was looked at before from one that was not."""
        return self.path, self.size_bytes, self.modified_at


def listed(landing: str) -> list[LandingFile]:
    """Every file of the STDF folder of `landing`, by path.

    On an object store a folder without files is none, and holds nothing. Raises ConfigError where
    there is no such folder, or a file's name is not UTF-8.
    """
    system, root = resolve_uri(f"{landing}/stdf")
    if system.get_file_info(root).type != fs.FileType.Directory:
        if not isinstance(system, fs.LocalFileSystem):
            return []
        raise ConfigError(f"{landing}/stdf: no such folder; set `landing` in conf or --landing")
    try:
        found = system.get_file_info(fs.FileSelector(root, recursive=True))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{landing}/stdf: a file name is not UTF-8: {error}; rename it"
        ) from error
    files = [
        LandingFile(info.path.removeprefix(root).lstrip("/"), info.size, _utc(info))
        for info in found
        if info.type == fs.FileType.File
    ]
    seen = [file for file in files if not _is_hidden(file.path)]
    return sorted(seen, key=lambda file: file.path)


def settled(
    files: Iterable[LandingFile], now: datetime, settle_seconds: float
) -> list[LandingFile]:
    """The files that nobody writes any more: unchanged for `settle_seconds`, or marked done.

    A file dated in the future tells nothing by its age, so it counts as settled.
    """
    marked = {file.path for file in files}
    quiet = timedelta(seconds=settle_seconds)
    return [
        file
        for file in files
        if not file.path.endswith(UNFINISHED)
        and (file.path + MARKER in marked or not timedelta(0) <= now - file.modified_at < quiet)
    ]


def _is_hidden(path: str) -> bool:
    # Copying tools also write into hidden folders, and move the file out when it is whole.
    return any(name.startswith((".", "_")) for name in path.split("/"))


def _utc(info: fs.FileInfo) -> datetime:
    # Python's times, like Spark's, end at microseconds.
    micros = (info.mtime_ns or 0) // 1000
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
