"""The files of the landing zone, and which of them are still being written."""

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
    """A file of the landing zone; `path` is below its stdf folder."""

    path: str
    size_bytes: int
    modified_at: datetime

    @property
    def seen(self) -> tuple[str, int, datetime]:
        """What identifies a version of a file."""
        return self.path, self.size_bytes, self.modified_at


def listed(landing: str) -> list[LandingFile]:
    """List the files of the STDF folder of `landing`, sorted by path.

    Raises ConfigError if the folder is missing (on an object store it is then empty), or if a file
    name is not UTF-8.
    """
    system, root = resolve_uri(f"{landing}/stdf")
    if system.get_file_info(root).type != fs.FileType.Directory:
        if not isinstance(system, fs.LocalFileSystem):
            return []
        raise ConfigError(f"{landing}/stdf: no such folder; set `landing` in conf or --landing")
    try:
        found = system.get_file_info(fs.FileSelector(root, recursive=True))
    except UnicodeDecodeError as error:
        reason = f"a file name is not UTF-8: {error}; rename it"
        raise ConfigError(f"{landing}/stdf: {reason}") from error
    files = [
        LandingFile(info.path.removeprefix(root).lstrip("/"), info.size, _modified_at(info))
        for info in found
        if info.type == fs.FileType.File
    ]
    # Copying tools write into hidden folders, and move the file out when it is complete.
    visible = [f for f in files if not any(n.startswith((".", "_")) for n in f.path.split("/"))]
    return sorted(visible, key=lambda file: file.path)


def settled(
    files: Iterable[LandingFile], now: datetime, settle_seconds: float
) -> list[LandingFile]:
    """Return the files that are complete: unchanged for `settle_seconds`, or marked done.

    A file dated in the future has no age, so it counts as complete.
    """
    marked = {file.path for file in files}
    quiet = timedelta(seconds=settle_seconds)
    return [
        file
        for file in files
        if not file.path.endswith(UNFINISHED)
        and (file.path + MARKER in marked or not timedelta(0) <= now - file.modified_at < quiet)
    ]


def _modified_at(info: fs.FileInfo) -> datetime:
    # Python's times, like Spark's, have microseconds.
    micros = (info.mtime_ns or 0) // 1000
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
