"""The files of the landing zone, and which of them are still being written."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyarrow import fs

from fabyield.errors import ConfigError, plain
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


def listed(landing: str, skipped: Callable[[str], object] = lambda _: None) -> list[LandingFile]:
    """List the files of the STDF folder of `landing`, sorted by path.

    Links are followed, but each folder is listed once. Calls `skipped` with the name and the reason
    of whatever is left out. Raises ConfigError if the folder is missing (on an object store it is
    then empty).
    """
    system, root = resolve_uri(f"{landing}/stdf")
    if isinstance(system, fs.LocalFileSystem):
        if not os.path.isdir(root):
            raise ConfigError(f"{landing}/stdf: no such folder; set `landing` in conf or --landing")
        files = list(_local_files(os.fsencode(root), skipped))
    else:
        found = system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        files = [
            LandingFile(info.path.removeprefix(root).lstrip("/"), info.size, _at(info.mtime_ns))
            for info in found
            if info.type == fs.FileType.File
        ]
    # Copying tools write into hidden folders, and move the file out when it is complete.
    visible = [f for f in files if not any(n.startswith((".", "_")) for n in f.path.split("/"))]
    return sorted(visible, key=lambda file: file.path)


def _local_files(root: bytes, skipped: Callable[[str], object]) -> Iterator[LandingFile]:
    folders, known = [root], set[tuple[int, int]]()
    while folders:
        folder = folders.pop()
        try:
            status = os.stat(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            skipped(f"{plain(os.fsdecode(folder))}: the folder cannot be listed: {error.strerror}")
            continue
        if (place := (status.st_dev, status.st_ino)) in known:
            skipped(f"{plain(os.fsdecode(folder))}: a link to a folder that is listed already")
            continue
        known.add(place)
        for entry in entries:
            try:
                path = os.path.relpath(entry.path, root).decode()
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    yield LandingFile(path, entry.stat().st_size, _at(entry.stat().st_mtime_ns))
            except UnicodeDecodeError:
                name = entry.path.decode(errors="backslashreplace")
                skipped(f"{plain(name)}: the name is not UTF-8; rename it")
            except OSError as error:
                skipped(f"{plain(os.fsdecode(entry.path))}: cannot be read: {error.strerror}")


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


def _at(nanoseconds: int | None) -> datetime:
    # Python's times, like Spark's, have microseconds.
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=(nanoseconds or 0) // 1000)
