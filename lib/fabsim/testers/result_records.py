"""The touch-downs of a session as STDF records, in the order of a tester with many sites."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from fabsim.arrays import Ints
from fabsim.plan.final_test import Mark, PackageXy
from fabsim.plan.insertions import ByteOrder, Retest, Says
from fabsim.testers.readings import PIN_LIMIT, PINS
from fabsim.testers.sessions import Session, part_texts
from fabyield.stdf import Encoded, encode

Fields = Mapping[str, Any]
Records = tuple[Encoded, Ints]

HEAD = 1
MULTI_TEXT = "pin_leak"
TEST_FAILED, PART_FAILED = 0x80, 0x08
# PARM_FLG: a value equal to a limit passes (bits 6, 7); above or below the limits (bits 3, 4).
INCLUSIVE, TOO_HIGH, TOO_LOW = 0xC0, 0x08, 0x10
# OPT_FLAG: no specification limits (bits 2, 3; bit 1 is always set); no low limit (bit 6).
NO_SPEC, NO_LO_LIMIT = 0x0E, 0x40
NO_COORD = -32768
MULTI_ONCE: Fields = {
    "test_txt": MULTI_TEXT,
    "opt_flag": NO_SPEC | NO_LO_LIMIT,
    "res_scal": 9,
    "llm_scal": 9,
    "hlm_scal": 9,
    "lo_limit": 0.0,
    "hi_limit": PIN_LIMIT,
    "rtn_indx": 1 + np.arange(PINS)[None, :],
    "units": "A",
}
SUPERSEDES = {Retest.SAME_PART_ID: 0x01, Retest.SAME_XY: 0x02, Retest.NONE: 0x00}


def result_records(session: Session) -> list[Records]:
    """Return PIR, PTR, FTR, MPR and PRR of all touch-downs.

    By the tester's habit, texts and limits are in the first record of a test or in all of them.
    """
    insertion = session.program.insertion
    functional = 1 + insertion.tests
    multiple = functional + insertion.functional_tests
    return [
        _stream(session, "PIR", 0, {"site_num": session.touches.site}),
        *_first_and_rest(session, "PTR", 1, _parametric(session), _parametric_once(session)),
        *_first_and_rest(session, "FTR", functional, *_functional(session)),
        *_first_and_rest(session, "MPR", multiple, _multiple(session), MULTI_ONCE),
        _stream(session, "PRR", multiple + 1, _verdicts(session)),
    ]


def byte_order(session: Session) -> Literal["<", ">"]:
    """Return the byte order of the session's tester."""
    return "<" if session.habits.byte_order is ByteOrder.LITTLE else ">"


def _stream(session: Session, name: str, phase: int, columns: Fields) -> Records:
    encoded = encode(name, {"head_num": HEAD, **columns}, byte_order(session))
    return encoded, _order(session, phase, 1).ravel()


def _first_and_rest(
    session: Session, name: str, phase: int, columns: Fields, once: Fields
) -> list[Records]:
    tests = len(columns["test_num"])
    shape = (len(session.touches.part), tests)
    wide = {
        key: column.reshape(-1, column.shape[2])
        if column.ndim == 3
        else np.broadcast_to(column, shape).ravel()
        for key, column in columns.items()
    }
    wide["site_num"] = np.repeat(session.touches.site, tests)
    order = _order(session, phase, tests).ravel()
    if session.habits.says is Says.ALWAYS or not shape[0]:
        every = {key: _each(value, shape[0]) for key, value in once.items()}
        return [(encode(name, {"head_num": HEAD, **wide, **every}, byte_order(session)), order)]
    first = {key: column[:tests] for key, column in wide.items()}
    rest = {key: column[tests:] for key, column in wide.items()}
    return [
        (encode(name, {"head_num": HEAD, **first, **once}, byte_order(session)), order[:tests]),
        (encode(name, {"head_num": HEAD, **rest}, byte_order(session)), order[tests:]),
    ]


def _each(value: Any, touchdowns: int) -> Any:  # noqa: ANN401
    """Repeat what is said of each test for each touch-down."""
    if isinstance(value, str | int | float | np.generic):
        return value
    if isinstance(value, list):
        return value * touchdowns
    return np.tile(value, (touchdowns,) + (1,) * (value.ndim - 1))


def _order(session: Session, phase: int, tests: int) -> Ints:
    """Return sort keys by touch-down, then by phase; ties go by site: parts x tests."""
    insertion = session.program.insertion
    phases = insertion.tests + insertion.functional_tests + 3
    return np.asarray(session.touches.touchdown[:, None] * phases + phase + np.arange(tests))


def _parametric(session: Session) -> Fields:
    tests, readings = session.program, session.readings
    too_high, too_low = readings.results > tests.hi_limit, readings.results < tests.lo_limit
    return {
        "test_num": tests.test_num,
        "test_flg": TEST_FAILED * readings.failed,
        "parm_flg": INCLUSIVE | TOO_HIGH * too_high | TOO_LOW * too_low,
        "result": readings.results,
    }


def _parametric_once(session: Session) -> Fields:
    plan, tests = session.line.plan, session.program
    scale = np.array([one.res_scal for one in plan.groups])[tests.group]
    return {
        "test_txt": tests.test_txt,
        "opt_flag": NO_SPEC | NO_LO_LIMIT * tests.high_only,
        "res_scal": scale,
        "llm_scal": scale,
        "hlm_scal": scale,
        "lo_limit": np.nan_to_num(tests.lo_limit),
        "hi_limit": tests.hi_limit,
        "units": [plan.groups[group].units for group in tests.group],
        "c_resfmt": "%9.4f",
        "c_llmfmt": "%9.4f",
        "c_hlmfmt": "%9.4f",
    }


def _functional(session: Session) -> tuple[Fields, Fields]:
    """Return what each FTR says, and what is said once per test."""
    names = session.program.functional_txt
    results = {
        "test_num": session.program.functional_num,
        "test_flg": TEST_FAILED * session.readings.functional_failed,
        # Some readers, pystdf among them, fail on an FTR that ends before its empty arrays.
        "vect_nam": np.array([""]),
    }
    return results, {"vect_nam": [f"{name}_vectors" for name in names], "test_txt": names}


def _multiple(session: Session) -> Fields:
    readings = session.readings
    return {
        "test_num": np.array([session.program.multi_num]),
        "test_flg": TEST_FAILED * readings.pins_failed[:, None],
        "parm_flg": (INCLUSIVE | TOO_HIGH * readings.pins_failed)[:, None],
        "rtn_stat": (readings.pins > PIN_LIMIT).astype(np.int64)[:, None],
        "rtn_rslt": readings.pins[:, None],
    }


def _verdicts(session: Session) -> Fields:
    readings, touches, insertion = session.readings, session.touches, session.program.insertion
    again = SUPERSEDES[session.habits.retest] * touches.is_retest
    if Mark.PART_FLG in session.run.marks:
        again = again | SUPERSEDES[Retest.SAME_PART_ID]
    common = {
        "site_num": touches.site,
        "part_flg": PART_FAILED * ~touches.passed | again,
        "num_test": insertion.tests + insertion.functional_tests + 1,
        "hard_bin": readings.hard_bin,
        "soft_bin": readings.soft_bin,
        "test_t": readings.test_ms,
        "part_id": [str(one) for one in session.run.part_number.tolist()],
    }
    if not session.slot:
        is_missing = session.final_test.package_xy is PackageXy.MISSING
        at = NO_COORD if is_missing else 0
        return {**common, "x_coord": at, "y_coord": at, "part_txt": part_texts(session)}
    die = session.parts.die[touches.part]
    return {**common, "x_coord": session.die.x_coord[die], "y_coord": session.die.y_coord[die]}
