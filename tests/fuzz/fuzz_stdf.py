"""Guided by coverage: whatever bytes come, tables or a StdfError; `make fuzz-guided`.

The loops are not compiled here: a read beyond an array is an IndexError, not a wrong value.
"""

import io
import os
import sys
import warnings

os.environ["NUMBA_DISABLE_JIT"] = "1"

import atheris

with atheris.instrument_imports(include=["fabyield"]):
    from fabyield.errors import StdfError
    from fabyield.stdf import batches, joined, read, records, write_atdf


def as_tables(content: bytes) -> None:
    """Read tables, with results and without, and look at every value."""
    for tables in (read(content), joined(batches(content, results=False))):
        for name in ("test_values", "functional", "multi_values", "parts", "wafers", "refused"):
            getattr(tables, name).validate(full=True)


def as_text_and_back(content: bytes) -> None:
    """Write the records that can be read as ATDF, and read that."""
    text = io.StringIO()
    write_atdf(lambda: records(content), text)
    read(text.getvalue().encode())


def one(content: bytes) -> None:
    """Read one input; only StdfError may be raised."""
    for way in (as_tables, as_text_and_back):
        try:
            way(content)
        except StdfError:
            continue


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
