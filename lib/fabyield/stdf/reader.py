"""Read an STDF V4 file into Arrow tables."""

import hashlib
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf import parts as part_tables
from fabyield.stdf import results
from fabyield.stdf.kernels import Bytes
from fabyield.stdf.records import RECORDS
from fabyield.stdf.rows import ArrowArray, Rows
from fabyield.stdf.scan import Chain, Refused, refused_table, scan

GZIP = b"\x1f\x8b"
CHUNK = 1 << 18
# Arrow counts the bytes of a text column in 32 bits; the bound also stops a compressed bomb.
MOST_BYTES = 2**31 - 1
PLAIN = ("FAR", "MIR", "MRR", "RDR", "WCR", "SDR", "PCR", "TSR")


@dataclass(frozen=True)
class StdfTables:
    """One STDF file as Arrow tables; `record_offset` counts bytes of the decompressed content.

    Missing values are null. `refused` says what was not read and why, `counts` how many whole
    records of each name the file has (`180/10` for a vendor's own).
    """

    file: pa.Table
    wafers: pa.Table
    parts: pa.Table
    tests: pa.Table
    test_values: pa.Table
    functional_values: pa.Table
    multi_values: pa.Table
    bins: pa.Table
    part_counts: pa.Table
    test_counts: pa.Table
    sites: pa.Table
    refused: pa.Table
    counts: dict[str, int]
    content: Bytes = field(repr=False)

    @property
    def content_bytes(self) -> int:
        """Length of the decompressed content."""
        return self.content.size

    @cached_property
    def sha256(self) -> str:
        """Hash of the decompressed content: tells a renamed or recompressed copy."""
        return hashlib.sha256(self.content.data).hexdigest()


def read(source: str | Path | bytes | BinaryIO) -> StdfTables:
    """Read a file, an open stream or bytes, gzip or plain (told by content).

    What is whole is read, the rest is in `refused`. Raises StdfError where nothing can be read:
    an empty file, a damaged gzip stream, one that does not begin with FAR, one of another version
    than 4, of a DEC machine, or of 2 GiB and more.
    """
    name = source if isinstance(source, str | Path) else getattr(source, "name", "STDF input")
    data, broken = _content(source, str(name))
    if broken and not data.size:
        raise StdfError(f"{name}: {broken}")
    chain = scan(data, str(name))
    if broken:
        chain.refused.append(Refused.one(data.size, 0, None, broken))
    return _tables(chain)


def _content(source: str | Path | bytes | BinaryIO, name: str) -> tuple[Bytes, str]:
    if isinstance(source, str | Path):
        raw = Path(source).read_bytes()
    else:
        raw = source if isinstance(source, bytes) else source.read()
    content, broken = _decompress(raw) if raw.startswith(GZIP) else (raw, "")
    if len(content) > MOST_BYTES:
        raise StdfError(f"{name}: content of more than {MOST_BYTES:,} bytes; split the file")
    data = np.frombuffer(content, np.uint8)
    # Always read-only, or the loops would be compiled twice.
    data.flags.writeable = False
    return data, broken


def _decompress(raw: bytes) -> tuple[bytearray, str]:
    """Content of the gzip members, and what is wrong with the first that is not whole.

    Of one that is cut off all there is; of one that is damaged nothing: where is not known.
    """
    content, at = bytearray(), 0
    while raw[at : at + 2] == GZIP:
        member, whole = zlib.decompressobj(wbits=31), len(content)
        while not member.eof and at < len(raw) and len(content) <= MOST_BYTES:
            chunk = raw[at : at + CHUNK]
            try:
                content += member.decompress(chunk)
            except zlib.error as error:
                return content[:whole], f"gzip stream is damaged: {error}"
            at += len(chunk)
        if not member.eof:
            return content, "gzip stream is cut off"
        at -= len(member.unused_data)
    return content, ""


def _tables(chain: Chain) -> StdfTables:
    rows = {name: Rows(chain, name) for name in PLAIN}
    rows |= {name: Rows(chain, name, least=least) for name, least in part_tables.LEAST.items()}
    rows |= {name: results.rows_of(chain, name) for name in results.KINDS.values()}
    owners = part_tables.Owners.of(chain, rows)
    parts = part_tables.parts(rows["PRR"], owners)
    tests = results.tests(rows)
    measured = {name: results.values(name, tests, owners, parts) for name in results.KINDS.values()}
    file = _file(chain, rows)
    return StdfTables(
        file=file,
        wafers=part_tables.wafers(rows, owners),
        parts=parts,
        tests=tests.table,
        test_values=measured["PTR"],
        functional_values=measured["FTR"],
        multi_values=measured["MPR"],
        bins=pa.concat_tables([_bins(rows["HBR"], "H"), _bins(rows["SBR"], "S")]),
        part_counts=_plain(rows["PCR"]),
        test_counts=_plain(rows["TSR"]),
        sites=_sites(rows["SDR"]),
        refused=refused_table(chain.refused),
        counts=chain.counts(),
        content=chain.data,
    )


def _plain(rows: Rows) -> pa.Table:
    return pa.table(rows.columns(field.name for field in rows.record.fields))


def _bins(rows: Rows, kind: str) -> pa.Table:
    prefix = f"{kind.lower()}bin"
    columns = {name: f"{prefix}_{name.removeprefix('bin_')}" for name in BINS}
    return pa.table(
        {
            "bin_kind": pa.array([kind] * len(rows), pa.string()),
            **rows.columns(("head_num", "site_num")),
            **{name: rows.column(field) for name, field in columns.items()},
        }
    )


BINS = ("bin_num", "bin_cnt", "bin_pf", "bin_nam")


def _sites(rows: Rows) -> pa.Table:
    return _plain(rows).drop_columns(["site_cnt"]).rename_columns({"site_num": "site_nums"})


def _file(chain: Chain, rows: dict[str, Rows]) -> pa.Table:
    """Make the one row about the file as a whole."""
    if not len(rows["MIR"]):
        chain.refused.append(Refused.one(0, 0, "MIR", "no MIR"))
    whole = _ends_with_mrr(chain) and not chain.refused
    columns = _single(rows["FAR"], 0) | _single(rows["MIR"], 0)
    mrr = _single(rows["MRR"], len(rows["MRR"]) - 1)
    columns |= {name if name == "finish_t" else f"mrr_{name}": mrr[name] for name in mrr}
    retest = pa.array([_retest_bins(rows["RDR"])], pa.list_(pa.int32()))
    return pa.table({**columns, "is_complete": pa.array([whole]), "retest_bins": retest})


def _ends_with_mrr(chain: Chain) -> bool:
    return int(chain.codes[-1]) == RECORDS["MRR"].code


def _single(rows: Rows, row: int) -> dict[str, ArrowArray]:
    """Take the fields of one of the records, null if there is none."""
    at = pa.array([row if len(rows) else None], pa.int64())
    return {field.name: rows.column(field.name).take(at) for field in rows.record.fields}


def _retest_bins(rows: Rows) -> list[int] | None:
    """Bins that the file retests: None if it is no retest, empty if it retests all."""
    if not len(rows):
        return None
    lists = [bins or [] for bins in rows.column("rtst_bin").to_pylist()]
    return [] if not all(lists) else [number for bins in lists for number in bins]
