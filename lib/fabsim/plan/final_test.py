"""The habits of a final test floor: who tests a lot's packages, again too, and what files tell."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fabyield.settings.typed import between, matching

PRODUCTION = "P"


class Numbering(StrEnum):
    """The PART_ID of packages in a rescreen: those of the first session, or anew from 1."""

    FIRST = "first"
    ANEW = "anew"


class Heap(StrEnum):
    """Whose rejects a rescreen tests: those of one tester, there, or of the whole lot at once."""

    TESTER = "tester"
    LOT = "lot"


class Mark(StrEnum):
    """What tells that a file is of a rescreen: RDR with bins, MIR.RTST_COD, PRR.PART_FLG bit 0."""

    RDR = "rdr"
    RTST_COD = "rtst_cod"
    PART_FLG = "part_flg"


class Ecid(StrEnum):
    """What PART_TXT has of the die in a package: its lot, wafer, x and y; only an ID; nothing."""

    COORDINATES = "lot_wafer_x_y"
    ID = "id"
    NONE = "none"


class PackageXy(StrEnum):
    """X_COORD and Y_COORD of packages: missing, or 0,0 for every one."""

    MISSING = "missing"
    ZERO = "zero"


@dataclass(frozen=True)
class FinalTest:
    """How all insertions of packages are tested; as by default, a lot is one session of one tester.

    Its packages are divided over `testers` that test at the same time, each with numbers of its
    own. Rejects come to `rescreens` sessions of their own, one after the other, or if there are
    none, back to the testers within the session. `sites_number_alone`: each site counts PART_ID
    from 1, and rejects within the session come back to their site. Each of `engineering_runs`, a
    MODE_COD, is a session that fails half of the lot's first packages, and does not count.
    """

    testers: Annotated[int, between(1, 50)] = 1
    rescreens: Annotated[int, between(0, 9)] = 0
    rescreen_numbering: Numbering = Numbering.FIRST
    rescreen_of: Heap = Heap.TESTER
    rescreen_marks: tuple[Mark, ...] = (Mark.RDR, Mark.RTST_COD)
    sites_number_alone: bool = False
    ecid: Ecid = Ecid.COORDINATES
    package_xy: PackageXy = PackageXy.MISSING
    engineering_runs: tuple[
        Annotated[str, matching("[ACDEMQ]", "one of A, C, D, E, M, Q")], ...
    ] = ()

    @property
    def mixed_numbers(self) -> str:
        """What makes numbers of the first session unfit for rescreens; empty if nothing does."""
        if not self.rescreens or self.rescreen_numbering is Numbering.ANEW:
            return ""
        of_lot = self.testers > 1 and self.rescreen_of is Heap.LOT
        return "sites_number_alone" if self.sites_number_alone else of_lot * "rescreen_of: lot"
