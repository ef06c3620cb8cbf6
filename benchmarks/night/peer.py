"""What one might write in place of our night, for one machine: stdf-convert, DuckDB and Parquet.

It reads a landing zone whole, all of it in memory at once, and takes names, verdicts and valid
results by the rules of conf/base.yml. It trusts what it reads: no file is cut off, damaged or there
twice, and no lot is renamed.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import stdf_convert

from benchmarks.harness.clock import timed

ZONE = ZoneInfo("Asia/Seoul")
NOWHERE, NO_RUN = "-", 0
PADDING = r"^[\s\x00-\x1f\x7f\u00a0]+|[\s\x00-\x1f\x7f\u00a0]+$"
DECORATION = (r"^(WAFER|WFR|W|#)[-._ ]*(?=[0-9])", r"^0+(?=[0-9])")
INSERTION = re.compile(r"(CP|FT)[ _-]?([0-9]+)", re.IGNORECASE)
FACTORY = ("products", "lots", "wafers", "process_history", "pcm")
SITE = ("sequence_number", "HEAD_NUM", "SITE_NUM")
PART = (*SITE, "PART_FLG", "HARD_BIN", "SOFT_BIN", "X_COORD", "Y_COORD", "PART_ID")
TEST = (*SITE, "byte_offset", "TEST_NUM", "TEST_TXT", "TEST_FLG")
COLUMNS = {
    "MIR": ("LOT_ID", "SBLOT_ID", "JOB_NAM", "JOB_REV", "FLOW_ID", "TEST_COD", "START_T"),
    "WIR": ("sequence_number", "HEAD_NUM", "WAFER_ID", "START_T"),
    "PRR": PART,
    "PTR": (*TEST, "PARM_FLG", "RESULT"),
    "FTR": TEST,
    "MPR": (*TEST, "PARM_FLG", "RTN_RSLT"),
}
# A flag is a string of bits; the spec's masks are of numbers.
BYTE = "create macro byte(flag) as flag::bit::int"
VALID = "byte(test_flg) & 63 = 0 and byte(parm_flg) & 7 = 0"

TOUCHDOWNS = """
with parts as (
    select prr.*, coalesce(wir.sequence_number, 0) as run,
        row_number() over (partition by prr.file order by prr.sequence_number) - 1 as part_num
    from prr asof left join wir on prr.file = wir.file and prr.head_num = wir.head_num
        and prr.sequence_number > wir.sequence_number
), placed as (
    select * replace (nullif(x_coord, -32768) as x_coord, nullif(y_coord, -32768) as y_coord),
        case when byte(part_flg) & 16 = 0 then byte(part_flg) & 8 = 0 end as part_pass
    from parts join runs using (file, run)
), named as (
    select *, coalesce(x_coord || ',' || y_coord, sblot_id || '/' || nullif(part_id, ''),
        'part ' || file || '/' || part_num) as die_id
    from placed
), numbered as (
    select *, row_number() over (
        partition by lot_id, wafer_id, insertion, die_id order by started_at, file, part_num
    ) as touchdown_num,
    from named
)
select *,
    touchdown_num = coalesce(min(touchdown_num) filter (part_pass is not null) over die, 1)
        as is_first,
    touchdown_num = coalesce(max(touchdown_num) filter (part_pass is not null) over die,
        max(touchdown_num) over die) as is_final
from numbered window die as (partition by lot_id, wafer_id, insertion, die_id)
"""
WAFERS = """
with names as (
    select lot_id, wafer_id from touchdowns union select lot_id, wafer_id from fab_wafers
), known as (
    select lot_id, wafer_id, min(slot) as slot, true as is_known from fab_wafers group by all
), lots as (select lot_id, min(product_id) as product_id from fab_lots group by all)
select lot_id, wafer_id, slot, product_id, coalesce(is_known, false) as is_known,
    case when wafer_id <> '-' then gross_die end as gross_die
from names left join known using (lot_id, wafer_id) left join lots using (lot_id)
    left join fab_products using (product_id)
"""
# A test is of the part that ends next at its site; only the first of a file need say its name.
RESULTS = """
with names as (
    select file, test_num, arg_min(test_txt, sequence_number) as test_txt
    from {records} where test_txt <> '' group by all
), joined as (
    select tests.* exclude (test_txt), parts.* exclude (file, head_num, site_num, sequence_number)
    from {records} tests asof join touchdowns parts on tests.file = parts.file
        and tests.head_num = parts.head_num and tests.site_num = parts.site_num
        and tests.sequence_number < parts.sequence_number
)
select lot_id, wafer_id, product_id, insertion, test_program, test_program_rev,
    die_id, x_coord, y_coord, head_num, site_num, test_num, test_txt, {measured}
    case when byte(test_flg) & 64 = 0 then byte(test_flg) & 128 = 0 end as test_pass,
    touchdown_num, is_final, file, part_num, byte_offset as record_offset
from joined left join names using (file, test_num) join wafers using (lot_id, wafer_id)
"""
DIE_RESULTS = """
select lot_id, wafer_id, insertion, die_id, any_value(x_coord) as x_coord,
    any_value(y_coord) as y_coord, count(*) as touchdowns, min(started_at) as tested_at,
    any_value(part_pass) filter (is_first) as first_pass,
    any_value(part_pass) filter (is_final) as final_pass,
    any_value(hard_bin) filter (is_first) as first_hard_bin,
    any_value(soft_bin) filter (is_first) as first_soft_bin,
    any_value(hard_bin) filter (is_final) as final_hard_bin,
    any_value(soft_bin) filter (is_final) as final_soft_bin
from touchdowns group by lot_id, wafer_id, insertion, die_id
"""
WAFER_YIELD = """
with counts as (
    select lot_id, wafer_id, insertion, min(tested_at) as tested_at, count(*) as tested_die,
        count(*) filter (first_pass) as first_pass_die, count(*) filter (final_pass) as good_die,
        count(*) filter (not first_pass and final_pass) as recovered_die
    from die_results group by all
)
select *, 100 * first_pass_die / tested_die as first_pass_yield_pct,
    100 * good_die / tested_die as final_yield_pct,
    case when tested_die <= gross_die then 100 * good_die / gross_die end as gross_die_yield_pct
from counts join wafers using (lot_id, wafer_id)
"""
BIN_PARETO = """
with binned as (
    select *, unnest([{'bin_kind': 'H', 'bin_num': coalesce(final_hard_bin, -1)},
        {'bin_kind': 'S', 'bin_num': coalesce(final_soft_bin, -1)}], recursive := true)
    from die_results
), counts as (
    select lot_id, wafer_id, insertion, bin_kind, bin_num, count(*) as die,
        coalesce(bool_or(final_pass), false) as is_pass
    from binned group by all
)
select counts.*, product_id,
    100 * die / sum(die) over (partition by lot_id, wafer_id, insertion, bin_kind) as die_pct,
    row_number() over (partition by lot_id, wafer_id, insertion, bin_kind, is_pass
        order by die desc, bin_num) as bin_rank
from counts join wafers using (lot_id, wafer_id)
"""
PARAMETRIC_SUMMARY = """
select lot_id, wafer_id, product_id, insertion, test_program, test_program_rev, test_num, test_txt,
    count(*) as executed, count(result) as valid_results,
    count(*) filter (not test_pass) as failed, avg(result::double) as mean,
    stddev_samp(result::double) as sigma, min(result) as minimum, max(result) as maximum
from parametric_results where is_final group by all
"""
LAST_BEFORE_TEST = """
with tests as (
    select lot_id, wafer_id, insertion, min(started_at) as tested_at from touchdowns group by all
)
select insertion, events.*, count(*) over of_kind as visits
from {events} events join tests using (lot_id, wafer_id) where make_timestamp({at}) <= tested_at
window of_kind as (partition by lot_id, wafer_id, insertion, {kind})
qualify row_number() over (of_kind order by {at} desc) = 1
"""
MEASURED = f"{VALID} and isfinite(result) as valid, case when valid then result end as result,"
MEASURED_EACH = f"{VALID} as valid, case when valid then rtn_rslt end as results,"
VISIT = {"events": "fab_process_history", "kind": "process_step"}
# In this order, as the later ones read the earlier ones.
TABLES = {
    "touchdowns": TOUCHDOWNS,
    "wafers": WAFERS,
    "parametric_results": RESULTS.format(records="ptr", measured=MEASURED),
    "functional_results": RESULTS.format(records="ftr", measured=""),
    "multi_results": RESULTS.format(records="mpr", measured=MEASURED_EACH),
    "die_results": DIE_RESULTS,
    "wafer_yield": WAFER_YIELD,
    "bin_pareto": BIN_PARETO,
    "parametric_summary": PARAMETRIC_SUMMARY,
    "process_history_at_test": LAST_BEFORE_TEST.format(
        at="coalesce(ended_at, started_at)", **VISIT
    ),
    "pcm_at_test": LAST_BEFORE_TEST.format(events="fab_pcm", at="measured_at", kind="pcm_test"),
}
# By their names in our lake.
COUNTED = ("silver.parametric_results", "silver.die_results", "gold.wafer_yield")
SUMMED = ("tested_die", "first_pass_die", "good_die", "recovered_die")


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Write the tables of a landing zone to `root/peer`; tell their totals, as they were written.

    `told` has the rows of COUNTED, and the sums of SUMMED over all wafers and insertions.
    """
    root = Path(given["root"])
    _, taken = timed(lambda: _night(root))
    return {**taken, "told": _told(root)}


def _night(root: Path) -> None:
    (root / "peer").mkdir(exist_ok=True)
    with duckdb.connect() as base:
        base.execute(f"set temp_directory = '{root / 'peer' / 'spilled'}'")
        base.execute("set preserve_insertion_order = false")
        base.execute(BYTE)
        for name, table in {**_tested(root / "landing"), **_known(root / "fab.db")}.items():
            base.register(name, table)
        for name, query in TABLES.items():
            base.execute(f"copy ({query}) to '{_file(root, name)}'")
            base.execute(f"create view {name} as from '{_file(root, name)}'")


def _file(root: Path, table: str) -> Path:
    return root / "peer" / f"{table}.parquet"


def _told(root: Path) -> dict[str, int]:
    files = [_file(root, name.rpartition(".")[2]) for name in COUNTED]
    rows = [f"(select count(*) from '{file}')" for file in files]
    sums = [f"sum({name})::bigint" for name in SUMMED]
    query = f"select {', '.join(rows + sums)} from '{_file(root, 'wafer_yield')}'"
    found = duckdb.execute(query).fetchone() or ()
    return dict(zip(COUNTED + SUMMED, found, strict=True))


def _tested(landing: Path) -> dict[str, pa.Table]:
    """The records of all files, numbered by file, and the wafer runs that they are of."""
    paths = sorted((landing / "stdf").rglob("*.stdf.gz"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = list(pool.map(_read, range(len(paths)), paths))
    tables = {kind.lower(): pa.concat_tables(file[kind] for file in read) for kind in COLUMNS}
    runs = [run for file in read for run in _runs(file["MIR"], file["WIR"])]
    return {**tables, "runs": pa.Table.from_pylist(runs)}


def _read(number: int, path: Path) -> dict[str, pa.Table]:
    found = stdf_convert.tables(path, list(COLUMNS))
    return {kind: _slim(found, kind, number) for kind in COLUMNS}


def _slim(found: dict[str, pa.Table], kind: str, number: int) -> pa.Table:
    # A kind that no record of the file is of has no table.
    table = found.get(kind, stdf_convert.schema(kind).empty_table()).select(COLUMNS[kind])
    table = table.rename_columns([name.lower() for name in COLUMNS[kind]])
    return table.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), table.num_rows))


def _runs(mir: pa.Table, wir: pa.Table) -> Iterator[dict[str, Any]]:
    """A row per WIR, and one for parts before any, as those of final test are."""
    session = mir.to_pylist()[0]
    lot_id = _lot(session["lot_id"])
    outside = {"sequence_number": NO_RUN, "wafer_id": "", "start_t": 0}
    for start in [outside, *wir.to_pylist()]:
        yield {
            "file": session["file"],
            "run": start["sequence_number"],
            "lot_id": lot_id,
            "wafer_id": _wafer(start["wafer_id"], lot_id),
            "sblot_id": session["sblot_id"],
            "insertion": _insertion(session),
            "test_program": session["job_nam"],
            "test_program_rev": session["job_rev"],
            "started_at": _utc(start["start_t"] or session["start_t"]),
        }


def _known(database: Path) -> dict[str, pa.Table]:
    """The factory's tables, `fab_` before their names, with lots and wafers as they are here."""
    with closing(sqlite3.connect(database)) as source:
        return {f"fab_{name}": _factory_table(source, name) for name in FACTORY}


def _factory_table(source: sqlite3.Connection, name: str) -> pa.Table:
    rows = source.execute(f"select * from {name}")
    names = [column[0] for column in rows.description]
    values = list(zip(*rows, strict=True)) or [()] * len(names)
    columns = dict(zip(names, values, strict=True))
    if "lot_id" in columns:
        columns["lot_id"] = tuple(map(_lot, columns["lot_id"]))
    if "wafer_id" in columns:
        columns["wafer_id"] = tuple(map(_wafer, columns["wafer_id"], columns["lot_id"]))
    return pa.table(columns)


def _lot(raw: str | None) -> str:
    return _trimmed(raw).upper() or NOWHERE


@cache
def _wafer(raw: str | None, lot_id: str) -> str:
    name = _trimmed(raw).upper()
    for pattern in (rf"^{re.escape(lot_id)}[-._ ]+(?=.)", *DECORATION):
        name = re.sub(pattern, "", name)
    return name.zfill(2) if re.fullmatch("[0-9]", name) else name or NOWHERE


def _trimmed(raw: str | None) -> str:
    return re.sub(PADDING, "", raw or "")


def _insertion(session: dict[str, Any]) -> str:
    asked = (INSERTION.fullmatch(_trimmed(session[name])) for name in ("flow_id", "test_cod"))
    found = next(filter(None, asked), None)
    return "".join(found.groups()).upper() if found else "CP1"


def _utc(seconds: int) -> datetime | None:
    """When a clock of the testers' zone shows so many seconds, as DuckDB has times: without one."""
    if not seconds:
        return None
    shown = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=ZONE)
    return shown.astimezone(UTC).replace(tzinfo=None)
