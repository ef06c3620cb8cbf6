"""Write the corpus that guided fuzzing begins with: `python -m tests.fuzz.corpus`."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np

from fabyield.stdf import RECORDS, Writer, records, write_atdf
from tests.fuzz.seeds import fields_of
from tests.stdf.conftest import MIR, SMALL

CORPUS = Path(__file__).parent / "corpus"


def files() -> dict[str, bytes]:
    """Small files by name: one for each record in either byte order, all of them as text."""
    made = {name: with_record(name, "<>"[n % 2], n) for n, name in enumerate(RECORDS)}
    made |= {"small_little": content(SMALL, "<"), "small_big": content(SMALL, ">")}
    made["small_gzip"] = gzip.compress(made["small_little"], mtime=0)
    texts = {f"{name}.atd": text(made[name]) for name in (*RECORDS, "small_little")}
    return {f"{name}.stdf" if "." not in name else name: data for name, data in made.items()} | {
        "all.atd": texts["small_little.atd"],
        **{name: data for name, data in texts.items() if name in ("GDR.atd", "STR.atd", "PLR.atd")},
    }


def with_record(name: str, byte_order: Any, number: int) -> bytes:
    """Two records of one name in a part."""
    rng = np.random.default_rng(number)
    place = {"head_num": 1, "site_num": 0}
    pir, prr = ("PIR", place), ("PRR", {**place, "part_flg": 0, "x_coord": 3, "y_coord": 4})
    known = {key: 1 for key in ("head_num",) if key in RECORDS[name].places}
    known |= {"site_num": 0} if name in ("PTR", "FTR", "MPR", "STR", "PIR", "PRR") else {}
    drawn = [] if name == "FAR" else [(name, fields_of(RECORDS[name], rng, known)) for _ in "12"]
    return content([MIR, pir, *drawn, prr, ("MRR", {"finish_t": 9})], byte_order)


def content(given: Any, byte_order: Any) -> bytes:
    """Bytes of a file of these records."""
    out = io.BytesIO()
    Writer(out, byte_order).write_all(given)
    return out.getvalue()


def text(stdf: bytes) -> bytes:
    """A file as ATDF."""
    out = io.StringIO()
    write_atdf(lambda: records(stdf), out)
    return out.getvalue().encode()


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in files().items():
        (CORPUS / name).write_bytes(data)
