"""What a tester says of the parts of its file, against the parts that are in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import flags, is_text, known, tuples
from fabyield.stdf.decode.tables import StdfTables
from fabyield.stdf.tools import declared_counts
from fabyield.stdf.tools.declared_counts import Claim
from fabyield.stdf.tools.info import decide
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.retest import PartRules

BINS = {"H": "hard_bin", "S": "soft_bin"}
CALLED = ("bin_num", "bin_pf")
OTHER_VERDICT = "touch-down of the other verdict by PART_FLG"


@dataclass(frozen=True)
class Difference:
    """A declared count that is not what was counted; `basis` says what that is."""

    record: str
    place: str
    counted: int
    claimed: int
    basis: str = field(default="", compare=False)

    def __str__(self) -> str:
        said = f"{self.record}, {self.place}: {self.claimed:,} by the tester"
        return f"{said}, {self.counted:,} counted ({self.basis})"


def contradictions(outline: Outline, naming: Naming, rules: PartRules) -> list[Difference]:
    """Return where WRR, PCR, HBR and SBR contradict the parts of a file, by no habit of testers."""
    claims = part_claims(outline.tables, with_turns(outline, naming, rules))
    of_record = groupby(claims, lambda claim: claim.record)
    return [found for _, group in of_record for found in compared(list(group))[1]]


def with_turns(outline: Outline, naming: Naming, rules: PartRules) -> pa.Table:
    """Return the parts of a file with their touchdown_num and is_final within the file."""
    parts, turns = decide(outline, naming, rules)
    for name in ("touchdown_num", "is_final"):
        parts = parts.append_column(name, turns[name])
    return parts


def part_claims(tables: StdfTables, parts: pa.Table) -> list[Claim]:
    """Return what WRR, PCR, HBR and SBR say of the parts, which have their turns."""
    counts = declared_counts.part_counts(parts)
    return [
        *declared_counts.wafers(tables.wafers, counts),
        *declared_counts.sites(tables.part_counts, counts),
        *(c for kind in BINS for c in declared_counts.bins(tables.bins, kind, counts["part_cnt"])),
        *(c for kind in BINS for c in bin_verdicts(tables.bins, kind, parts)),
    ]


def bin_verdicts(rows: pa.Table, kind: str, parts: pa.Table) -> Iterator[Claim]:
    """Yield, for each bin that HBR (`kind` H) or SBR (S) calls good or bad, that no part is other.

    A bin that is called both, at different sites, says nothing. Source: STDF V4, HBR.HBIN_PF.
    """
    called: dict[int, set[str]] = {}
    for number, verdict in tuples(rows.filter(is_text(rows, "bin_kind", kind)), *CALLED):
        called.setdefault(number, set()).update({verdict} & {"P", "F"})
    passed, judged = flags(parts, "part_pass"), known(parts, "part_pass")
    for verdict, others in (("P", judged & ~passed), ("F", passed)):
        column = parts.filter(others)[BINS[kind]]
        counted = Counter(column.to_pylist())
        for number in sorted(n for n, verdicts in called.items() if verdicts == {verdict}):
            place = f"bin {number} is {verdict}"
            yield Claim(f"{kind}BR.{kind}BIN_PF", place, 0, {OTHER_VERDICT: counted[number]})


def compared(claims: Sequence[Claim], is_partial: bool = False) -> tuple[str, list[Difference]]:
    """Return the meaning by which counts of one name agree, and those that differ from it.

    Where they agree by none it is that of most of them, or else the usual one. With `is_partial`
    they differ only where they are lower than what was counted.
    """
    wrong = {
        basis: [
            Difference(claim.record, claim.place, counted, claim.claimed, basis)
            for claim in claims
            if (counted := claim.counted[basis]) != claim.claimed
            and not (is_partial and counted < claim.claimed)
        ]
        for basis in claims[0].counted
    }
    nearest = min(wrong, key=lambda basis: len(wrong[basis]))
    if 2 * len(wrong[nearest]) >= len(claims):
        nearest = next(iter(wrong))
    return nearest, wrong[nearest]
