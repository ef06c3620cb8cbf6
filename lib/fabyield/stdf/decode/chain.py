"""The whole records of a block of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Bytes, Flags, Longs, Words, take
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.spec.records import RECORDS, name_of


@dataclass(frozen=True)
class Chain:
    """The whole records of a block: start, end, code and role of each, and how many per code.

    `base` is the offset of the block in the content. `hidden` has a row per record and one for the
    end: what a damaged stretch before it may hide, as `Gap.hides`.
    """

    data: Bytes
    big: bool
    base: int
    starts: Longs
    ends: Longs
    codes: Words
    roles: Bytes
    many: Longs
    hidden: Flags
    is_last: bool = True
    refused: list[pa.Table] = field(default_factory=list)

    def refuse(self, index: Longs, name: str, reasons: Sequence[str]) -> None:
        """Refuse records by their position in the chain."""
        if index.size:
            offsets = self.starts[index] + self.base
            self.refused.append(refused_rows(offsets, self.lengths(index), name, reasons))

    def index(self, name: str) -> Longs:
        """Return the positions of all records with that name."""
        return np.flatnonzero(self.codes == RECORDS[name].code)

    def bounds(self, index: Longs) -> tuple[Longs, Longs]:
        """Return where some of the records start and end."""
        return take(self.starts, index), take(self.ends, index)

    def lengths(self, index: Longs) -> Longs:
        """Return the sizes of some of the records in bytes, header included."""
        start, end = self.bounds(index)
        return np.subtract(end, start)

    def before(self, index: int) -> "Chain":
        """Return the records before one of them."""
        codes = self.codes[:index]
        many = np.bincount(codes, minlength=self.many.size)
        starts, ends, roles = self.starts[:index], self.ends[:index], self.roles[:index]
        hidden = self.hidden[: index + 1]
        return replace(
            self, starts=starts, ends=ends, codes=codes, roles=roles, many=many, hidden=hidden
        )

    def counts(self) -> dict[str, int]:
        """Return the number of records by name, in order of type and subtype."""
        present = np.flatnonzero(self.many).tolist()
        return {str(name_of(code)): int(self.many[code]) for code in present}
