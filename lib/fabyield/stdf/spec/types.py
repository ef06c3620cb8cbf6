"""How the types of STDF fields are stored, and what they are read into."""

from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

# Sign and width of stored numbers.
NUMBERS: Final = MappingProxyType(
    {
        **{"U1": "u1", "U2": "u2", "U4": "u4", "U8": "u8", "B1": "u1", "N1": "u1"},
        **{"I1": "i1", "I2": "i2", "I4": "i4", "R4": "f4", "R8": "f8"},
    }
)
# How the length in front of a text or of bits is stored; Dn counts bits.
LENGTHS: Final = MappingProxyType({"Cn": "u1", "Sn": "u2", "Bn": "u1", "Dn": "u2"})
TEXTS: Final = ("C1", "Cn", "Sn", "Cf")
# The type code in front of each value in a GDR.
GENERIC: Final = MappingProxyType(
    {
        **{1: "U1", 2: "U2", 3: "U4", 4: "I1", 5: "I2", 6: "I4", 7: "R4", 8: "R8"},
        **{10: "Cn", 11: "Bn", 12: "Dn", 13: "N1"},
    }
)
PAD: Final = 0
# Spark has no unsigned integers, so each becomes the next wider type; U8 has no wider one.
ARROW: Final[dict[str, pa.DataType]] = {
    **{"U1": pa.int16(), "U2": pa.int32(), "U4": pa.int64(), "U8": pa.uint64()},
    **{"I1": pa.int16(), "I2": pa.int16(), "I4": pa.int32(), "B1": pa.int16(), "N1": pa.int16()},
    **{"R4": pa.float32(), "R8": pa.float64(), "Uf": pa.uint64()},
}


class Bits(NamedTuple):
    """A bit field (Dn): its number of bits, and the bytes they fill, lowest bit first."""

    size: int
    data: bytes


class Generic(NamedTuple):
    """One value of a GDR, with the STDF type that it is stored as."""

    type: str
    value: Any


def width_of(kind: str) -> int:
    """Return the bytes of a number, a letter or a length; 0 for a width that a field gives."""
    stored = NUMBERS.get(kind) or LENGTHS.get(kind) or ("u1" if kind in ("C1", "Vn") else "")
    return np.dtype(stored).itemsize if stored else 0
