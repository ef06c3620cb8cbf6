"""What the commands `fabyield stdf ...` print, and the rules that they use; slow to import."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Grid
from rich.text import Text

from fabyield.cli.console import console
from fabyield.settings.settings import Settings
from fabyield.stdf.spec.records import Field, Record
from fabyield.stdf.tools.check import Checked
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.retest import PartRules
from fabyield.stdf.tools.to_parquet import NAMES, Exported

REFUSALS = 20


def decisions(conf: str, retest_rule: str | None) -> tuple[Naming, PartRules]:
    """Return how the fab spells lots, wafers and insertions, and its rules of parts."""
    fab = Settings.load(conf).fab
    insertions = fab.insertion_rules, fab.default_insertion
    naming = Naming(fab.wafer_id_rules, *insertions, fab.lot_id_rules)
    origin = fab.part_origin_rule["column"], fab.part_origin_rule["pattern"]
    rules = PartRules(retest_rule or fab.retest_rule, *origin, fab.engineering_modes)
    return naming, rules


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], object]]:
    """Show a progress bar if standard error is a terminal."""
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    with bar:
        task = bar.add_task("test results", total=total)
        yield lambda rows: bar.advance(task, rows)


def print_info(found: Mapping[str, Any]) -> None:
    """Print the facts of `info` about one file."""
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


def print_export(done: Exported, out: Path) -> None:
    """Print what `to-parquet` has written."""
    columns = ("file", "touch-downs", "results", "refused", "MPR and FTR left out")
    title = f"{', '.join(f'{name}.parquet' for name in NAMES)} in {out}"
    grid = Grid(*columns, title=_text(title))
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
            f"{done.changed_tests:,} tests have different units, scales or limits in a later file; "
            "tests.parquet has those of the first file"
        )
    _lines(lines)


def print_check(found: Sequence[Checked]) -> None:
    """Print the differences that `check` found, then the records that agree."""
    grid = Grid("file", "record", "place", "counted", "counted by", "claimed")
    for one in found:
        for row in one.differences:
            counts = f"{row.counted:,}", row.basis, f"{row.claimed:,}"
            grid.add_row(_text(one.path), row.record, _text(row.place), *counts)
    if grid.row_count:
        console().print(grid)
    for one in found:
        agreed = ", ".join(f"{record} (by {basis})" for record, basis in one.agreed.items())
        differ = f"{len(one.differences):,} differences; " if one.differences else ""
        _lines([f"{one.path}: {differ}agreed: {agreed or 'nothing, the file has no counts'}"])
        _lines(f"{one.path}: {remark}" for remark in one.remarks)


def print_layout(record: Record) -> None:
    """Print the fields of a record in the order in which they are stored."""
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
        _lines([f"{record.name} of another layout is read as: {names}"])


def _declared(field: Field) -> tuple[str, str, str, str]:
    blank = repr(field.fill) if isinstance(field.fill, str) else f"{field.fill:,}"
    width = f", of {field.width.upper()} bytes each" if field.width else ""
    bits = " or ".join(str(n) for n in range(8) if field.flag_mask >> n & 1)
    flag, mask, value = field.stored or ("", 0, 0)
    return (
        f"as many as {field.count.upper()}{width}" if field.count else "",
        blank if field.fill_is_missing else "",
        f"{field.flag.upper()} bit {bits}" if field.flag else "",
        f"{flag.upper()} & {mask} is {value}" if field.stored else "",
    )


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
        # By the tester's clock, whose time zone is unknown.
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} local)"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        console().print(_text(line), soft_wrap=True)


def _text(raw: str) -> Text:
    # Text from a file must not act as markup or steer the terminal.
    return Text(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in raw)
    )
