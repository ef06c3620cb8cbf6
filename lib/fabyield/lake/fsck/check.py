"""All checks of a table, in the order in which one stands on the other."""

from collections.abc import Iterator

from fabyield.lake.delta_log import DeltaLog, DeltaLogError, State
from fabyield.lake.fsck.data_files import Contents
from fabyield.lake.fsck.delta_logs import (
    check_checkpoints,
    check_commits,
    check_pointer,
    check_recorded,
)
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.fsck.run_history import Write, writes
from fabyield.lake.table import Table
from fabyield.settings.sections import Maintain


def check(
    lake: str, tables: list[Table], maintain: Maintain, deep: bool = False
) -> Iterator[Finding]:
    """Look for damage in `tables` of `lake`; `deep`: read every page of every data file."""
    recorded = writes(lake)
    for table in tables:
        uri = f"{lake}/{table.folder}"
        yield from _check(table, uri, recorded.get(table.table, []), maintain, deep)


def _check(
    table: Table, uri: str, writes: list[Write], maintain: Maintain, deep: bool
) -> Iterator[Finding]:
    log = DeltaLog(uri)
    found = [
        *check_pointer(table.table, log),
        *check_checkpoints(table.table, log),
        *check_commits(table.table, log, writes),
        *check_recorded(table.table, log, writes),
    ]
    yield from found
    if (state := _readable(log)) is None:
        return
    contents = Contents(table, uri, state, writes)
    yield from contents.check_schema()
    yield from contents.check_files(deep)
    if not found:
        # Files of a commit that is lost look like leftovers.
        yield from contents.check_leftovers(maintain.keep_days + maintain.vacuum_every_days)


def _readable(log: DeltaLog) -> State | None:
    """The newest state that can be read, or the one before it; None where neither can."""
    for version in (log.version, log.version - 1):
        try:
            return log.state(version) if version >= 0 else None
        except DeltaLogError:
            continue
    return None
