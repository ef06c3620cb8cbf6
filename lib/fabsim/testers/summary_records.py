"""The counts at the end of a file: over all sites (head 255), and site by site."""

import numpy as np

from fabsim.arrays import Ints
from fabsim.testers.readings import FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN, GOOD_BIN
from fabsim.testers.result_records import HEAD, MULTI_TEXT, Fields, Records, byte_order
from fabsim.testers.sessions import Session
from fabyield.stdf import encode

ALL = 255


def summary_records(session: Session) -> list[Records]:
    """Return TSR, HBR, SBR and PCR; bins count die by their last verdict, the rest touch-downs."""
    program, groups = session.program, [one.group for one in session.line.plan.groups]
    hard = [*groups, "function"]
    soft = [*program.test_txt, *program.functional_txt]
    hard_bins = {GOOD_BIN: "good"} | dict(enumerate(hard, start=FIRST_FAIL_BIN))
    soft_bins = {GOOD_BIN: "good"} | dict(enumerate(soft, start=FIRST_FAIL_SOFT_BIN))
    tables = {
        "TSR": _tests(session),
        "HBR": _bins(session, "hbin", session.readings.hard_bin, hard_bins),
        "SBR": _bins(session, "sbin", session.readings.soft_bin, soft_bins),
        "PCR": _parts(session),
    }
    encoded = [encode(name, fields, byte_order(session)) for name, fields in tables.items()]
    return [(one, np.full(len(one.offsets) - 1, turn)) for turn, one in enumerate(encoded)]


def wafer_counts(session: Session) -> dict[str, int]:
    """Return the counts of WRR: those of the PCR over all sites."""
    counts = _parts(session).items()
    return {name: int(column[0]) for name, column in counts if name.endswith("_cnt")}


def _heads(session: Session) -> Fields:
    sites = np.arange(1, session.program.insertion.sites + 1)
    return {
        "head_num": np.concatenate([[ALL], np.full(len(sites), HEAD)]),
        "site_num": np.concatenate([[ALL], sites]),
    }


def _members(session: Session) -> Ints:
    """Return with 0 and 1 which touch-downs the total and each site count: heads x touch-downs."""
    heads = _heads(session)
    own = session.touches.site == heads["site_num"][:, None]
    return np.asarray(own | (heads["head_num"][:, None] == ALL), np.int64)


def _parts(session: Session) -> Fields:
    touches, members = session.touches, _members(session)
    functional = touches.decides & ~session.readings.functional_failed.any(axis=1)
    return {
        **_heads(session),
        "part_cnt": members.sum(axis=1),
        "rtst_cnt": members @ touches.is_retest,
        "abrt_cnt": np.zeros(len(members), np.int64),
        "good_cnt": members @ touches.passed,
        "func_cnt": members @ functional,
    }


def _bins(session: Session, prefix: str, numbers: Ints, names: dict[int, str]) -> Fields:
    decides = session.touches.decides
    bins = np.unique(numbers[decides])
    counts = _members(session) @ ((numbers[:, None] == bins) & decides[:, None])
    heads = {name: np.repeat(column, len(bins)) for name, column in _heads(session).items()}
    rows = len(counts)
    return {
        **heads,
        f"{prefix}_num": np.tile(bins, rows),
        f"{prefix}_cnt": counts.ravel(),
        f"{prefix}_pf": np.tile(np.where(bins == GOOD_BIN, "P", "F"), rows).tolist(),
        f"{prefix}_nam": [names[int(one)] for one in bins] * rows,
    }


def _tests(session: Session) -> Fields:
    tests, readings = session.program, session.readings
    failed = np.hstack([readings.failed, readings.functional_failed, readings.pins_failed[:, None]])
    kinds = "P" * readings.failed.shape[1] + "F" * readings.functional_failed.shape[1] + "M"
    members = _members(session)
    rows, columns = len(members), failed.shape[1]
    heads = {name: np.repeat(column, columns) for name, column in _heads(session).items()}
    return {
        **heads,
        "test_typ": list(kinds) * rows,
        "test_num": np.tile([*tests.test_num, *tests.functional_num, tests.multi_num], rows),
        "exec_cnt": np.repeat(members.sum(axis=1), columns),
        "fail_cnt": (members @ failed).ravel(),
        "alrm_cnt": np.zeros(rows * columns, np.int64),
        "test_nam": [*tests.test_txt, *tests.functional_txt, MULTI_TEXT] * rows,
    }
