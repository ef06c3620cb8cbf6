"""Semi-ATE-STDF: an object per record, its fields decoded as it is made."""

from collections import deque

from Semi_ATE.STDF import records_from_file

from benchmarks.stdf.contenders import Told
from benchmarks.stdf.readers.telling import TESTED, of_records


def records(path: str) -> None:
    """Read each record by itself."""
    deque(records_from_file(path, unpack=True), maxlen=0)


def told_by_records(path: str) -> Told:
    """Tell what the records hold."""
    every = ((type(record).__name__, record) for record in records_from_file(path, unpack=True))
    return of_records(
        (name, {field: told["Value"] for field, told in record.fields.items()})
        for name, record in every
        if name in TESTED
    )
