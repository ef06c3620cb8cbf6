"""Check that a table's Delta log is whole: commits, checkpoints, and the pointer to them."""

import json
from collections.abc import Callable, Iterator
from functools import partial

from fabyield.lake.delta_log import DeltaLog, DeltaLogError, commit_actions, missing_columns
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.fsck.parquet_pages import damage
from fabyield.lake.fsck.repair import rebuilt_commit, remove, rewrite
from fabyield.lake.fsck.run_history import RESTORE, Write
from fabyield.lake.storage import read_text

POINTER = "_last_checkpoint"


def check_log(table: str, log: DeltaLog, writes: list[Write]) -> Iterator[Finding]:
    """Check the files of `log`, and that it has all `writes` that ops.runs has recorded."""
    yield from _check_pointer(table, log)
    yield from _check_checkpoints(table, log)
    yield from _check_commits(table, log, writes)
    if lost := [write for write in writes if write.version > log.version]:
        last = lost[-1]
        yield Finding(
            table,
            f"newest version is {log.version}, but ops.runs says that {last} reached "
            f"{last.version}: all commits after {log.version} are lost",
            log.commit_file(last.version),
            f"{RESTORE}, all commits from {log.version + 1} on, before anything writes the table",
        )


def _check_pointer(table: str, log: DeltaLog) -> Iterator[Finding]:
    if POINTER not in log.names:
        return
    file = f"{log.folder}/{POINTER}"
    try:
        version = json.loads(read_text(file))["version"]
        what = f"names checkpoint {version}, which is missing; delta-rs cannot open the table"
        if version in log.checkpoints:
            return
    except (ValueError, KeyError, TypeError, OSError) as error:
        what = f"is no pointer to a checkpoint: {error}"
    repair = "delete it; the log is whole without it"
    yield Finding(table, what, file, repair, partial(remove, file))


def _check_checkpoints(table: str, log: DeltaLog) -> Iterator[Finding]:
    for version, files in log.checkpoints.items():
        for file in files:
            if reason := damage(file, wrong=missing_columns):
                what = f"checkpoint is damaged: {reason}"
                yield Finding(table, what, file, *_without_checkpoint(log, version))


def _check_commits(table: str, log: DeltaLog, writes: list[Write]) -> Iterator[Finding]:
    recorded = {write.version: write for write in writes}
    if log.version < 0:
        return
    for version in range(min(log.commits, default=log.version), log.version + 1):
        try:
            commit_actions(log.commit_file(version))
        except DeltaLogError as error:
            yield _broken_commit(table, log, version, error, recorded.get(version))


def _without_checkpoint(log: DeltaLog, version: int) -> tuple[str, Callable[[], None] | None]:
    """Return the repair for a damaged checkpoint, and its function if the other files suffice."""
    files = [*log.checkpoints[version], *([f"{log.folder}/{POINTER}"] * (POINTER in log.names))]
    try:
        DeltaLog(log.uri, without=version).state()
    except DeltaLogError:
        return f"{RESTORE}: the commits before it are gone", None
    return f"delete {' and '.join(files)}; the commits contain the same", partial(remove, *files)


def _broken_commit(
    table: str, log: DeltaLog, version: int, error: DeltaLogError, write: Write | None
) -> Finding:
    lost = f" ({write})" if write else ""
    what = f"commit {version}{lost} {error.reason}"
    if version <= next(iter(log.checkpoints), -1):
        what += "; a checkpoint has the rows of newer versions"
        repair = f"{RESTORE}; until then older versions are unreadable"
        return Finding(table, what, error.file, repair)
    if "empty" in error.reason:
        what += ": Spark, DuckDB and delta-rs silently show the table without it"
    if version < log.version:
        repair = f"{RESTORE}; do not delete it: later commits follow"
        return Finding(table, what, error.file, repair)
    if commit := rebuilt_commit(log, version):
        repair = f"fabyield fsck {table} --repair restores it from {version:020d}.crc beside it"
        return Finding(table, what, error.file, repair, partial(rewrite, error.file, commit))
    return Finding(table, what, error.file, f"{RESTORE}, before anything writes the table")
