"""Names that a tester gives to all parts alike, which therefore name none."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import flags, numbers
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.tools.row_keys import codes, pair, previous

# Two touch-downs of one name are a part and its retest; so are any that all failed before.
LEAST_TOUCHDOWNS = 3


class Named(NamedTuple):
    """Touch-downs in order of test.

    `place`: a number for session, head and site; `retests`: how many the tester counts in the
    session (PCR.RTST_CNT, 0 for none or unknown); `in_retest`: whether it tests others again.
    """

    session: Longs
    place: Longs
    passed: Flags
    retests: Longs
    in_retest: Flags

    @classmethod
    def of(cls, parts: pa.Table, runs: pa.Table) -> "Named":
        """Take `parts` and `runs` as `part_identity.identify` does."""
        run, sessions = numbers(parts, "run"), codes(runs["session_id"])
        session = sessions[run]
        place = pair(numbers(parts, "head_num"), numbers(parts, "site_num"))
        # A file has a run for each wafer, and counts its retests once.
        _, file = np.unique(numbers(runs, "file_key"), return_index=True)
        counts = numbers(runs, "pcr_rtst_cnt")[file]
        return cls(
            session,
            pair(session, place),
            flags(parts, "part_pass"),
            np.bincount(sessions[file], counts, sessions.max() + 1)[session].astype(np.int64),
            flags(runs, "is_retest_file")[run],
        )


def name_all(of: Named, name: Longs, rows: Flags) -> Flags:
    """Return which of `rows` have a name that all parts of their site have; see docs/identity.md.

    A session gives names to all alike if each of its sites knows one name only, a part would have
    been tested again after it had passed, and the tester does not count as many retests. Sessions
    with nothing but such names of another one do so too.
    """
    if not rows.any():
        return rows
    session = of.session
    one_name = rows & ~_in_sessions(session, _differs(name, previous(of.place, rows)))
    known_by = pair(session, name)
    earlier = previous(known_by, one_name)
    again = one_name & (earlier >= 0)
    one_name &= ~_is_told(of, again)
    after_pass = np.isin(known_by, known_by[again & of.passed[earlier]])
    often = np.bincount(known_by[one_name], minlength=known_by.max() + 1) >= LEAST_TOUCHDOWNS
    like_all = one_name & after_pass & often[known_by] & ~of.in_retest
    names = name[one_name & _in_sessions(session, like_all)]
    return one_name & ~_in_sessions(session, one_name & ~np.isin(name, names))


def _in_sessions(session: Longs, rows: Flags) -> Flags:
    return np.isin(session, session[rows])


def _differs(name: Longs, earlier: Longs) -> Flags:
    found: Flags = (earlier >= 0) & (name[earlier] != name)
    return found


def _is_told(of: Named, again: Flags) -> Flags:
    """Where the tester counts as many retests as its names make."""
    made = np.bincount(of.session[again], minlength=of.session.max() + 1)[of.session]
    told: Flags = of.retests >= np.maximum(made, 1)
    return told
