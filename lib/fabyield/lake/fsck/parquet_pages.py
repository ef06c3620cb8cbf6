"""Check that a Parquet file can be read."""

from collections import Counter
from collections.abc import Callable, Collection

import pyarrow.parquet as pq
from pyarrow import ArrowException

from fabyield.lake.storage import resolve_uri


def damage(
    uri: str,
    rows: int | None = None,
    wrong: Callable[[pq.ParquetFile], str] = lambda file: "",
    deep: bool = True,
) -> str:
    """Return what is wrong with the Parquet file at `uri`; unless `deep`, read its footer only."""
    try:
        system, path = resolve_uri(uri)
        with system.open_input_file(path) as stream:
            # Read in batches: a whole row group of a big table takes much memory.
            file = pq.ParquetFile(stream, page_checksum_verification=True, pre_buffer=False)
            if rows is not None and file.metadata.num_rows != rows:
                return f"has {file.metadata.num_rows:,} rows, {rows:,} were written"
            if what := wrong(file):
                return what
            for _ in file.iter_batches() if deep else ():
                pass
    # pyarrow raises UnicodeDecodeError for names that are not UTF-8.
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        return " ".join(str(error).split())
    return ""


def unknown_columns(columns: Collection[str], file: pq.ParquetFile) -> str:
    """Return which columns `file` has twice or beyond `columns`, as names have no checksum."""
    # Data files also have the columns of Delta's change feed, without values.
    names = Counter(name for name in file.schema_arrow.names if not name.startswith("_"))
    found = sorted(name for name, times in names.items() if times > 1 or name not in columns)
    return f"has columns twice, or that the table lacks: {', '.join(found)}" if found else ""
