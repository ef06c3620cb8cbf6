"""Read and write files and folders by path or URI, on a disk or an object store."""

from pathlib import Path
from uuid import uuid4

import pyarrow as pa
from pyarrow import fs

from fabyield.errors import ConfigError


def resolve_uri(uri: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of `uri` and the path in it; s3a:// and s3n:// mean s3://."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return fs.LocalFileSystem(), str(Path(uri).absolute())
    if scheme in ("s3a", "s3n"):
        scheme = "s3"
    try:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(f"{scheme}://{rest}")
    except pa.ArrowInvalid as error:
        raise ConfigError(f"{uri}: {error}; use a path, or a URI like s3a://bucket/path") from error
    return found


def exists(uri: str) -> bool:
    """Return whether there is a file or a folder at `uri`."""
    system, path = resolve_uri(uri)
    return bool(system.get_file_info(path).type != fs.FileType.NotFound)


def listed(uri: str) -> list[str]:
    """Return the names of what is in the folder `uri`; none if there is no such folder."""
    system, path = resolve_uri(uri)
    found = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return [info.base_name for info in found]


def remove_folder(uri: str) -> None:
    """Delete the folder `uri`, if it exists, and all in it."""
    if exists(uri):
        system, path = resolve_uri(uri)
        system.delete_dir(path)


def read_text(uri: str) -> str:
    """Return the text of the file at `uri`; raise FileNotFoundError if there is none."""
    system, path = resolve_uri(uri)
    with system.open_input_stream(path) as stream:
        return str(stream.read().decode())


def write_text(uri: str, text: str) -> None:
    """Replace the whole content of `uri` by `text`; see write_bytes."""
    write_bytes(uri, text.encode())


def write_bytes(uri: str, content: bytes | memoryview) -> None:
    """Replace the whole content of `uri`; a reader never sees half, whoever else writes it."""
    system, path = resolve_uri(uri)
    system.create_dir(path.rpartition("/")[0], recursive=True)
    # Each of several writers has its own part, and the content of the last one stays.
    part = f"{path}.{uuid4().hex}.part"
    with system.open_output_stream(part) as stream:
        stream.write(content)
    system.move(part, path)
