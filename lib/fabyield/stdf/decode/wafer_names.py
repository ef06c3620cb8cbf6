"""What WIR and WRR call their wafers, as numbers that the compiled loop compares."""

from collections.abc import Iterator, Mapping

import numpy as np

from fabyield.stdf.compiled.buffers import Flags, Ints
from fabyield.stdf.compiled.part_ownership import NOBODY
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.codes import ALL
from fabyield.stdf.tools.name_rules import trimmed


class WaferNames:
    """The wafers that are named so far, and the last WRR of each head and site group."""

    def __init__(self) -> None:
        self._number: dict[tuple[int, str], int] = {}
        self._heads: set[int] = set()
        self._last: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._number)

    def of(self, chain: Chain, rows: Mapping[str, Rows]) -> tuple[Ints, Flags]:
        """Return for each record of a block the number of its wafer, and whether it says it again.

        Wafers are numbered by head and name, NOBODY for a record that names none.
        """
        name = np.full(chain.starts.size, NOBODY, np.int32)
        again = np.zeros(chain.starts.size, np.bool_)
        for index, is_wir, head, group, raw in sorted((*_read(rows["WIR"]), *_read(rows["WRR"]))):
            if is_wir:
                self._heads.add(head)
            else:
                said = bytes(chain.data[chain.starts[index] : chain.ends[index]])
                again[index] = self._last.get((head, group)) == said
                self._last[head, group] = said
            if raw:
                key = self._head(head), raw
                name[index] = self._number.setdefault(key, len(self._number))
        return name, again

    def _head(self, head: int) -> int:
        """Return the head of WIR that a WRR means: the only one, however WRR numbers it."""
        is_other = head not in self._heads and len(self._heads) == 1
        return next(iter(self._heads)) if is_other else head


def _read(rows: Rows) -> Iterator[tuple[int, bool, int, int, str]]:
    columns = [rows.column(name).to_pylist() for name in ("head_num", "site_grp", "wafer_id")]
    for index, head, group, raw in zip(rows.index.tolist(), *columns, strict=True):
        yield index, rows.record.name == "WIR", head, ALL if group is None else group, trimmed(raw)
