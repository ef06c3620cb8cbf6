"""Rows with equal keys, as numbers: texts and pairs of numbers as one, and the row before."""

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.tools.name_rules import trimmed


def previous(key: Longs, rows: Flags) -> Longs:
    """Return for each of `rows` the one before it with the same key, -1 for none."""
    found = np.full(key.size, -1)
    mine = np.flatnonzero(rows)
    order = mine[np.argsort(key[mine], kind="stable")]
    same = key[order[1:]] == key[order[:-1]]
    found[order[1:][same]] = order[:-1][same]
    return found


def pair(one: Longs, other: Longs) -> Longs:
    """Number the pairs of two integers; `one` below 2**30, `other` within 2**33."""
    least = other.min()
    both = one * (other.max() - least + 1) + other - least
    return np.unique(both, return_inverse=True)[1]


def codes(texts: ArrowArray) -> Longs:
    """Number the texts; -1 for null."""
    indices = pa.chunked_array(texts).combine_chunks().dictionary_encode().indices
    return np.asarray(indices.cast(pa.int64()).fill_null(-1))


def name_codes(texts: ArrowArray) -> Longs:
    """Number the texts without the padding of names; -1 for null and for nothing but padding."""
    found = pa.chunked_array(texts).combine_chunks().dictionary_encode()
    number = {"": -1}
    each = [number.setdefault(trimmed(t), len(number)) for t in found.dictionary.to_pylist()]
    indices = found.indices.cast(pa.int64()).fill_null(-1)
    return np.asarray(np.array([*each, -1])[np.asarray(indices)])
