"""Whether a Parquet file can be read."""

from collections import Counter
from collections.abc import Collection, Sequence

import pyarrow.parquet as pq
from pyarrow import ArrowException

from fabyield.files import located


def damage(
    uri: str, rows: int | None = None, columns: Collection[str] = (), deep: bool = True
) -> str:
    """What is wrong with the Parquet file at `uri`; empty where nothing is.

    It must have so many `rows`, unless that is None, and no columns but `columns`, if any are
    given: names have no checksum, and a column that is not found is null to delta-rs. Names within
    structs are not looked at. `deep`: every page is read and held against its checksum; else the
    footer alone.
    """
    try:
        system, path = located(uri)
        with system.open_input_file(path) as stream:
            # Not decoded into columns at once: a row group of a big table takes much memory.
            file = pq.ParquetFile(stream, page_checksum_verification=True, pre_buffer=False)
            if rows is not None and file.metadata.num_rows != rows:
                return f"has {file.metadata.num_rows:,} rows, {rows:,} were written"
            if columns and (wrong := _strange(file.schema_arrow.names, columns)):
                return f"has columns that the table has not: {', '.join(wrong)}"
            for _ in file.iter_batches() if deep else ():
                pass
    # pyarrow gives names that are no UTF-8 as a UnicodeDecodeError.
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        return " ".join(str(error).split())
    return ""


def _strange(names: Sequence[str], columns: Collection[str]) -> list[str]:
    # One bit makes x_coord a second y_coord. Those of Delta's change feed, which begin with an
    # underscore, stand in data files too, without values.
    own = [name for name in names if not name.startswith("_")]
    return sorted(n for n, times in Counter(own).items() if times > 1 or n not in columns)
