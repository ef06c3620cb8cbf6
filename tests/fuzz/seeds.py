"""Undamaged files of about 64 KiB: cuts of the real ones, and written ones with every record."""

import gzip
import io
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from fabyield.stdf import RECORDS, Writer, records
from fabyield.stdf.spec.fields import Field, Record
from fabyield.stdf.spec.types import GENERIC, NUMBERS, Bits, Generic

DATA = Path(__file__).parents[1] / "data" / "stdf"
SIZE = 1 << 16
TOUCHED = ("PIR", "PRR", "WIR", "WRR", "FAR", "MIR", "MRR")
MEASURED = ("PTR", "FTR", "MPR", "STR")
SITES = (0, 1, 3)
REAL = [(name, n) for name in ("lot2", "lot3") for n in (0, 9, 40)]
WRITTEN = [(order, n) for order in ("<", ">") for n in (1, 2, 3)]
SEEDS = len(REAL) + len(WRITTEN)


@cache
def seed(number: int) -> bytes:
    """One of the SEEDS undamaged files."""
    every = [*REAL, *WRITTEN]
    name, n = every[number % SEEDS]
    return real(name, n) if (name, n) in REAL else written(name, n)


def real(name: str, place: int) -> bytes:
    """FAR and MIR of a real file, then the records from the `place`-th 64 KiB on."""
    content = gzip.decompress((DATA / f"{name}.stdf.gz").read_bytes())
    starts = [offset for _, offset, _ in records(content)]
    begin = next(at for at in starts if at >= max(place * SIZE, starts[2]))
    end = next(at for at in starts if at >= begin + SIZE - starts[2])
    return content[: starts[2]] + content[begin:end]


def written(byte_order: Any, number: int, size: int = SIZE) -> bytes:
    """Touch-downs of several sites that take turns, records of all other kinds between them."""
    rng = np.random.default_rng(number)
    out = io.BytesIO()
    writer = Writer(out, byte_order)
    writer.write("MIR", **fields_of(RECORDS["MIR"], rng, {}))
    others = cycle([n for n in RECORDS if n not in (*TOUCHED, *MEASURED)] + ["180/7"])
    first = 0
    while out.tell() < size - 1000:
        writer.write("WIR", head_num=1, start_t=20, wafer_id=f"W{first}")
        for x in range(first, first + 40):
            touchdown(writer, rng, x, others)
        writer.write("WRR", head_num=1, finish_t=30, part_cnt=40, wafer_id=f"W{first}")
        first += 40
    writer.write("MRR", finish_t=40)
    return out.getvalue()


def touchdown(writer: Writer, rng: np.random.Generator, x: int, others: Any) -> None:
    """Test one part at each site, their records mixed."""
    at = [{"head_num": 1, "site_num": site} for site in SITES]
    for place in at:
        writer.write("PIR", **place)
    for n in range(int(rng.integers(3, 9))):
        for place in at:
            name = rng.choice(MEASURED, p=(0.7, 0.14, 0.14, 0.02))
            known = {**place, "test_num": n, "test_flg": 0, "parm_flg": 0}
            known = {k: v for k, v in known.items() if k in RECORDS[name].places}
            writer.write(str(name), **fields_of(RECORDS[name], rng, known))
    for name in islice(others, int(rng.integers(0, 4))):
        own = fields_of(RECORDS[name], rng, {}) if name in RECORDS else {"data": b"\x05\x14 own"}
        writer.write(name, **own)
    for place in rng.permutation(np.array(at, object)):
        known = {**place, "part_flg": 0, "x_coord": x, "y_coord": place["site_num"]}
        writer.write("PRR", **fields_of(RECORDS["PRR"], rng, known))


def fields_of(record: Record, rng: np.random.Generator, known: dict[str, Any]) -> dict[str, Any]:
    """Draw fields of a record, some cut off behind those that are `known`."""
    fields: dict[str, Any] = {}
    counts = {field.count for field in record.fields}
    for field in record.fields:
        drawn = value(field, rng, fields, field.name in counts)
        fields[field.name] = known.get(field.name, drawn)
    least = max([5, *(record.places[name] + 1 for name in known)])
    some = int(rng.integers(least, max(least + 1, len(fields))))
    return dict(list(fields.items())[: len(fields) if rng.random() < 0.5 else some])


def value(field: Field, rng: np.random.Generator, fields: dict[str, Any], counts: bool) -> Any:
    """Draw a value; None where a flag says that none is stored."""
    if counts:
        return int(rng.integers(0, 4))
    if field.name.endswith("_size"):
        return int(rng.choice([1, 2, 4, 8]))
    if field.stored and fields[field.stored.flag] & field.stored.mask != field.stored.value:
        return None
    if field.count is None:
        return one(field.type, rng)
    width = fields.get(str(field.width), 1)
    return [one(field.type, rng, width) for _ in range(fields[field.count])]


def one(kind: str, rng: np.random.Generator, width: int = 1) -> Any:
    """Draw one value of an STDF type."""
    if kind == "Vn":
        kind = str(rng.choice(sorted(GENERIC.values())))
        return Generic(kind, one(kind, rng))
    if kind in ("Cn", "Sn"):
        return "abcd µ%,"[: int(rng.integers(1, 9))]
    texts = {"C1": "P", "Bn": b"\x01\x05\x14", "Dn": Bits(11, b"\x05\x04"), "Cf": "x" * width}
    if kind in texts:
        return texts[kind]
    if kind == "N1":
        return int(rng.integers(0, 16))
    if kind[0] == "R":
        return float(np.float32(rng.normal()))
    size = width if kind == "Uf" else np.dtype(NUMBERS[kind]).itemsize
    return int(rng.integers(0, 2 ** int(rng.integers(1, 8 * min(size, 4)))))
