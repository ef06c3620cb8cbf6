"""Small files made by the writer, and the real ones as another reader sees them."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pystdf.IO import Parser

from fabyield.stdf import StdfTables, Writer, read

DATA = Path(__file__).parents[1] / "data" / "stdf"
Record = tuple[str, dict[str, Any]]
AT_SITE = {site: {"head_num": 1, "site_num": site} for site in (0, 1)}
FULL = {"test_txt": "vth_n", "lo_limit": 0.25, "hi_limit": 0.5, "units": "V"}
FLAGS = {"test_flg": 0, "parm_flg": 0}
MIR = ("MIR", {"setup_t": 10, "start_t": 20, "stat_num": 1, "lot_id": "L1", "flow_id": "CP1"})


def ptr(site: int, result: float, **more: Any) -> Record:
    return "PTR", {"test_num": 7, **AT_SITE[site], **FLAGS, "result": result, **more}


def prr(site: int, **more: Any) -> Record:
    return "PRR", {**AT_SITE[site], "part_flg": 0, "num_test": 1, "hard_bin": 1, **more}


def pir(site: int) -> Record:
    return "PIR", AT_SITE[site]


def ftr(site: int) -> Record:
    arrays = {"rtn_indx": [4, 5, 6], "rtn_stat": [1, 2, 3], "fail_pin": b"\x81\x01"}
    return "FTR", {"test_num": 8, **AT_SITE[site], "test_flg": 0, **arrays, "test_txt": "scan"}


def mpr(site: int) -> Record:
    arrays = {"rtn_stat": [1, 2, 15], "rtn_rslt": [0.5, -1.5], "rtn_indx": [4, 5, 6]}
    return "MPR", {"test_num": 9, **AT_SITE[site], **FLAGS, **arrays, "test_txt": "leak"}


SMALL: tuple[Record, ...] = (
    MIR,
    ("SDR", {"head_num": 1, "site_grp": 0, "site_num": [0, 1], "hand_typ": "prober"}),
    ("WCR", {"wafr_siz": 300.0, "wf_units": 3, "wf_flat": "D", "center_x": 0}),
    ("WIR", {"head_num": 1, "start_t": 21, "wafer_id": "W01"}),
    *(pir(0), pir(1), ptr(0, 0.375, **FULL), ptr(1, 0.5), ftr(0), mpr(1)),
    prr(1, part_flg=8, soft_bin=3, x_coord=-4, y_coord=5, test_t=90, part_id="b"),
    *(ptr(0, 0.125), prr(0, x_coord=6, y_coord=7, part_id="a")),
    *(pir(1), ptr(1, 0.25), prr(1, part_flg=16)),
    ("WRR", {"head_num": 1, "finish_t": 30, "part_cnt": 3, "wafer_id": "L1-01"}),
    ("TSR", {"head_num": 255, "site_num": 0, "test_typ": "P", "test_num": 7, "exec_cnt": 4}),
    ("HBR", {"head_num": 255, "site_num": 0, "hbin_num": 1, "hbin_cnt": 2, "hbin_pf": "P"}),
    ("SBR", {"head_num": 255, "site_num": 0, "sbin_num": 3, "sbin_cnt": 1, "sbin_nam": "vth"}),
    ("PCR", {"head_num": 255, "site_num": 0, "part_cnt": 3}),
    ("MRR", {"finish_t": 31}),
)


@pytest.fixture
def stdf() -> Callable[..., bytes]:
    """`stdf(record, ...)`: bytes of a file of these records after its FAR."""

    def build(*records: Record, byte_order: Any = "<") -> bytes:
        out = io.BytesIO()
        with Writer(out, byte_order) as writer:
            for name, fields in records:
                writer.write(name, **fields)
        return out.getvalue()

    return build


class Sink(list[tuple[str, dict[str, Any]]]):
    """Records as pystdf reads them, fields by lower-case name."""

    def after_send(self, _source: object, sent: tuple[Any, list[Any]]) -> None:
        kind, values = sent
        fields = dict(zip((name.lower() for name in kind.fieldNames), values, strict=True))
        self.append((type(kind).__name__.upper(), fields))


def by_pystdf(content: bytes) -> Sink:
    sink, parser = Sink(), Parser(inp=io.BytesIO(content))
    parser.addSink(sink)
    parser.parse()
    return sink


@pytest.fixture(scope="session", params=["lot2", "lot3"])
def real(request: pytest.FixtureRequest) -> tuple[str, StdfTables, Sink]:
    """Name of a real file, its tables, and its records by pystdf."""
    path = DATA / f"{request.param}.stdf.gz"
    return request.param, read(path), by_pystdf(gzip.decompress(path.read_bytes()))
