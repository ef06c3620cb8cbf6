"""Find the touch-downs that decide the first and the final verdict of a die, without Spark.

The rules are those of the nightly job's `touchdowns` and `die_results`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.arrow.numpy_columns import flags, known, numbers
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.spec.codes import COORDINATE_FLAG, PART_ID_FLAG

RULES = ("touch", "flag")
NONE, BY_PART_ID, BY_COORDINATE, BY_FILE, BY_TOUCH, ONLY, UNKNOWN = range(7)
NO_VERDICT = "no_valid_verdict"
NAMES = (
    *("first_touchdown", "part_id_flag", "coordinate_flag", "retest_file", "same_die_again"),
    *("only_touchdown", NO_VERDICT),
)
# A die's key: its wafer above these bits, then the kind of its name, then the name.
WAFER_BITS, PART_ID_BIT, PLACE_BIT = 42, 1 << 41, 1 << 62


def touchdowns(parts: pa.Table, runs: pa.Table, retest_rule: str) -> pa.Table:
    """Number every die's touch-downs in order of test time and mark the two that decide.

    `parts`: run (a row of `runs`), x_coord, y_coord, part_id, part_flg, part_pass, in order of
    file and place. `runs`: wafer_key (equal for one lot, wafer and insertion), sblot_id,
    started_at (null: unknown), is_retest_file. Returns, for each part, touchdown_num, is_first,
    is_final, superseded_by (null where it supersedes nothing) and decided_by, the rule that chose
    the final touch-down of its die, equal on all touch-downs of the die.
    Raises StdfError for a `retest_rule` that is not in RULES.
    """
    if retest_rule not in RULES:
        raise StdfError(f"retest rule {retest_rule!r}: use one of {', '.join(RULES)}")
    run = numbers(parts, "run")
    die = _dies(parts, runs, run)
    started = numbers(runs, "started_at", -1)[run]
    # Stable: touch-downs that started together stay in order of file and place.
    order = np.lexsort((started, die))
    turns = _Touchdowns.of(die[order])
    valid = known(parts, "part_pass")[order]
    by = _superseding(parts, runs, run, retest_rule)[order]
    by[turns.number == 1] = NONE
    first, final = turns.decisive(valid, by)
    decided = np.where(turns.sizes == 1, ONLY, by[final])
    decided[~valid[final]] = UNKNOWN
    return _in_file_order(order, turns, (first, final), by, decided)


def _in_file_order(
    order: Longs, turns: "_Touchdowns", chosen: tuple[Longs, Longs], by: Longs, decided: Longs
) -> pa.Table:
    first, final = np.zeros((2, order.size), np.bool_)
    first[order[chosen[0]]] = True
    final[order[chosen[1]]] = True
    number, superseding, deciding = np.empty((3, order.size), np.int32)
    number[order], superseding[order] = turns.number, by
    deciding[order] = np.repeat(decided, turns.sizes)
    return pa.table(
        {
            "touchdown_num": pa.array(number),
            "is_first": pa.array(first),
            "is_final": pa.array(final),
            "superseded_by": _named(superseding, superseding == NONE),
            "decided_by": _named(deciding, None),
        }
    )


def _named(codes: NDArray[np.int32], absent: Flags | None) -> ArrowArray:
    indices: ArrowArray = pa.array(codes, mask=absent)
    return pa.DictionaryArray.from_arrays(indices, pa.array(NAMES))


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


def _dies(parts: pa.Table, runs: pa.Table, run: Longs) -> Longs:
    """Return a key per die: coordinates, else sublot and part ID, else each part is its own die."""
    wafer = numbers(runs, "wafer_key")[run] << WAFER_BITS
    x, y = (numbers(parts, name) + 2**15 for name in ("x_coord", "y_coord"))
    die = wafer | x << 16 | y
    rest = np.flatnonzero(~(known(parts, "x_coord") & known(parts, "y_coord")))
    if rest.size:
        nameless = parts.take(rest)
        ids, has_id = _codes(nameless["part_id"]), known(nameless, "part_id")
        # Testers number the parts of each sublot from 1.
        name = _codes(runs["sblot_id"])[run[rest]] * (ids.max() + 1) + ids
        die[rest] = np.where(has_id, wafer[rest] | PART_ID_BIT | name, PLACE_BIT | rest)
    return die


def _codes(texts: ArrowArray) -> Longs:
    """Number the texts, 0 for null."""
    indices = texts.combine_chunks().dictionary_encode().indices
    return np.asarray(indices.cast(pa.int64()).fill_null(-1)) + 1
