"""Own limits of results whose file defines their test otherwise than the first file did."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.arrow.list_columns import ArrowArray, with_values
from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.decode.stated import OWN, OWN_LIMITS, TYPES, other_than, with_infinite

# The fields of OWN.
Definition = tuple[Any, ...]
# By row in tests.parquet: a test as one file defines it, and as it is there.
Redefined = Mapping[int, tuple[Definition, Definition]]
NO_UNIT = ""


def relative_to_catalog(values: pa.Table, tests: Redefined) -> pa.Table:
    """Return the results of one file with own limits that differ from tests.parquet.

    `values`: rows of test_values.parquet, whose own limits differ from the file's definitions. A
    limit that the file does not have is infinite, a unit empty.
    """
    known = np.array(sorted(tests), np.int64)
    test = numbers(values, "test_row")
    at = np.minimum(np.searchsorted(known, test), known.size - 1)
    rows = np.flatnonzero(known[at] == test)
    own = pa.chunked_array(values["own_limits"].chunks).combine_chunks()
    of_file, of_catalog = ([tests[row][n] for row in known.tolist()] for n in (0, 1))
    taken: ArrowArray = pa.array(rows)
    of_test: ArrowArray = pa.array(at[rows])
    held = _held(own.take(taken), of_file, of_test)
    other = other_than(held, lambda name: _definitions(of_catalog, name).take(of_test))
    place = values.schema.get_field_index("own_limits")
    return values.set_column(place, "own_limits", with_values(own, rows, other))


def _held(own: ArrowArray, of_file: Sequence[Definition], test: ArrowArray) -> ArrowArray:
    """Return the unit, limits and scales that held for each result."""
    fields = [
        pc.coalesce(pc.struct_field(own, name), _definitions(of_file, name).take(test))
        for name in OWN
    ]
    return pa.StructArray.from_arrays(fields, fields=list(OWN_LIMITS))


def _definitions(definitions: Sequence[Definition], name: str) -> ArrowArray:
    values = [one[OWN.index(name)] for one in definitions]
    column = with_infinite(name, pa.array(values, TYPES[name]))
    return pc.fill_null(column, NO_UNIT) if name == "units" else column
