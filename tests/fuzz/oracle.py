"""What must hold of the reading of a damaged file."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf import StdfTables, read, records
from fabyield.stdf.decode import source
from tests.fuzz.mutations import FAR_SIZE, Mutant
from tests.fuzz.reference import (
    CODES,
    MEASURED,
    ROWS,
    Copies,
    Links,
    Reference,
    own,
    reference,
)
from tests.fuzz.seeds import SEEDS

DISTANCE, MANY = 1024, 3


def faults(mutant: Mutant, *, all_ways: bool = False) -> list[str]:
    """Say what is wrong with how a mutant is read; in batches too of some, or in `all_ways`."""
    try:
        tables = read(mutant.content)
    except StdfError as error:
        first = mutant.copies[0].tolist() if len(mutant.copies) else [1, 0, 0]
        is_whole = first[:2] == [0, 0] and first[2] >= FAR_SIZE
        return [f"nothing is read though FAR is whole: {error}"] if is_whole else []
    found = list(_faults(mutant, tables))
    if all_ways or mutant.number % 10 == 0:
        found += decoded_otherwise(mutant)
    if all_ways or mutant.number % 60 == 21:
        found += otherwise_in_batches(mutant, tables)
    return found


def _faults(mutant: Mutant, tables: StdfTables) -> Iterator[str]:
    known = reference(mutant.number % SEEDS)
    copies = Copies.of(mutant, known, DISTANCE, MANY)
    links = Links.of(mutant.content)
    yield from invalid(tables)
    yield from uncounted(tables)
    yield from phantoms(mutant, links, copies)
    yield from lost(links, copies, known)
    for table in ROWS:
        yield from changed(tables, table, copies, known)
    for table in MEASURED:
        yield from misplaced(tables, table, copies, known, Seams(mutant, links, copies, known))
        yield from missing(tables, table, copies, known, links)


def invalid(tables: StdfTables) -> Iterator[str]:
    """Tables that are not well formed."""
    for name, table in vars(tables).items():
        if isinstance(table, pa.Table):
            try:
                table.validate(full=True)
            except pa.ArrowInvalid as error:
                yield f"{name}: {error}"


def uncounted(tables: StdfTables) -> Iterator[str]:
    """Records that are neither in a table nor refused."""
    names = tables.refused["record_name"].to_pylist()
    for table, name in ROWS.items():
        rows, refused = getattr(tables, table).num_rows, names.count(name)
        if rows + refused != tables.counts.get(name, 0):
            yield f"{name}: {rows} rows, {refused} refused, of {tables.counts.get(name, 0)}"


def phantoms(mutant: Mutant, links: Links, copies: Copies) -> Iterator[str]:
    """Records whose header is in the middle of an undamaged one, and undamaged itself."""
    for at in links.start[copies.within(links.start)].tolist():
        begins, _, sizes = mutant.copies.T
        if np.any((begins <= at) & (at + 4 <= begins + sizes)):
            yield f"a record is read at byte {at:,}, inside an undamaged one"


def lost(links: Links, copies: Copies, known: Reference) -> Iterator[str]:
    """Undamaged records far from all damage that are not read."""
    gone = copies.far & ~np.isin(copies.place, links.start)
    if gone.any():
        yield f"{gone.sum()} undamaged records are not read, from byte {copies.place[gone][0]:,} on"


def changed(tables: StdfTables, table: str, copies: Copies, known: Reference) -> Iterator[str]:
    """Undamaged records with other values than in the undamaged file."""
    offsets, rows = own(tables, table)
    theirs, expected = known.row(table)
    found = copies.at(offsets)
    original = known.links.start[copies.index[found]] if copies.index.size else offsets
    held = np.flatnonzero((found >= 0) & np.isin(original, theirs))
    order = np.argsort(theirs)
    there = order[np.searchsorted(theirs[order], original[held])]
    if not bits(rows.take(pa.array(held))).equals(bits(expected.take(pa.array(there)))):
        yield f"{table}: values of undamaged records are not theirs"
    if table in MEASURED:
        names = getattr(tables, table)["test_txt"].take(pa.array(held)).to_pylist()
        own_names = [known.fields[at][1].get("test_txt") for at in original[held].tolist()]
        trimmed = [(name or "").strip() or None for name in own_names]
        if any(mine not in (None, name) for mine, name in zip(trimmed, names, strict=True)):
            yield f"{table}: undamaged records are not of the tests that they name"


def bits(rows: pa.Table) -> pa.Table:
    """Compare numbers by their bits: NaN is no other value than NaN."""
    if "result" not in rows.column_names:
        return rows
    result = rows["result"].combine_chunks().view(pa.int32())
    return rows.set_column(rows.schema.get_field_index("result"), "result", result)


class Seams:
    """Where a mutant shows its damage: stretches torn out of step, PIRs inside other records."""

    def __init__(self, mutant: Mutant, links: Links, copies: Copies, known: Reference) -> None:
        big = mutant.content[0] == 0
        gaps = np.flatnonzero(links.end[:-1] != links.start[1:])
        self.gaps = np.array(
            [
                begin
                for begin, end in zip(
                    links.end[gaps].tolist(), links.start[gaps + 1].tolist(), strict=True
                )
                if begin + 4 + length(mutant.content[begin : begin + 2], big) != end
            ],
            np.int64,
        )
        self.unread = copies.place[
            copies.swallowed(links) & (known.links.code[copies.index] == CODES["PIR"])
        ]

    def between(self, begin: int, end: int) -> bool:
        """Tell whether one of them is in a stretch."""
        return any(
            np.any((places >= begin) & (places < end)) for places in (self.gaps, self.unread)
        )


def length(two: bytes, big: bool) -> int:
    return int.from_bytes(two, "big" if big else "little")


def misplaced(
    tables: StdfTables, table: str, copies: Copies, known: Reference, seams: Seams
) -> Iterator[str]:
    """Undamaged results that are given to another part, across damage that shows."""
    rows = getattr(tables, table)
    offsets, parts = rows["record_offset"].to_numpy(), tables.parts["record_offset"].to_numpy()
    prr = parts[rows["part_num"].to_numpy()]
    mine, closing = copies.at(offsets), copies.at(prr)
    for n in np.flatnonzero((mine >= 0) & (closing >= 0)).tolist():
        original = int(known.links.start[copies.index[mine[n]]])
        given = int(known.links.start[copies.index[closing[n]]])
        if known.owner.get(original, (0, 0))[1] != given and seams.between(offsets[n], prr[n]):
            yield f"{table}: result at byte {offsets[n]:,} is of another part than at {prr[n]:,}"
            return


def missing(
    tables: StdfTables, table: str, copies: Copies, known: Reference, links: Links
) -> Iterator[str]:
    """Results of parts that are undamaged from PIR to PRR, but are not theirs or not there."""
    rows = getattr(tables, table)
    prr = tables.parts["record_offset"].to_numpy()[rows["part_num"].to_numpy()]
    given = dict(zip(rows["record_offset"].to_pylist(), prr.tolist(), strict=True))
    stands = copies.read(links, known)
    for (copy, original), place in stands.items():
        if known.names[original] == MEASURED[table] and original in known.owner:
            pir, end = (stands.get((copy, at)) for at in known.owner[original])
            if pir is not None and end is not None and given.get(place) != end:
                yield f"{table}: result at byte {place:,} is lost, its part is whole"
                return


def decoded_otherwise(mutant: Mutant) -> Iterator[str]:
    """Undamaged records that `records` gives with other fields."""
    known = reference(mutant.number % SEEDS)
    copies = Copies.of(mutant, known, DISTANCE, MANY)
    starts = known.links.start[copies.index].tolist()
    expected = dict(zip(copies.place.tolist(), starts, strict=True))
    for name, offset, fields in records(mutant.content):
        if offset in expected:
            told = known.fields[expected[offset]]
            if repr((name, fields)) != repr(told):
                yield f"{name} at byte {offset:,} has other fields"


def otherwise_in_batches(mutant: Mutant, whole: StdfTables) -> Iterator[str]:
    """Tables that are others when read in small batches."""
    size = 997 + 5 * (mutant.number % 1000)
    with patch.object(source, "BLOCK", size):
        small = read(mutant.content)
    for name, table in vars(whole).items():
        # Bins are in order of their kind within a batch; equal offsets in any order.
        order = sorted if name in ("bins", "refused") else list
        if isinstance(table, pa.Table):
            one, other = (order(map(repr, t.to_pylist())) for t in (table, getattr(small, name)))
            if one != other:
                yield f"{name} in batches of {size} bytes is another"
