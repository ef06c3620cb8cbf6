"""Which touch-downs are of one part: the rules of docs/identity.md, in the order applied."""

from enum import StrEnum

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import flags, known, numbers
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.spec.codes import COORDINATE_FLAG, PART_ID_FLAG
from fabyield.stdf.tools.name_rules import trimmed
from fabyield.stdf.tools.names_of_all import Named, name_all
from fabyield.stdf.tools.row_keys import codes, name_codes, pair, previous


class Evidence(StrEnum):
    """What tells which part a touch-down is of."""

    COORDINATES = "coordinates"
    ORIGIN = "origin"
    PART_ID_FLAG = "part_id_flag"
    COORDINATE_FLAG = "coordinate_flag"
    PART_ID = "part_id"
    PART_ID_AND_SITE = "part_id_and_site"
    RESCREEN_PART_ID = "rescreen_part_id"
    RESCREEN_COUNT = "rescreen_count"
    NONE = "none"
    UNCLEAR = "unclear"


NAMES = [evidence.value for evidence in Evidence]
CODE = {evidence: code for code, evidence in enumerate(Evidence)}
NOT_RETESTED = ("N", "0")


def identify(parts: pa.Table, runs: pa.Table) -> tuple[Longs, Longs]:
    """Return for each touch-down the row of the first one of its part, and a place in NAMES.

    `parts` are the touch-downs of one lot, wafer (or none) and insertion, in order of test: run (a
    row of `runs`), head_num, site_num, x_coord, y_coord, part_id, part_flg, part_pass, hard_bin,
    origin (lot, wafer and die that the part was cut from; null: not known), record_offset and
    pir_offset (bytes of its PRR and PIR in its file). `runs`: file_key, session_id, sblot_id,
    is_on_wafer, started_at, finished_at, rtst_cod, retest_bins (null: no RDR), is_retest_file and
    pcr_rtst_cnt (PCR).
    """
    found = _Identities(parts, runs)
    found.by_place()
    found.by_flag()
    found.by_name()
    found.by_rescreen()
    return found.first(), found.evidence


class _Identities:
    """The earlier touch-down of the same part for each row, -1 for none, as far as it is known."""

    def __init__(self, parts: pa.Table, runs: pa.Table) -> None:
        self._parts, self._runs = parts, runs
        self.run = run = numbers(parts, "run")
        self._session = codes(runs["session_id"])[run]
        self._file = numbers(runs, "file_key")[run]
        placed = known(parts, "x_coord") & known(parts, "y_coord")
        self._xy = np.where(placed, pair(numbers(parts, "x_coord"), numbers(parts, "y_coord")), -1)
        self._id = name_codes(parts["part_id"])
        self._origin = codes(parts["origin"])
        self._on_wafer = flags(runs, "is_on_wafer")[run]
        self._flag = numbers(parts, "part_flg")
        # Parts that only their session knows by a name.
        self._is_local = (self._origin < 0) & ~(self._on_wafer & placed)
        self.earlier = np.full(run.size, -1)
        self.evidence = np.full(run.size, CODE[Evidence.NONE])

    def first(self) -> Longs:
        """Return the row of the first touch-down of each row's part."""
        first = np.where(self.earlier < 0, np.arange(self.earlier.size), self.earlier)
        while not np.array_equal(first, further := first[first]):
            first = further
        return first

    def by_place(self) -> None:
        """A die of a wafer is known by its coordinates, a package by the die it was cut from."""
        die = self._on_wafer & (self._xy >= 0)
        self._link(previous(self._xy, die), die, Evidence.COORDINATES)
        cut = ~die & (self._origin >= 0)
        self._link(previous(self._origin, cut), cut, Evidence.ORIGIN)

    def by_flag(self) -> None:
        """PART_FLG bit 0 repeats the part of this PART_ID, bit 1 that of these coordinates."""
        if not (self._flag & (PART_ID_FLAG | COORDINATE_FLAG)).any():
            return
        by_id, _ = self._last_named(pair(self._session, self._id), self._id >= 0)
        on_wafer = previous(self._id, self._on_wafer & (self._id >= 0))
        by_id = np.where((by_id < 0) & self._on_wafer & (self._xy < 0), on_wafer, by_id)
        self._link(by_id, self._repeats(by_id, PART_ID_FLAG), Evidence.PART_ID_FLAG)
        by_xy = previous(pair(self._session, self._xy), ~self._on_wafer & (self._xy >= 0))
        self._link(by_xy, self._repeats(by_xy, COORDINATE_FLAG), Evidence.COORDINATE_FLAG)

    def _repeats(self, earlier: Longs, bit: int) -> Flags:
        origin, theirs = self._origin, self._origin[earlier]
        is_other = (origin >= 0) & (theirs >= 0) & (origin != theirs)
        found: Flags = (self._flag & bit != 0) & (earlier >= 0) & (self.earlier < 0) & ~is_other
        return found

    def _last_named(self, name: Longs, rows: Flags) -> tuple[Longs, Flags]:
        """Return the one of `rows` before each that has its `name`, and where sites number alone.

        Two parts that are open at the same time are two: then it is the one before on its site.
        """
        earlier = previous(name, rows)
        by_site = np.isin(self._session, self._session[self._overlaps(earlier)])
        if not by_site.any():
            return earlier, by_site
        head, site = numbers(self._parts, "head_num"), numbers(self._parts, "site_num")
        of_site = previous(pair(name, pair(head, site)), rows & by_site)
        return np.where(by_site, of_site, earlier), by_site

    def by_name(self) -> None:
        """Within its session a part is known by PART_ID, or by coordinates that tell it apart."""
        # PCR: the tester says that it touched no part twice.
        told = numbers(self._runs, "pcr_rtst_cnt", -1)[self.run] == 0
        name = self._names(told)
        head = numbers(self._parts, "head_num")
        is_named = self._is_local & (name != -1)
        earlier, by_site = self._last_named(pair(pair(self._session, head), name), is_named)
        earlier[told] = -1
        still = is_named & (self.evidence == CODE[Evidence.NONE])
        self._link(earlier, still & ~by_site, Evidence.PART_ID)
        self._link(earlier, still & by_site, Evidence.PART_ID_AND_SITE)

    def _names(self, is_each_a_part: Flags) -> Longs:
        """Number the names, -1 for none: PART_IDs or else coordinates, that are not those of all.

        Where a name is that of all, each touch-down but the first could be a retest: unclear.
        """
        still = self._is_local & (self.evidence == CODE[Evidence.NONE])
        parts = Named.of(self._parts, self._runs)
        lost = name_all(parts, self._id, still & (self._id >= 0))
        self._id[lost] = -1
        has_place = self._are_names()
        alike = name_all(parts, self._xy, still & has_place)
        lost, has_place = lost | alike, has_place & ~alike
        name = np.where(self._id >= 0, self._id, np.where(has_place, -2 - self._xy, -1))
        lost &= name == -1
        again = lost & (previous(self._session, lost) >= 0) & ~is_each_a_part
        self.evidence[again] = CODE[Evidence.UNCLEAR]
        return name

    def _are_names(self) -> Flags:
        """Where coordinates of packages name them: not where parts open at a time share them."""
        key = pair(self._session, self._xy)
        has = self._is_local & (self._xy >= 0) & (self._id < 0)
        shared = np.isin(self._session, self._session[self._overlaps(previous(key, has))])
        return has & ~shared

    def _overlaps(self, earlier: Longs) -> Flags:
        """Where a part was opened before its `earlier` one in the same file was closed."""
        there = earlier >= 0
        closed = numbers(self._parts, "record_offset")
        opened = numbers(self._parts, "pir_offset", 2**62)
        same_file = self._file[earlier] == self._file
        found: Flags = there & same_file & (opened < closed[earlier])
        return found

    def by_rescreen(self) -> None:
        """Link parts of a session that tests again to the rejects of those before it.

        By PART_ID if the rejects have all of them, else by their number: the parts are those put
        in again, and which is which does not change what is good in the end.
        """
        rows = np.flatnonzero(self._is_local)
        sessions = self._session[rows]
        in_order = sessions[np.sort(np.unique(sessions, return_index=True)[1])]
        if in_order.size < 2:
            return
        state = _State(self)
        state.add(rows[sessions == in_order[0]])
        for session in in_order[1:]:
            mine = rows[sessions == session]
            self._relate(mine, mine[self.earlier[mine] < 0], state)
            state.add(mine)

    def _relate(self, all_rows: Longs, new: Longs, state: "_State") -> None:
        run = self._runs.slice(self.run[all_rows[0]], 1).to_pylist()[0]
        earlier = state.of_sublot(trimmed(run["sblot_id"]))
        code = trimmed(run["rtst_cod"]).upper()
        flagged = (self._flag[all_rows] & (PART_ID_FLAG | COORDINATE_FLAG) != 0).all()
        if not (run["is_retest_file"] or flagged):
            if code not in NOT_RETESTED and state.may_be(run, self._id[new], earlier):
                self.evidence[new[np.isin(self._id[new], self._id[earlier])]] = CODE[
                    Evidence.UNCLEAR
                ]
            return
        put_in = state.eligible(earlier, run["retest_bins"], new.size)
        ids, theirs = self._id[new], self._id[put_in]
        if (ids >= 0).all() and np.unique(ids).size == ids.size and np.isin(ids, theirs).all():
            order = np.argsort(theirs, kind="stable")
            place = np.searchsorted(theirs[order], ids)
            # Of testers that number alone, several parts have the same PART_ID.
            is_one = np.searchsorted(theirs[order], ids, side="right") - place == 1
            self.earlier[new] = put_in[order[place]]
            how = CODE[Evidence.RESCREEN_PART_ID], CODE[Evidence.RESCREEN_COUNT]
            self.evidence[new] = np.where(is_one, *how)
            return
        linked = min(new.size, put_in.size)
        self.earlier[new[:linked]] = put_in[:linked]
        self.evidence[new[:linked]] = CODE[Evidence.RESCREEN_COUNT]
        self.evidence[new[linked:]] = CODE[Evidence.UNCLEAR]

    def _link(self, earlier: Longs, rows: Flags, evidence: Evidence) -> None:
        self.earlier[rows], self.evidence[rows] = earlier[rows], CODE[evidence]


class _State:
    """The parts of the sessions so far, by first row, with their last verdict and bin."""

    def __init__(self, found: _Identities) -> None:
        self._found = found
        parts, runs, run = found._parts, found._runs, found.run
        self._pass = np.full(run.size, -1)
        self._bin = np.full(run.size, -1)
        self._verdict = np.where(known(parts, "part_pass"), flags(parts, "part_pass"), -1)
        self._hard_bin = numbers(parts, "hard_bin", -1)
        self._sublots = [trimmed(raw) for raw in runs["sblot_id"].to_pylist()]
        self._run = run
        self._finished = numbers(runs, "finished_at", -1)[run]
        self._firsts = np.empty(0, np.int64)
        self._ends = -1

    def add(self, rows: Longs) -> None:
        """Note the parts and verdicts of a session."""
        first = self._found.first()[rows]
        valid = self._verdict[rows] >= 0
        self._pass[first[valid]] = self._verdict[rows[valid]]
        self._bin[first[valid]] = self._hard_bin[rows[valid]]
        self._firsts = np.unique(np.concatenate([self._firsts, first]))
        self._ends = max(self._ends, int(self._finished[rows].max()))

    def of_sublot(self, sublot: str) -> Longs:
        """Return the parts of the same sublot or, if there is none, of the lot."""
        same = np.array([self._sublots[run] == sublot for run in self._run[self._firsts]], bool)
        return self._firsts[same] if same.any() else self._firsts

    def may_be(self, run: dict[str, object], ids: Longs, earlier: Longs) -> bool:
        """Whether a session could have tested the earlier parts again: it began when they ended."""
        starts = run["started_at"]
        overlaps = isinstance(starts, int) and starts < self._ends
        return not overlaps and bool(np.isin(ids[ids >= 0], self._found._id[earlier]).any())

    def eligible(self, earlier: Longs, bins: list[int] | None, count: int) -> Longs:
        """Return the parts that were put in again: of the bins that RDR names, or the rejects."""
        if bins:
            return earlier[np.isin(self._bin[earlier], bins)]
        rejects = earlier[self._pass[earlier] != 1]
        is_all = bins is not None or (count > rejects.size and count == earlier.size)
        return earlier if is_all else rejects
