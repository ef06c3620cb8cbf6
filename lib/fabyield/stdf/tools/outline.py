"""A file without its test results: what is known of it long before all of it is decoded."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf.decode.tables import StdfTables, joined
from fabyield.stdf.reader import batches


@dataclass(frozen=True)
class Outline:
    """What a file holds besides test results; those are counted but not looked into."""

    path: str
    stored_bytes: int
    tables: StdfTables = field(repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many records there are of each name."""
        return self.tables.counts

    @property
    def refused(self) -> pa.Table:
        """What cannot be read, but for test records."""
        return self.tables.refused

    @property
    def content_bytes(self) -> int:
        """Length of the decompressed content."""
        return self.tables.content_bytes

    @property
    def sha256(self) -> str:
        """Hash of the decompressed content: tells a renamed or recompressed copy."""
        return str(self.tables.sha256)

    @property
    def is_complete(self) -> bool:
        """Whether the file ends with its MRR and nothing of it was refused."""
        return bool(self.tables.file["is_complete"][0].as_py())


def outline(path: str | Path) -> Outline:
    """Read the outline of a file; raises StdfError as `read` does, or if it cannot be opened."""
    try:
        tables = joined(batches(path, hashed=True, results=False))
        return Outline(str(path), Path(path).stat().st_size, tables)
    except OSError as error:
        raise StdfError(f"{path}: cannot be read: {error.strerror or error}") from error
