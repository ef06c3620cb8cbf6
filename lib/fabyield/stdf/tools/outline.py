"""A file without its test results, which is quick to read even for a large file."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fabyield.errors import StdfError
from fabyield.stdf.decode.tables import StdfTables, joined
from fabyield.stdf.reader import batches


@dataclass(frozen=True)
class Outline:
    """All tables of a file except test results, which are only counted."""

    path: str
    stored_bytes: int
    tables: StdfTables = field(repr=False)

    @cached_property
    def header(self) -> dict[str, Any]:
        """The one row about the file as a whole: its MIR, MRR and whether it is a retest."""
        row: dict[str, Any] = self.tables.file.to_pylist()[0]
        return row

    @property
    def is_complete(self) -> bool:
        """Whether the file ends with its MRR and nothing in it was refused."""
        return bool(self.header["is_complete"])


def outline(path: str | Path) -> Outline:
    """Read the outline of a file; raise StdfError as `read` does, or if it cannot be opened."""
    try:
        tables = joined(batches(path, hashed=True, results=False))
        return Outline(str(path), Path(path).stat().st_size, tables)
    except OSError as error:
        raise StdfError(f"{path}: cannot be read: {error.strerror or error}") from error
