"""The counts that records declare, each next to what was counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.arrow.numpy_columns import flags, is_text, numbers, tuples
from fabyield.stdf.compiled.buffers import Flags
from fabyield.stdf.spec.codes import ABNORMAL, ALL, NO_BIN, SUPERSEDES
from fabyield.stdf.tools.name_rules import trimmed

TOUCHDOWN, FINAL, FIRST = "touch-down", "final touch-down", "first touch-down"
LESS_RETESTS = "touch-down less RTST_CNT"
ANY_KIND = ""
KINDS = ("P", "M", "F", ANY_KIND)
Place = tuple[int, int]
Counts = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Claim:
    """One count of a record; `counted` has the counts it may mean, the usual meaning first."""

    record: str
    place: str
    claimed: int
    counted: Mapping[str, int]


class Tally:
    """The number of rows of each key at each head and site, and over all of them."""

    def __init__(self, rows: pa.Table, key: str | None = None, summed: str | None = None) -> None:
        keys = ["head_num", "site_num", *([key] if key else [])]
        total: ArrowArray = (summed, "sum") if summed else ([], "count_all")
        found = rows.group_by(keys).aggregate([total])
        self._counts: Counter[tuple[int, int, int]] = Counter()
        self._places: set[Place] = set()
        for head, site, *rest, count in tuples(found, *found.column_names):
            self._places.add((head, site))
            for place in ((head, site), (head, -1), (-1, -1)):
                self._counts[*place, rest[0] if rest else 0] += count

    def at(self, place: Place, key: int = 0) -> int:
        """Return a count; head 255 means all heads and sites, site 255 all sites of the head."""
        head, site = place
        if head == ALL:
            return self._counts[-1, -1, key]
        # A site with the number 255 may exist.
        is_site = site != ALL or place in self._places
        return self._counts[head, site if is_site else -1, key]

    def keys(self, place: Place) -> set[int]:
        """Return all keys that were counted at the place."""
        keys = {key for *_, key in self._counts}
        return {key for key in keys if self.at(place, key)}


def place_name(place: Place) -> str:
    """Return the words for a head and a site."""
    head, site = place
    if head == ALL:
        return "all sites"
    return f"head {head}, all sites" if site == ALL else f"head {head}, site {site}"


def part_counts(parts: pa.Table) -> dict[str, dict[str, pa.Table]]:
    """Return the parts that each count of WRR and PCR may mean, by the count's name."""
    said, passed = numbers(parts, "part_flg"), flags(parts, "part_pass")
    final, turn = flags(parts, "is_final"), numbers(parts, "touchdown_num")
    whole = said & ABNORMAL == 0
    tested = {TOUCHDOWN: said >= 0, FINAL: final, FIRST: turn == 1}
    counts = {
        "part_cnt": tested | {"touch-down that ended normally": whole},
        "good_cnt": {basis: passed & chosen for basis, chosen in tested.items()},
        "rtst_cnt": {
            "touch-down that says it supersedes": said & SUPERSEDES != 0,
            "touch-down after the first": turn > 1,
            "part touched again": turn == 2,
        },
        "abrt_cnt": {"touch-down that ended abnormally": ~whole},
    }
    return {
        name: {basis: _those(parts, chosen) for basis, chosen in meanings.items()}
        for name, meanings in counts.items()
    }


def _those(parts: pa.Table, chosen: Flags) -> pa.Table:
    return parts if chosen.all() else parts.filter(chosen)


def _with_retests(name: str, found: dict[str, int], retests: int | None) -> dict[str, int]:
    """Add that a tester counts retests in RTST_CNT, and not in PART_CNT."""
    if name != "part_cnt":
        return found
    return found | {LESS_RETESTS: found[TOUCHDOWN] - (retests or 0)}


def wafers(rows: pa.Table, counts: Mapping[str, Counts]) -> Iterator[Claim]:
    """Yield the counts of each WRR, which may be those of all starts of its wafer."""
    starts = _starts(rows)
    is_again = any(len(runs) > 1 for runs in starts.values())
    for name, meanings in counts.items():
        counted = {basis: _by_wafer(parts) for basis, parts in meanings.items()}
        for number, wafer, claimed, again in tuples(
            rows, "wafer_num", "wafer_id", name, "rtst_cnt"
        ):
            # Testers that do not count write 0 for PART_CNT, which cannot be missing.
            if claimed or (claimed is not None and name != "part_cnt"):
                found = {basis: by_wafer[number] for basis, by_wafer in counted.items()}
                place = f"wafer {wafer or '-'}, run {number + 1}"
                found = _with_retests(name, found, again)
                for basis, by_wafer in counted.items() if is_again else ():
                    found[f"{basis} of all starts"] = sum(by_wafer[run] for run in starts[number])
                yield Claim(f"WRR.{name.upper()}", place, claimed, found)


def _starts(rows: pa.Table) -> dict[int, list[int]]:
    """Return the runs that each WRR may count: its own, and those of its wafer since another WRR.

    A run without a name is of the wafer of the next run of its head.
    """
    waiting: dict[tuple[int, str], list[int]] = {}
    found: dict[int, list[int]] = {}
    for number, head, raw, is_over in tuples(rows, "wafer_num", "head_num", "wafer_id", "has_wrr"):
        wafer = trimmed(raw)
        runs = [*waiting.pop((head, wafer), []), *waiting.pop((head, ""), []), number]
        found[number] = runs
        if not is_over:
            waiting[head, wafer] = runs
    return found


def _by_wafer(parts: pa.Table) -> Counter[int]:
    found = parts.group_by("wafer_num").aggregate([([], "count_all")])
    return Counter(dict(tuples(found, "wafer_num", "count_all")))


def sites(rows: pa.Table, counts: Mapping[str, Counts]) -> Iterator[Claim]:
    """Yield the counts of each PCR."""
    retests = _claimed(rows, "rtst_cnt")
    for name, meanings in counts.items():
        tallies = {basis: Tally(parts) for basis, parts in meanings.items()}
        for (place,), count in _claimed(rows, name).items():
            found = {basis: tally.at(place) for basis, tally in tallies.items()}
            found = _with_retests(name, found, retests.get((place,)))
            yield Claim(f"PCR.{name.upper()}", place_name(place), count, found)


def bins(rows: pa.Table, kind: str, meanings: Counts) -> Iterator[Claim]:
    """Yield the count of each HBR (`kind` H) or SBR (S), and of bins without one."""
    column = {"H": "hard_bin", "S": "soft_bin"}[kind]
    binned = {basis: _with_bin(parts, column) for basis, parts in meanings.items()}
    tallies = {basis: Tally(parts, column) for basis, parts in binned.items()}
    claimed = _claimed(rows.filter(is_text(rows, "bin_kind", kind)), "bin_cnt", "bin_num")
    for place in {place for place, _ in claimed}:
        for number in tallies[TOUCHDOWN].keys(place) - {NO_BIN}:
            claimed.setdefault((place, number), 0)
    for (place, number), count in sorted(claimed.items()):
        found = {basis: tally.at(place, number) for basis, tally in tallies.items()}
        yield Claim(f"{kind}BR", f"{place_name(place)}, bin {number}", count, found)


def _with_bin(parts: pa.Table, column: str) -> pa.Table:
    """Return parts with the number for no bin instead of null, as HBR and SBR may count them."""
    place = parts.schema.get_field_index(column)
    none = pa.scalar(NO_BIN, parts.schema.field(place).type)
    filled: ArrowArray = pc.fill_null(parts[column], none)
    return parts.set_column(place, column, filled)


def tests(rows: pa.Table, results: pa.Table) -> Iterator[Claim]:
    """Yield the counts of each TSR; `results` counts the records of each test at each site.

    Some testers write one TSR for all kinds of records of a test number, of the kind of the first.
    """
    by_kind = {
        kind: results.filter(is_text(results, "test_kind", kind)) if kind else results
        for kind in KINDS
    }
    kinds: dict[int, set[str]] = {}
    for number, kind in tuples(rows, "test_num", "test_typ"):
        kinds.setdefault(number, set()).update({kind} & set(KINDS))
    for name, column in (("exec_cnt", "executed"), ("fail_cnt", "failed")):
        tallies = {kind: Tally(found, "test_num", column) for kind, found in by_kind.items()}
        claimed: Counter[tuple[Place, int, str]] = Counter()
        for (place, number, kind), count in _claimed(rows, name, "test_num", "test_typ").items():
            if number is not None:
                claimed[place, number, kind if kind in KINDS else ANY_KIND] += count
        for (place, number, kind), count in claimed.items():
            of_any = kind if len(kinds[number]) > 1 else ANY_KIND
            found = {
                f"{column} result": tallies[kind].at(place, number),
                f"{column} result of any kind": tallies[of_any].at(place, number),
            }
            yield Claim(f"TSR.{name.upper()}", f"{place_name(place)}, test {number}", count, found)


def _claimed(rows: pa.Table, count: str, *keys: str) -> Counter[tuple[Any, ...]]:
    """Sum a count by place and keys; only the head marks a total, so its site is ignored."""
    found: Counter[tuple[Any, ...]] = Counter()
    for head, site, *key, claimed in tuples(rows, "head_num", "site_num", *keys, count):
        if claimed is not None:
            found[(ALL, ALL) if head == ALL else (head, site), *key] += claimed
    return found
