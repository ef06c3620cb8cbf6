"""Whether a Parquet file can be read."""

from collections import Counter
from collections.abc import Callable, Collection

import pyarrow.parquet as pq
from pyarrow import ArrowException

from fabyield.lake.storage import located


def damage(
    uri: str,
    rows: int | None = None,
    wrong: Callable[[pq.ParquetFile], str] = lambda file: "",
    deep: bool = True,
) -> str:
    """What is wrong with the Parquet file at `uri`; empty where nothing is.

    It must have so many `rows`, unless that is None; `wrong` tells what else is amiss. `deep`:
    every page is read and held against its checksum; else the footer alone.
    """
    try:
        system, path = located(uri)
        with system.open_input_file(path) as stream:
            # Not decoded into columns at once: a row group of a big table takes much memory.
            file = pq.ParquetFile(stream, page_checksum_verification=True, pre_buffer=False)
            if rows is not None and file.metadata.num_rows != rows:
                return f"has {file.metadata.num_rows:,} rows, {rows:,} were written"
            if what := wrong(file):
                return what
            for _ in file.iter_batches() if deep else ():
                pass
    # pyarrow gives names that are no UTF-8 as a UnicodeDecodeError.
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        return " ".join(str(error).split())
    return ""


def strange(columns: Collection[str], file: pq.ParquetFile) -> str:
    """Which columns `file` has twice, or beside `columns`; empty where there are none.

    Names have no checksum, and a column that is not found is null to readers. Those within structs
    are not looked at.
    """
    # Those of Delta's change feed stand in data files too, without values.
    names = Counter(name for name in file.schema_arrow.names if not name.startswith("_"))
    found = sorted(name for name, times in names.items() if times > 1 or name not in columns)
    return f"has columns twice, or that the table has not: {', '.join(found)}" if found else ""
