"""The touch-downs of a part in order of test, and the two that decide; by night and by command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.arrow.numpy_columns import flags, known, numbers, tuples
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.spec.codes import COORDINATE_FLAG, PART_ID_FLAG
from fabyield.stdf.tools.part_identity import NAMES as EVIDENCE
from fabyield.stdf.tools.part_identity import identify
from fabyield.stdf.tools.sessions import counting_runs

RULES = ("touch", "flag")
NONE, BY_PART_ID, BY_COORDINATE, BY_FILE, BY_TOUCH, ONLY, UNKNOWN = range(7)
NO_VERDICT = "no_valid_verdict"
# More wafer runs than a file can have.
RUN_BITS = 24
# Times of STDF are seconds in 32 bits.
TIME_BITS = 34
NAMES = (
    *("first_touchdown", "part_id_flag", "coordinate_flag", "retest_file", "same_die_again"),
    *("only_touchdown", NO_VERDICT),
)


@dataclass(frozen=True)
class PartRules:
    """Which touch-downs are of one part and which of them decides; see docs/identity.md.

    `origin_column` of the parts names the die that a package was cut from, where `origin_pattern`
    matches: its groups are lot, wafer, x and y. Runs of `engineering_modes` (MIR.MODE_COD) count
    only where no other run tested. Raises StdfError for a retest rule not in RULES.
    """

    retest_rule: str = "touch"
    origin_column: str = "part_txt"
    origin_pattern: str = r"^([^/]+)/([^/]+)/(-?[0-9]+)/(-?[0-9]+)$"
    engineering_modes: Sequence[str] = tuple("ACDEMQ")

    def __post_init__(self) -> None:
        if self.retest_rule not in RULES:
            raise StdfError(f"retest rule {self.retest_rule!r}: use one of {', '.join(RULES)}")


def touchdowns(parts: pa.Table, runs: pa.Table, rules: PartRules) -> pa.Table:
    """Find the touch-downs of each part, number them in order of test, mark the two that decide.

    `parts` in order of file and place, with the columns of `part_identity.identify` but for
    origin, and that of `rules`. `runs` with its columns, wafer_key (equal for one lot, wafer and
    insertion) and is_retest_file. Returns, for each touch-down, first_row (the row of the first one
    of its part), identified_by, touchdown_num, is_first, is_final, superseded_by (null where it
    supersedes nothing) and decided_by, the rule that chose the final touch-down of its part.
    """
    run = numbers(parts, "run")
    wafer = numbers(runs, "wafer_key")[run]
    started = _in_place(runs, run)
    # Stable: touch-downs that started together stay in order of file and place.
    in_time = np.lexsort((started, wafer))
    part, evidence = _identities(parts, runs, rules, in_time, wafer[in_time])
    order = in_time[np.argsort(part[in_time], kind="stable")]
    turns = _Touchdowns.of(part[order])
    valid = known(parts, "part_pass")[order]
    by = _superseding(parts, runs, run, rules.retest_rule)[order]
    by[turns.number == 1] = NONE
    first, final = turns.decisive(valid, by)
    decided = np.where(turns.sizes == 1, ONLY, by[final])
    decided[~valid[final]] = UNKNOWN
    found = _in_file_order(order, turns, (first, final), by, decided)
    return found.append_column("identified_by", _named(evidence, None, EVIDENCE))


def touchdowns_that_count(parts: pa.Table, runs: pa.Table, rules: PartRules) -> pa.Table:
    """Return `touchdowns` without first_row; null and false for parts of runs that do not count."""
    counts = counting_runs(runs, rules.engineering_modes)[numbers(parts, "run")]
    if counts.all():
        return touchdowns(parts, runs, rules).drop_columns(["first_row"])
    turns = touchdowns(parts.filter(counts), runs, rules).drop_columns(["first_row"])
    rows: ArrowArray = pa.array(np.cumsum(counts) - 1, mask=~counts)
    turns = turns.take(rows)
    for name in ("is_first", "is_final"):
        place = turns.schema.get_field_index(name)
        turns = turns.set_column(place, name, pa.array(flags(turns, name)))
    return turns


def touchdowns_of_group(rows: pa.Table, rules: PartRules) -> pa.Table:
    """Return the touch-downs of one lot, wafer and insertion with the columns of `touchdowns`.

    `rows` have file_key, wafer_num and the columns of their runs beside them. `die_id` names the
    part: `x,y` of a die on its wafer, the die that a package was cut from, or the file_key and
    part_num of its first touch-down.
    """
    rows = rows.sort_by([("file_key", "ascending"), ("part_num", "ascending")])
    key = (rows["file_key"].to_numpy() << RUN_BITS) + rows["wafer_num"].to_numpy() + 1
    _, first, run = np.unique(key, return_index=True, return_inverse=True)
    turns = touchdowns(rows.append_column("run", pa.array(run)), _take(rows, first), rules)
    for name in turns.column_names:
        column: ArrowArray = turns[name]
        is_coded = pa.types.is_dictionary(column.type)
        rows = rows.append_column(name, column.cast(pa.string()) if is_coded else column)
    return rows.append_column("die_id", _die_ids(rows, rules))


def _die_ids(rows: pa.Table, rules: PartRules) -> ArrowArray:
    named = rows.append_column("origin", origins(rows[rules.origin_column], rules))
    first = _take(named, numbers(rows, "first_row"))
    columns = ("identified_by", "origin", "x_coord", "y_coord", "file_key", "part_num")
    return pa.array(
        [
            {"coordinates": f"{x},{y}", "origin": origin}.get(how, f"part {file_key}/{part_num}")
            for how, origin, x, y, file_key, part_num in tuples(first, *columns)
        ]
    )


def _identities(
    parts: pa.Table, runs: pa.Table, rules: PartRules, in_time: Longs, wafer: Longs
) -> tuple[Longs, Longs]:
    """Return the number of each touch-down's part, and its evidence; wafer by wafer."""
    given = parts.append_column("origin", origins(parts[rules.origin_column], rules))
    part, evidence = np.empty((2, in_time.size), np.int64)
    starts = np.flatnonzero(np.diff(wafer, prepend=-1)) if wafer.size else wafer
    for rows in np.split(in_time, starts[1:]) if wafer.size else ():
        first, evidence[rows] = identify(_take(given, rows), runs)
        part[rows] = rows[first]
    # Numbered in order of the first touch-down in test.
    place = np.empty_like(in_time)
    place[in_time] = np.arange(in_time.size)
    return place[part] if wafer.size else part, evidence


def _take(table: pa.Table, rows: Longs) -> pa.Table:
    indices: ArrowArray = pa.array(rows)
    return table.take(indices)


def origins(texts: ArrowArray, rules: PartRules) -> ArrowArray:
    """Return the die that each text names, such as K1001/07/3/-4; null where it names none."""
    pattern = re.compile(rules.origin_pattern)
    codes = pa.chunked_array(texts).combine_chunks().dictionary_encode()
    matches = [text and pattern.search(text.strip()) for text in codes.dictionary.to_pylist()]
    names = ["/".join(found.groups("")).upper() if found else None for found in matches]
    return pa.DictionaryArray.from_arrays(codes.indices, pa.array(names, pa.string())).cast(
        pa.string()
    )


def _in_place(runs: pa.Table, run: Longs) -> Longs:
    """Return when the run of each touch-down started, -1 if not known, but never before it.

    In its file a touch-down follows those before it on its wafer, whatever time its run gives.
    """
    started = numbers(runs, "started_at", -1)[run]
    wafer = numbers(runs, "wafer_key")[run], numbers(runs, "file_key")[run]
    order = np.lexsort(wafer)
    number = np.cumsum(np.any([np.diff(key[order], prepend=-1) != 0 for key in wafer], axis=0))
    latest = np.maximum.accumulate((number << TIME_BITS) + started[order] + 1)
    started[order] = latest - (number << TIME_BITS) - 1
    return started


def _in_file_order(
    order: Longs,
    turns: "_Touchdowns",
    chosen: tuple[Longs, Longs],
    by: Longs,
    decided: Longs,
) -> pa.Table:
    first, final = np.zeros((2, order.size), np.bool_)
    first[order[chosen[0]]] = True
    final[order[chosen[1]]] = True
    number, superseding, deciding = np.empty((3, order.size), np.int32)
    number[order], superseding[order] = turns.number, by
    deciding[order] = np.repeat(decided, turns.sizes)
    first_row = np.empty(order.size, np.int64)
    first_row[order] = np.repeat(order[turns.starts], turns.sizes)
    return pa.table(
        {
            "first_row": pa.array(first_row),
            "touchdown_num": pa.array(number),
            "is_first": pa.array(first),
            "is_final": pa.array(final),
            "superseded_by": _named(superseding, superseding == NONE, NAMES),
            "decided_by": _named(deciding, None, NAMES),
        }
    )


def _named(codes: NDArray[Any], absent: Flags | None, names: Sequence[str]) -> ArrowArray:
    indices: ArrowArray = pa.array(codes.astype(np.int32), mask=absent)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names))


@dataclass(frozen=True)
class _Touchdowns:
    """Touch-downs sorted by die: the first place and the size of each die, the number of each."""

    starts: Longs
    sizes: Longs
    number: Longs

    @classmethod
    def of(cls, die: Longs) -> "_Touchdowns":
        starts = np.flatnonzero(np.concatenate([np.ones(min(die.size, 1), bool), np.diff(die) > 0]))
        sizes = np.diff(starts, append=die.size)
        return cls(starts, sizes, np.arange(die.size) - np.repeat(starts, sizes) + 1)

    def decisive(self, valid: Flags, by: Longs) -> tuple[Longs, Longs]:
        """Return the places of each die's first and final touch-down."""
        counts = (self.number == 1) | (by != NONE)
        first_valid = self._extreme(np.minimum, valid)
        final = self._extreme(np.maximum, valid & counts)
        final = np.where(final < 0, first_valid, final)
        last = self._extreme(np.maximum, counts)
        return np.where(first_valid < 0, self.starts, first_valid), np.where(final < 0, last, final)

    def _extreme(self, which: np.ufunc, wanted: Flags) -> Longs:
        """Return each die's least or greatest wanted place, -1 for none."""
        if not wanted.size:
            return self.starts
        worst = wanted.size if which is np.minimum else -1
        places = which.reduceat(np.where(wanted, np.arange(wanted.size), worst), self.starts)
        return np.where(places == wanted.size, -1, places)


def _superseding(parts: pa.Table, runs: pa.Table, run: Longs, retest_rule: str) -> Longs:
    """Return the rule by which each touch-down would supersede an earlier one of its die."""
    said, in_retest = numbers(parts, "part_flg"), flags(runs, "is_retest_file")[run]
    rules = [said & PART_ID_FLAG != 0, said & COORDINATE_FLAG != 0, in_retest]
    otherwise = BY_TOUCH if retest_rule == "touch" else NONE
    return np.select(rules, [BY_PART_ID, BY_COORDINATE, BY_FILE], otherwise)
