"""Random damage: no value that is not in the undamaged records, and none lost far from it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import read, records, write_atdf
from tests.fuzz.corpus import CORPUS, files
from tests.fuzz.mutations import mutant
from tests.fuzz.oracle import faults
from tests.stdf.conftest import MIR, mpr, pir, prr, ptr

MUTANTS, AT_ONCE = 2_000, 50
OTHERS = [
    pytest.param(first, marks=pytest.mark.matrix("stdf"))
    for first in range(AT_ONCE, MUTANTS, AT_ONCE)
]
MOST_SECONDS = 10
# Each was read wrongly once, by its number: `python -m tests.fuzz --count 1 --seed NUMBER`.
FOUND = {
    "results before a cut went to the part behind it": (456, 463, 475),
    "a damaged length ended where another record does": (218, 395, 466, 713, 753, 2999),
    "the same across a vendor's record": (3250, 3539, 3548),
    "a damaged length ended where bytes look like a header": (1311, 1714, 3110, 3772, 3774, 10562),
    "a damaged length ended before bytes that look like a header": (68001,),
    "a damaged length hid a PRR and the next PIR": (2091, 2771),
    "bytes of an undamaged record looked like a header": (30826, 40936, 52985, 53235),
    "a damaged stretch at the end of a batch": (141, 181, 201, 381, 3141, 7621),
}


@pytest.mark.parametrize("first", [0, *OTHERS])
def test_f09_mutants_give_what_is_undamaged_and_nothing_else(first):
    for number in range(first, first + AT_ONCE):
        one, begin = mutant(number), time.monotonic()
        found = faults(one)
        assert not found, f"python -m tests.fuzz --count 1 --seed {number}: {found}"
        assert time.monotonic() - begin < MOST_SECONDS, f"mutant {number}"


@pytest.mark.parametrize(("why", "number"), [(w, n) for w, many in FOUND.items() for n in many])
def test_f09_mutant_that_was_once_misread_is_read_right(why, number):
    assert not faults(mutant(number), all_ways=True), why


def test_f09_flipped_type_that_looks_like_a_second_far_ends_nothing(stdf):
    content = bytearray(stdf(MIR, pir(0), ptr(0, 1.0), prr(0)))
    content[6 + 2] = 0

    tables = read(bytes(content))

    assert tables.test_values["result"].to_pylist() == [1.0]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_f09_length_that_covers_the_end_of_a_part_gives_its_results_to_no_other(stdf, byte_order):
    before = stdf(MIR, pir(0), ptr(0, 1.0), byte_order=byte_order)
    hides = stdf(ptr(0, 2.0), prr(0), pir(0), byte_order=byte_order)[6:]
    after = stdf(ptr(0, 3.0), prr(0), byte_order=byte_order)[6:]
    length = (len(hides) - 4).to_bytes(2, "big" if byte_order == ">" else "little")

    tables = read(before + length + hides[2:] + after)

    assert tables.test_values["result"].to_pylist() == [3.0]
    assert tables.parts.num_rows == 2


def test_f09_length_that_takes_in_many_records_refuses_that_record_alone(stdf):
    many = stdf(*[ptr(0, float(n)) for n in range(200)])[6:]
    length = (len(many) - 4).to_bytes(2, "little")

    tables = read(stdf(MIR, pir(0)) + length + many[2:] + stdf(prr(0))[6:])

    assert tables.test_values["result"].to_pylist() == [float(n) for n in range(1, 200)]


def test_f09_length_of_a_vendors_record_that_ends_where_another_does_hides_nothing(stdf):
    vendor = stdf(("180/10", {"data": b"vendor"}))[6:]
    many = stdf(*[ptr(0, float(n)) for n in range(200)])[6:]
    length = (len(vendor) + len(many) // 2 - 4).to_bytes(2, "little")

    tables = read(stdf(MIR, pir(0)) + length + vendor[2:] + many + stdf(prr(0))[6:])

    assert tables.test_values["result"].to_pylist() == [float(n) for n in range(200)]
    assert tables.refused.num_rows == 1


def test_long_record_of_any_values_is_whole(stdf):
    name, fields = mpr(0)
    long = (name, {**fields, "rtn_rslt": [float(n) for n in range(2_000)]})

    tables = read(stdf(MIR, pir(0), long, ptr(0, 1.0), prr(0)))

    assert not tables.refused.num_rows
    assert len(tables.multi_values["results"][0]) == 2_000


def test_corpus_is_what_its_script_writes():
    assert {path.name: path.read_bytes() for path in CORPUS.iterdir()} == files()


LOOPS = """
import hashlib, sys, warnings
from pathlib import Path
from fabyield.errors import StdfError
from fabyield.stdf import read
warnings.simplefilter("ignore", RuntimeWarning)
for path in sorted(Path(sys.argv[1]).iterdir()):
    tables = read(path)
    print(path.name, hashlib.sha256(repr({
        name: table.to_pylist() for name, table in vars(tables).items() if hasattr(table, "schema")
    }).encode()).hexdigest())
"""


def printed(without_jit):
    ran = subprocess.run(
        [sys.executable, "-c", LOOPS, str(CORPUS)],
        env={**os.environ, "NUMBA_DISABLE_JIT": without_jit},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def test_loops_give_the_same_compiled_and_not():
    assert printed("0") == printed("1") != ""


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_corpus_can_be_read_and_written_as_text(path, tmp_path):
    content = path.read_bytes()
    with (tmp_path / "text.atd").open("w") as out:
        write_atdf(lambda: records(content), out)

    assert read(Path(out.name)).counts.keys() >= {"FAR", "MIR"}


@pytest.mark.parametrize(
    "content", [b"FAR:A|4|2\nMIR:L|", b"FAR:A|4|2\nMRR:99999999999:0:0 1-JAN-2020"]
)
def test_damaged_text_is_read_or_refused(content):
    try:
        read(content)
    except StdfError as error:
        assert "line 2" in str(error)
