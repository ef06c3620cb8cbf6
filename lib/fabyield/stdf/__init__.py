"""STDF V4: bytes in, Arrow tables out, and back."""

from fabyield.stdf.atdf.write import write_atdf
from fabyield.stdf.decode.tables import StdfTables, joined
from fabyield.stdf.encode.columns import Encoded, encode
from fabyield.stdf.reader import batches, read, records
from fabyield.stdf.spec.records import RECORDS, Field, Record
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
