"""Counts at the end of a wafer's file: over all sites (head 255), and site by site."""

import numpy as np

from fabsim.arrays import Bools, Ints
from fabsim.testers.result_records import HEAD, MULTI_TEXT, Columns, Records, byte_order
from fabsim.testers.sessions import Session
from fabsim.testers.touchdowns import FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN, GOOD_BIN
from fabyield.stdf import encode

ALL = 255


def summaries(session: Session) -> list[Records]:
    """TSR, HBR, SBR and PCR; bins count die by their last verdict, the others touch-downs."""
    return _in_turn(
        session,
        {
            "TSR": _tests(session),
            "HBR": _bins(session, "hbin", session.touches.hard_bin, _hard_bins(session)),
            "SBR": _bins(session, "sbin", session.touches.soft_bin, _soft_bins(session)),
            "PCR": _parts(session),
        },
    )


def wafer_counts(session: Session) -> dict[str, int]:
    """Give the counts of WRR, which are those of the PCR over all sites."""
    counts = _parts(session).items()
    return {name: int(column[0]) for name, column in counts if name.endswith("_cnt")}


def _in_turn(session: Session, tables: dict[str, Columns]) -> list[Records]:
    order = byte_order(session)
    encoded = [encode(name, columns, order) for name, columns in tables.items()]
    return [(one, np.full(len(one.offsets) - 1, turn)) for turn, one in enumerate(encoded)]


def _heads(session: Session) -> Columns:
    sites = np.arange(1, session.program.insertion.sites + 1)
    return {
        "head_num": np.concatenate([[ALL], np.full(len(sites), HEAD)]),
        "site_num": np.concatenate([[ALL], sites]),
    }


def _members(session: Session) -> Bools:
    """Heads x parts: which touch-downs each of the total and the sites counts."""
    sites = _heads(session)["site_num"][1:]
    own = session.course.site == sites[:, None]
    return np.vstack([np.ones((1, own.shape[1]), bool), own])


def _parts(session: Session) -> Columns:
    course, members = session.course, _members(session).astype(np.int64)
    functional = course.decides & ~session.touches.functional_failed.any(axis=1)
    return {
        **_heads(session),
        "part_cnt": members.sum(axis=1),
        "rtst_cnt": members @ course.is_retest,
        "abrt_cnt": np.zeros(len(members), np.int64),
        "good_cnt": members @ course.passed,
        "func_cnt": members @ functional,
    }


def _bins(session: Session, prefix: str, numbers: Ints, names: dict[int, str]) -> Columns:
    decides = session.course.decides
    bins = np.unique(numbers[decides])
    counts = _members(session).astype(np.int64) @ ((numbers[:, None] == bins) & decides[:, None])
    heads = {name: np.repeat(column, len(bins)) for name, column in _heads(session).items()}
    rows = len(counts)
    return {
        **heads,
        f"{prefix}_num": np.tile(bins, rows),
        f"{prefix}_cnt": counts.ravel(),
        f"{prefix}_pf": np.tile(np.where(bins == GOOD_BIN, "P", "F"), rows).tolist(),
        f"{prefix}_nam": [names[int(one)] for one in bins] * rows,
    }


def _tests(session: Session) -> Columns:
    tests, touches = session.program, session.touches
    failed = np.hstack([touches.failed, touches.functional_failed, touches.pins_failed[:, None]])
    kinds = "P" * touches.failed.shape[1] + "F" * touches.functional_failed.shape[1] + "M"
    members = _members(session).astype(np.int64)
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


def _hard_bins(session: Session) -> dict[int, str]:
    groups = [*(one.group for one in session.built.plan.groups), "function"]
    return {GOOD_BIN: "good"} | dict(enumerate(groups, start=FIRST_FAIL_BIN))


def _soft_bins(session: Session) -> dict[int, str]:
    tests = [*session.program.test_txt, *session.program.functional_txt]
    return {GOOD_BIN: "good"} | dict(enumerate(tests, start=FIRST_FAIL_SOFT_BIN))
