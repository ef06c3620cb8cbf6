"""A wafer's touch-downs as STDF records, in the order in which a tester of many sites logs."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fabsim.arrays import Ints
from fabsim.plan.insertions import ByteOrder, Retest, Says
from fabsim.testers.sessions import Session, traces_of_die
from fabsim.testers.touchdowns import PIN_LIMIT, PINS
from fabyield.stdf import Encoded, encode

Columns = Mapping[str, Any]
Records = tuple[Encoded, Ints]

HEAD = 1
MULTI_TEXT = "pin_leak"
TEST_FAILED, PART_FAILED = 0x80, 0x08
# A value equal to a limit passes (bits 6, 7); bits 3 and 4 say high or low.
INCLUSIVE, TOO_HIGH, TOO_LOW = 0xC0, 0x08, 0x10
# No specification limits (bits 2, 3), bit 1 is always set; bit 6: no low limit.
NO_SPEC, NO_LO_LIMIT = 0x0E, 0x40
NO_COORD = -32768
SUPERSEDES = {Retest.SAME_PART_ID: 0x01, Retest.SAME_XY: 0x02, Retest.NONE: 0x00}


def measurements(session: Session) -> list[Records]:
    """PIR, PTR, FTR, MPR and PRR of all touch-downs.

    Texts and limits stand in a test's first record, or in each, as the tester is used to.
    """
    insertion = session.program.insertion
    functional = 1 + insertion.tests
    multiple = functional + insertion.functional_tests
    return [
        _stream(session, "PIR", 0, {"site_num": session.course.site}),
        *_first_and_rest(session, "PTR", 1, _parametric(session), _parametric_once(session)),
        *_first_and_rest(
            session, "FTR", functional, _functional(session), _functional_once(session)
        ),
        *_first_and_rest(session, "MPR", multiple, _multiple(session), _multiple_once()),
        _stream(session, "PRR", multiple + 1, _verdicts(session)),
    ]


def byte_order(session: Session) -> Literal["<", ">"]:
    """Spell the byte order of the session's tester as fabyield.stdf does."""
    return "<" if session.habits.byte_order is ByteOrder.LITTLE else ">"


def _stream(session: Session, name: str, phase: int, columns: Columns) -> Records:
    encoded = encode(name, {"head_num": HEAD, **columns}, byte_order(session))
    return encoded, _order(session, phase, 1).ravel()


def _first_and_rest(
    session: Session, name: str, phase: int, columns: Columns, once: Columns
) -> list[Records]:
    tests = len(columns["test_num"])
    shape = (len(session.course.part), tests)
    wide = {key: _flat(column, shape) for key, column in columns.items()}
    wide["site_num"] = np.repeat(session.course.site, tests)
    order = _order(session, phase, tests).ravel()
    if session.habits.says is Says.ALWAYS or not shape[0]:
        every = {key: _each(value, shape) for key, value in once.items()}
        return [(encode(name, {"head_num": HEAD, **wide, **every}, byte_order(session)), order)]
    first = {key: column[:tests] for key, column in wide.items()}
    rest = {key: column[tests:] for key, column in wide.items()}
    return [
        (encode(name, {"head_num": HEAD, **first, **once}, byte_order(session)), order[:tests]),
        (encode(name, {"head_num": HEAD, **rest}, byte_order(session)), order[tests:]),
    ]


def _flat(column: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    if column.ndim == 3:
        return column.reshape(-1, column.shape[2])
    return np.broadcast_to(column, shape).ravel()


def _each(value: Any, shape: tuple[int, int]) -> Any:  # noqa: ANN401
    """What is said of each test, said of each result."""
    if isinstance(value, str | int | float | np.generic):
        return value
    if isinstance(value, list):
        return value * shape[0]
    return np.tile(value, (shape[0],) + (1,) * (value.ndim - 1))


def _order(session: Session, phase: int, tests: int) -> Ints:
    """Touch-down by touch-down, in it phase by phase (and, as ties, by site): parts x tests."""
    insertion = session.program.insertion
    phases = insertion.tests + insertion.functional_tests + 3
    return np.asarray(session.course.touchdown[:, None] * phases + phase + np.arange(tests))


def _parametric(session: Session) -> Columns:
    tests, touches = session.program, session.touches
    too_high, too_low = touches.results > tests.hi_limit, touches.results < tests.lo_limit
    return {
        "test_num": tests.test_num,
        "test_flg": TEST_FAILED * touches.failed,
        "parm_flg": INCLUSIVE | TOO_HIGH * too_high | TOO_LOW * too_low,
        "result": touches.results,
    }


def _parametric_once(session: Session) -> Columns:
    plan, tests = session.built.plan, session.program
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


def _functional(session: Session) -> Columns:
    return {
        "test_num": session.program.functional_num,
        "test_flg": TEST_FAILED * session.touches.functional_failed,
        # Some readers, pystdf among them, fail on an FTR that ends before its empty arrays.
        "vect_nam": np.array([""]),
    }


def _functional_once(session: Session) -> Columns:
    names = session.program.functional_txt
    return {"vect_nam": [f"{name}_vectors" for name in names], "test_txt": names}


def _multiple(session: Session) -> Columns:
    touches = session.touches
    return {
        "test_num": np.array([session.program.multi_num]),
        "test_flg": TEST_FAILED * touches.pins_failed[:, None],
        "parm_flg": (INCLUSIVE | TOO_HIGH * touches.pins_failed)[:, None],
        "rtn_stat": (touches.pins > PIN_LIMIT).astype(np.int64)[:, None],
        "rtn_rslt": touches.pins[:, None],
    }


def _multiple_once() -> Columns:
    return {
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


def _verdicts(session: Session) -> Columns:
    touches, course, insertion = session.touches, session.course, session.program.insertion
    again = SUPERSEDES[session.habits.retest] * course.is_retest
    told = {
        "site_num": course.site,
        "part_flg": PART_FAILED * ~course.passed | again,
        "num_test": insertion.tests + insertion.functional_tests + 1,
        "hard_bin": touches.hard_bin,
        "soft_bin": touches.soft_bin,
    }
    numbers = [str(number) for number in _part_numbers(session)]
    if not session.slot:
        nowhere = {"x_coord": NO_COORD, "y_coord": NO_COORD}
        traced = {"part_id": numbers, "part_txt": traces_of_die(session)}
        return {**told, **nowhere, "test_t": touches.test_ms, **traced}
    die = session.parts.die[course.part]
    place = {"x_coord": session.die.x_coord[die], "y_coord": session.die.y_coord[die]}
    return {**told, **place, "test_t": touches.test_ms, "part_id": numbers}


def _part_numbers(session: Session) -> Ints:
    course = session.course
    if session.habits.retest is Retest.SAME_PART_ID:
        return 1 + course.part
    return 1 + np.arange(len(course.part))
