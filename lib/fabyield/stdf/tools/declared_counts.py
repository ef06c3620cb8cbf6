"""What records claim to have counted, each beside what was counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import (
    Column,
    chosen,
    flags,
    is_text,
    known,
    listed,
    numbers,
)
from fabyield.stdf.spec.codes import ABNORMAL, ALL, SUPERSEDES

TOUCHDOWN, FINAL = "touch-down", "final touch-down"
ANY_KIND = ""
KINDS = ("P", "M", "F", ANY_KIND)
Place = tuple[int, int]
Counts = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Claim:
    """One count that a record gives; `counted` holds what it may mean, the usual meaning first."""

    record: str
    place: str
    claimed: int
    counted: Mapping[str, int]


class Tally:
    """How many rows there are of each key at each head and site, and over all of them."""

    def __init__(self, rows: pa.Table, key: str | None = None, summed: str | None = None) -> None:
        keys = ["head_num", "site_num", *([key] if key else [])]
        total: Column = (summed, "sum") if summed else ([], "count_all")
        found = rows.group_by(keys).aggregate([total])
        self._counts: Counter[tuple[int, int, int]] = Counter()
        self._places: set[Place] = set()
        for head, site, *rest, count in listed(found, *found.column_names):
            self._places.add((head, site))
            for place in ((head, site), (head, -1), (-1, -1)):
                self._counts[*place, rest[0] if rest else 0] += count

    def at(self, place: Place, key: int = 0) -> int:
        """Count at one place; head 255 is all heads and sites, site 255 all sites of the head."""
        head, site = place
        if head == ALL:
            return self._counts[-1, -1, key]
        # A site of that number may exist.
        is_site = site != ALL or place in self._places
        return self._counts[head, site if is_site else -1, key]

    def keys(self, place: Place) -> set[int]:
        """All keys that were counted at the place."""
        keys = {key for *_, key in self._counts}
        return {key for key in keys if self.at(place, key)}


def spelt(place: Place) -> str:
    """A head and a site in words."""
    head, site = place
    if head == ALL:
        return "all sites"
    return f"head {head}, all sites" if site == ALL else f"head {head}, site {site}"


def part_counts(parts: pa.Table) -> dict[str, dict[str, pa.Table]]:
    """The parts that each count of WRR and PCR may mean, by the count's name."""
    said, passed = numbers(parts, "part_flg"), flags(parts, "part_pass")
    final, again = flags(parts, "is_final"), numbers(parts, "touchdown_num") > 1
    return {
        "part_cnt": {TOUCHDOWN: parts, FINAL: chosen(parts, final)},
        "good_cnt": {TOUCHDOWN: chosen(parts, passed), FINAL: chosen(parts, passed & final)},
        "rtst_cnt": {
            "touch-down that says it supersedes": chosen(parts, said & SUPERSEDES != 0),
            "touch-down after the first": chosen(parts, again),
        },
        "abrt_cnt": {"touch-down that ended abnormally": chosen(parts, said & ABNORMAL != 0)},
    }


def wafers(rows: pa.Table, counts: Mapping[str, Counts]) -> Iterator[Claim]:
    """The counts of each WRR."""
    for name, meanings in counts.items():
        counted = {basis: _by_wafer(parts) for basis, parts in meanings.items()}
        for number, wafer, claimed in listed(rows, "wafer_num", "wafer_id", name):
            if claimed is not None:
                found = {basis: by_wafer[number] for basis, by_wafer in counted.items()}
                place = f"wafer {wafer or '-'}, run {number + 1}"
                yield Claim(f"WRR.{name.upper()}", place, claimed, found)


def _by_wafer(parts: pa.Table) -> Counter[int]:
    found = parts.group_by("wafer_num").aggregate([([], "count_all")])
    return Counter(dict(listed(found, "wafer_num", "count_all")))


def sites(rows: pa.Table, counts: Mapping[str, Counts]) -> Iterator[Claim]:
    """The counts of each PCR."""
    for name, meanings in counts.items():
        tallies = {basis: Tally(parts) for basis, parts in meanings.items()}
        claimed: Counter[Place] = Counter()
        for head, site, count in listed(rows, "head_num", "site_num", name):
            if count is not None:
                claimed[_place(head, site)] += count
        for place, count in claimed.items():
            found = {basis: tally.at(place) for basis, tally in tallies.items()}
            yield Claim(f"PCR.{name.upper()}", spelt(place), count, found)


def bins(rows: pa.Table, kind: str, meanings: Counts) -> Iterator[Claim]:
    """The count of each HBR (`kind` H) or SBR (S), and of bins that lack theirs."""
    column = {"H": "hard_bin", "S": "soft_bin"}[kind]
    binned = {basis: chosen(parts, known(parts, column)) for basis, parts in meanings.items()}
    tallies = {basis: Tally(parts, column) for basis, parts in binned.items()}
    claimed = _claimed_bins(chosen(rows, is_text(rows, "bin_kind", kind)))
    for place in {place for place, _ in claimed}:
        for number in tallies[TOUCHDOWN].keys(place):
            claimed.setdefault((place, number), 0)
    for (place, number), count in sorted(claimed.items()):
        found = {basis: tally.at(place, number) for basis, tally in tallies.items()}
        yield Claim(f"{kind}BR", f"{spelt(place)}, bin {number}", count, found)


def _claimed_bins(rows: pa.Table) -> Counter[tuple[Place, int]]:
    found: Counter[tuple[Place, int]] = Counter()
    for head, site, number, count in listed(rows, "head_num", "site_num", "bin_num", "bin_cnt"):
        if count is not None:
            found[_place(head, site), number] += count
    return found


def tests(rows: pa.Table, results: pa.Table) -> Iterator[Claim]:
    """The counts of each TSR; `results` counts the records of each test at each site."""
    for name, column in (("exec_cnt", "executed"), ("fail_cnt", "failed")):
        tallies = {kind: _tests_of(results, kind, column) for kind in KINDS}
        for (place, number, kind), count in _claimed_tests(rows, name).items():
            found = {f"{column} result": tallies[kind].at(place, number)}
            yield Claim(f"TSR.{name.upper()}", f"{spelt(place)}, test {number}", count, found)


def _claimed_tests(rows: pa.Table, name: str) -> Counter[tuple[Place, int, str]]:
    found: Counter[tuple[Place, int, str]] = Counter()
    for head, site, number, kind, count in listed(
        rows, "head_num", "site_num", "test_num", "test_typ", name
    ):
        if count is not None and number is not None:
            found[_place(head, site), number, kind if kind in KINDS else ANY_KIND] += count
    return found


def _tests_of(results: pa.Table, kind: str, column: str) -> Tally:
    every = kind == ANY_KIND
    rows = results if every else chosen(results, is_text(results, "test_kind", kind))
    return Tally(rows, "test_num", column)


def _place(head: int, site: int) -> Place:
    # Of a total only the head says where it is.
    return (ALL, ALL) if head == ALL else (head, site)
