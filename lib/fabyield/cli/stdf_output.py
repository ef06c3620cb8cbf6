"""How the commands `fabyield stdf ...` show what they found."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table as Grid
from rich.text import Text

from fabyield.cli.console import console
from fabyield.stdf.spec.records import Field, Record
from fabyield.stdf.tools.check import Checked
from fabyield.stdf.tools.to_parquet import NAMES, Exported

REFUSALS = 20


def facts(found: Mapping[str, Any]) -> None:
    """Print what `info` tells of one file."""
    nested = {name: found[name] for name in ("wafers", "records", "refused")}
    grid = Grid("", "", show_header=False, title=_text(found["file"]))
    for name in found:
        if name not in (*nested, "file"):
            grid.add_row(name, _text(_cell(name, found[name])))
    records = nested["records"]
    grid.add_row("records", ", ".join(f"{name} {records[name]:,}" for name in records))
    console().print(grid)
    _rows("wafers", nested["wafers"])
    _rows("refused", nested["refused"])


def exported(done: Exported, out: Path) -> None:
    """Print what `to-parquet` wrote."""
    columns = ("file", "touch-downs", "results", "refused", "MPR and FTR left out")
    grid = Grid(
        *columns, title=_text(", ".join(f"{name}.parquet" for name in NAMES) + f" in {out}")
    )
    for file in done.files:
        counts = (file.touchdowns, file.results, file.refused, file.left_out)
        grid.add_row(_text(file.path), *(f"{count:,}" for count in counts))
    for skipped in done.skipped:
        grid.add_row(_text(skipped.path), "left out:", _text(skipped.reason))
    console().print(grid)
    yields = (
        f"{name} {100 * good / done.tested_die:.2f} %"
        for name, good in (("first", done.first_pass_die), ("final", done.final_pass_die))
        if done.tested_die
    )
    lines = [f"{done.tested_die:,} die tested; yield: {', '.join(yields) or 'no part was tested'}"]
    if done.changed_tests:
        lines.append(
            f"{done.changed_tests:,} tests have other units, scales or limits in a later file; "
            "tests.parquet has those of the first"
        )
    _lines(lines)


def checked(found: Sequence[Checked]) -> None:
    """Print what `check` found: differences first, then what agrees and how."""
    grid = Grid("file", "record", "place", "counted", "claimed")
    for one in found:
        for row in one.differences:
            grid.add_row(
                _text(one.path),
                row.record,
                _text(row.place),
                f"{row.counted:,}",
                f"{row.claimed:,}",
            )
    if grid.row_count:
        console().print(grid)
    for one in found:
        agreed = ", ".join(f"{record} (by {basis})" for record, basis in one.agreed.items())
        differ = f"{len(one.differences):,} differences; " if one.differences else ""
        _lines([f"{one.path}: {differ}agreed: {agreed or 'nothing that the file counts'}"])
        _lines(f"{one.path}: {remark}" for remark in one.remarks)


def layout(record: Record) -> None:
    """Print the fields of a record in order of storage."""
    code = f"type {record.type}, subtype {record.subtype}"
    if not record.fields:
        _lines([f"{record.name}: {code}; it has no fields"])
        return
    columns = ("field", "type", "values", "missing value", "missing where", "stored where")
    grid = Grid(*columns, title=f"{record.name}: {code}")
    for field in record.fields:
        grid.add_row(field.name.upper(), field.type, *_declared(field))
    console().print(grid)
    for fields in record.others:
        names = ", ".join(field.name.upper() for field in fields)
        _lines([f"{record.name} that does not fit that is read as: {names}"])


def _declared(field: Field) -> tuple[str, str, str, str]:
    blank = repr(field.fill) if isinstance(field.fill, str) else f"{field.fill:,}"
    width = f", of {field.width.upper()} bytes each" if field.width else ""
    stored = ""
    if field.stored:
        flag, mask, value = field.stored
        stored = f"{flag.upper()} & {mask} is {value}"
    return (
        f"as many as {field.count.upper()}{width}" if field.count else "",
        blank if field.fill_is_missing else "",
        f"{field.flag.upper()} bit {_bits(field.flag_mask)}" if field.flag else "",
        stored,
    )


def _bits(mask: int) -> str:
    return " or ".join(str(n) for n in range(8) if mask >> n & 1)


def _rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    grid = Grid(*rows[0], title=f"{title}: {len(rows):,}")
    for row in rows[:REFUSALS] if title == "refused" else rows:
        grid.add_row(*(_text(_cell(name, row[name])) for name in rows[0]))
    console().print(grid)


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_t"):
        # The tester's own clock: no zone is known.
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} local)"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        console().print(_text(line), soft_wrap=True)


def _text(raw: str) -> Text:
    # What a file or its name holds is neither markup nor a command to the terminal.
    return Text(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in raw)
    )
