"""STDF V4: bytes in, Arrow tables out, and back."""

from fabyield.stdf.atdf_write import write_atdf
from fabyield.stdf.batch import StdfTables, joined
from fabyield.stdf.encode import Encoded, encode
from fabyield.stdf.reader import batches, read, records
from fabyield.stdf.records import RECORDS, Field, Record
from fabyield.stdf.writer import Writer

__all__ = [
    "RECORDS",
    "Encoded",
    "Field",
    "Record",
    "StdfTables",
    "Writer",
    "batches",
    "encode",
    "joined",
    "read",
    "records",
    "write_atdf",
]
