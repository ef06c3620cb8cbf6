"""What the measured files hold: a head, stretches of whole parts, and a tail."""

import gzip
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fabyield.stdf import Encoded, Writer, encode, records

REAL = Path(__file__).parents[2] / "tests" / "data" / "stdf"
SITES, TESTS = 4, 50
# More of them than the reader takes at once, so that no two of one batch are the same bytes.
STRETCHES, TOUCHDOWNS = 16, 64
PINS = 16
FLAGS = {"test_flg": 0, "parm_flg": 0}
SCALES = dict.fromkeys(("res_scal", "llm_scal", "hlm_scal"), 0)
FORMATS = dict.fromkeys(("c_resfmt", "c_llmfmt", "c_hlmfmt"), "%5.2f v")
STATIC = {"alarm_id": "", "opt_flag": 14, **SCALES}

Numbers = NDArray[np.int64]
Stream = tuple[Encoded, Numbers]


@dataclass(frozen=True)
class Content:
    """Bytes of a file: the stretches stand between head and tail, again and again."""

    head: bytes
    stretches: list[bytes]
    tail: bytes

    def write(self, path: Path, size: int) -> None:
        """Write a file of `size` bytes or up to a stretch more, holding one stretch at a time."""
        with path.open("wb") as out:
            at, turn = out.write(self.head), 0
            while at < size - len(self.tail):
                at += out.write(self.stretches[turn % len(self.stretches)])
                turn += 1
            out.write(self.tail)


class Stretch:
    """Touch-downs of SITES parts, tested site by site in one order."""

    def __init__(self, seed: int, failing: float = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.parts = np.arange(TOUCHDOWNS * SITES)
        fails = self.random.random(self.parts.size) < failing
        last = self.random.integers(0, TESTS, self.parts.size)
        self.last = np.where(fails, last, TESTS)
        self.streams = [self._parts("PIR", 0, {}), self._parts("PRR", TESTS + 1, self._result())]

    def add(self, name: str, tests: range, columns: Callable[[Numbers], Mapping[str, Any]]) -> None:
        """Test each part, as far as it comes, by records with the columns of their tests."""
        part, test = np.repeat(self.parts, len(tests)), np.tile(tests, self.parts.size)
        done = test <= self.last[part]
        part, test = part[done], test[done]
        at = {"test_num": 1000 + 10 * test, "head_num": 1, "site_num": part % SITES}
        encoded = encode(name, {**at, **columns(test)})
        self.streams.append((encoded, _turn(part, test + 1)))

    def stored(self) -> bytes:
        """The records in the order of the tester."""
        out = io.BytesIO()
        writer = Writer(out)
        begin = out.tell()
        writer.write_ordered(self.streams)
        return out.getvalue()[begin:]

    def _parts(self, name: str, place: int, more: Mapping[str, Any]) -> Stream:
        columns = {"head_num": np.ones(self.parts.size), "site_num": self.parts % SITES, **more}
        return encode(name, columns), _turn(self.parts, np.full(self.parts.size, place))

    def _result(self) -> dict[str, Any]:
        bins = np.where(self.last < TESTS, 5, 1)
        place = {"x_coord": self.parts % 40, "y_coord": self.parts // 40}
        counts = {"num_test": np.minimum(self.last + 1, TESTS), "hard_bin": bins, "soft_bin": bins}
        return {"part_flg": np.where(bins > 1, 8, 0), **counts, **place, "test_t": 900}


def _turn(part: Numbers, place: Numbers) -> Numbers:
    touchdown, site = part // SITES, part % SITES
    return (touchdown * (TESTS + 2) + place) * SITES + site


def _long(stretch: Stretch, test: Numbers) -> dict[str, Any]:
    """Give the fields of a tester that writes all of them each time: 83 bytes with the header."""
    texts = np.array([f"vth_n_{number:03}      <> pin_{number:03}_n" for number in range(TESTS)])
    limits = {"lo_limit": -1.0 - 0.01 * test, "hi_limit": 1.0 + 0.01 * test, "units": "v"}
    result = stretch.random.normal(size=test.size)
    said = {"test_txt": texts[test].tolist(), **STATIC}
    return {**FLAGS, "result": result, **said, **limits, **FORMATS}


def _own_limits(stretch: Stretch, test: Numbers) -> dict[str, Any]:
    """Let no two records say the same of their test."""
    low, high = stretch.random.normal(size=(2, test.size))
    return {**_long(stretch, test), "lo_limit": low, "hi_limit": high}


def _short(stretch: Stretch, test: Numbers) -> dict[str, Any]:
    """Give no more than a name: 25 bytes with the header."""
    said = {"test_txt": [f"vth_n{number:02}" for number in test.tolist()], "alarm_id": ""}
    return {**FLAGS, "result": stretch.random.normal(size=test.size), **said}


def _multi(stretch: Stretch, test: Numbers) -> dict[str, Any]:
    shape = (test.size, PINS)
    states = {"rtn_stat": np.ones(shape, np.int64), "rtn_rslt": stretch.random.normal(size=shape)}
    said = {"test_txt": [f"leak_bus_{number:02}" for number in test.tolist()], **STATIC}
    said |= {"lo_limit": -1.0, "hi_limit": 1.0, "start_in": 0.0, "incr_in": 0.1}
    pins = np.broadcast_to(np.arange(PINS), shape)
    return {**FLAGS, **states, **said, "rtn_indx": pins, "units": "uA", "units_in": "V", **FORMATS}


def _functional(stretch: Stretch, test: Numbers) -> dict[str, Any]:
    shape = (test.size, PINS)
    pins = np.broadcast_to(np.arange(PINS), shape)
    states = stretch.random.integers(0, 8, shape)
    cycle = stretch.random.integers(0, 100_000, test.size)
    place = {"cycl_cnt": cycle, "rel_vadr": cycle, "rept_cnt": 0, "num_fail": 1}
    place |= {"xfail_ad": 0, "yfail_ad": 0, "vect_off": 0}
    arrays = {"rtn_indx": pins, "rtn_stat": states, "pgm_indx": pins, "pgm_stat": states}
    texts = {"vect_nam": [f"scan_chain_{number:02}" for number in test.tolist()]}
    texts |= {"time_set": "ts_100mhz", "op_code": "", "test_txt": texts["vect_nam"]}
    failing = [stretch.random.bytes(8) for _ in range(test.size)]
    return {"test_flg": 0, "opt_flag": 0, **place, **arrays, "fail_pin": failing, **texts}


def _ptr(fields: Callable[[Stretch, Numbers], dict[str, Any]], seed: int) -> bytes:
    stretch = Stretch(seed)
    stretch.add("PTR", range(TESTS), lambda test: fields(stretch, test))
    return stretch.stored()


def _mixed(seed: int) -> bytes:
    """Make parts of which some fail and are tested no further."""
    stretch = Stretch(seed, failing=0.1)
    stretch.add("FTR", range(10), lambda test: _functional(stretch, test))
    stretch.add("PTR", range(10, 42), lambda test: _long(stretch, test))
    stretch.add("MPR", range(42, TESTS), lambda test: _multi(stretch, test))
    return stretch.stored()


MADE: dict[str, Callable[[int], bytes]] = {
    "long": lambda seed: _ptr(_long, seed),
    "short": lambda seed: _ptr(_short, seed),
    "mixed": _mixed,
    "own_limits": lambda seed: _ptr(_own_limits, seed),
}
KINDS = {
    "long": "PTR of 83 bytes, all fields each time",
    "short": "PTR of 25 bytes",
    "mixed": "PTR, MPR and FTR with arrays",
    "own_limits": "PTR of 83 bytes, limits of its own in each",
    "real2": "parts of lot2.stdf.gz, again and again",
    "real3": "parts of lot3.stdf.gz, again and again",
}


def content(kind: str, seed: int = 1, stretches: int = STRETCHES) -> Content:
    """Make what a file of `kind` holds; another `seed` makes another lot with other results."""
    if kind not in MADE:
        return _real(gzip.decompress((REAL / f"lot{kind[-1]}.stdf.gz").read_bytes()))
    made = [MADE[kind](seed * STRETCHES + turn) for turn in range(stretches)]
    return Content(_head(seed), made, _tail())


def _head(seed: int) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    job = {"lot_id": f"L{seed}", "part_typ": "P1", "node_nam": "T1", "job_nam": "sort"}
    writer.write("MIR", setup_t=1, start_t=2, stat_num=1, **job)
    writer.write("SDR", head_num=1, site_grp=0, site_num=list(range(SITES)))
    writer.write("WIR", head_num=1, start_t=2, wafer_id="01")
    return out.getvalue()


def _tail() -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    begin = out.tell()
    writer.write("WRR", head_num=1, finish_t=3, part_cnt=0, wafer_id="01")
    writer.write("MRR", finish_t=3)
    return out.getvalue()[begin:]


def _real(data: bytes) -> Content:
    places = [(name, offset) for name, offset, _ in records(data)]
    begin = next(offset for name, offset in places if name == "PIR")
    end = next(offset for name, offset in places if name == "WRR")
    return Content(data[:begin], [data[begin:end]], data[end:])
