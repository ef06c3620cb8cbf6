"""Time reader and writer on a wafer of parametric tests: MB of STDF per processor second."""

import io
import time
from collections.abc import Callable

import numpy as np

from fabyield.stdf import Writer, encode, read

TESTS = 50
LONG = {
    "test_txt": "vth_n_lvt_center <> pin_12_north",
    "opt_flag": 14,
    **dict.fromkeys(("res_scal", "llm_scal", "hlm_scal"), 0),
    **{"lo_limit": -1.0, "hi_limit": 1.0, "units": "V"},
    **dict.fromkeys(("c_resfmt", "c_llmfmt", "c_hlmfmt"), "%7.3f"),
}
SHORT = {"test_txt": "vth_n_1", "alarm_id": ""}


def wafer(dies: int, more: dict[str, object]) -> bytes:
    """One wafer of `dies`, `TESTS` PTRs each with the fields in `more`."""
    die = np.arange(dies)
    test, place = np.tile(np.arange(TESTS), dies), np.repeat(die, TESTS)
    at = {"head_num": 1, "site_num": 0}
    out = io.BytesIO()
    writer = Writer(out)
    writer.write("MIR", setup_t=1, start_t=2, stat_num=1, lot_id="L1")
    writer.write("WIR", head_num=1, start_t=2, wafer_id="01")
    pir = encode("PIR", {"head_num": np.ones(dies), "site_num": 0})
    results = np.random.default_rng(1).normal(size=test.size)
    flags = {"test_flg": 0, "parm_flg": 0}
    ptr = encode("PTR", {"test_num": test, **at, **flags, "result": results, **more})
    places = {"x_coord": die % 40, "y_coord": die // 40}
    prr = encode("PRR", {**at, "part_flg": 0, "hard_bin": 1, "soft_bin": 1, **places})
    writer.write_ordered([(pir, die * 100), (ptr, place * 100 + 1 + test), (prr, die * 100 + 99)])
    writer.write("MRR", finish_t=3)
    return out.getvalue()


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Processor seconds of the fastest of several runs."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def main() -> None:
    """Print one line per kind of file."""
    begin = time.process_time()
    read(wafer(2, LONG))
    print(f"first wafer, with compiling: {time.process_time() - begin:.1f} s")
    for name, more, dies in (("long", LONG, 10_000), ("short", SHORT, 30_000)):
        data = wafer(dies, more)
        size = len(data) / 1e6
        written, reading = best(lambda d=dies, m=more: wafer(d, m)), best(lambda d=data: read(d))
        width = len(encode("PTR", {"test_num": 1, **dict.fromkeys(("result",), 0), **more}).data)
        print(
            f"{name} PTR of {width} bytes, {size:.0f} MB:"
            f" write {size / written:.0f} MB/s, read {size / reading:.0f} MB/s"
        )


if __name__ == "__main__":
    main()
