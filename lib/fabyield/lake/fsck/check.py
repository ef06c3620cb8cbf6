"""Run all checks of a table, each after those that it relies on."""

from collections.abc import Iterator

from fabyield.lake.delta_log import DeltaLog, DeltaLogError, State
from fabyield.lake.fsck.data_files import DataFiles
from fabyield.lake.fsck.delta_logs import (
    check_checkpoints,
    check_commits,
    check_pointer,
    check_recorded,
)
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.fsck.run_history import Write, writes
from fabyield.lake.table import Table
from fabyield.settings.settings import Maintain


def check(
    lake: str, tables: list[Table], maintain: Maintain, deep: bool = False
) -> Iterator[Finding]:
    """Look for damage in `tables` of `lake`; `deep` reads every page of every data file."""
    recorded = writes(lake)
    for table in tables:
        log = DeltaLog(f"{lake}/{table.folder}")
        yield from _check(table, log, recorded.get(table.table, []), maintain, deep)


def _check(
    table: Table, log: DeltaLog, writes: list[Write], maintain: Maintain, deep: bool
) -> Iterator[Finding]:
    found = [
        *check_pointer(table.table, log),
        *check_checkpoints(table.table, log),
        *check_commits(table.table, log, writes),
        *check_recorded(table.table, log, writes),
    ]
    yield from found
    if (state := _newest_readable_state(log)) is None:
        return
    files = DataFiles(table, log.uri, state, writes)
    yield from files.check_schema()
    yield from files.check_files(deep)
    if not found:
        # Files of a commit that is lost look like leftovers.
        yield from files.check_leftovers(maintain.keep_days + maintain.vacuum_every_days)


def _newest_readable_state(log: DeltaLog) -> State | None:
    for version in (log.version, log.version - 1):
        try:
            return log.state(version) if version >= 0 else None
        except DeltaLogError:
            continue
    return None
