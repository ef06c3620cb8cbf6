"""Whether a table's Delta log is whole: commits, checkpoints, and what points to them."""

import json
from collections.abc import Callable, Iterator
from functools import partial

from fabyield.lake.delta_log import DeltaLog, DeltaLogError, commit_actions, lacking
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.fsck.parquet_pages import damage
from fabyield.lake.fsck.repair import rebuilt, remove, rewrite
from fabyield.lake.fsck.run_history import NEVER, Write
from fabyield.lake.storage import read_text

POINTER = "_last_checkpoint"


def check_pointer(table: str, log: DeltaLog) -> Iterator[Finding]:
    """Whether _last_checkpoint names a checkpoint that is there."""
    if POINTER not in log.names:
        return
    file = f"{log.folder}/{POINTER}"
    try:
        version = json.loads(read_text(file))["version"]
        what = f"names checkpoint {version}, which is not there; delta-rs cannot open the table"
        if version in log.checkpoints:
            return
    except (ValueError, KeyError, TypeError, OSError) as error:
        what = f"is no pointer to a checkpoint: {error}"
    yield Finding(
        table, what, file, "delete it; the log is whole without it", partial(remove, file)
    )


def check_checkpoints(table: str, log: DeltaLog) -> Iterator[Finding]:
    """Whether every checkpoint can be read, and the log without those that cannot."""
    for version, files in log.checkpoints.items():
        for file in files:
            if reason := damage(file, wrong=lacking):
                yield Finding(
                    table, f"checkpoint is damaged: {reason}", file, *_without(log, version)
                )


def check_commits(table: str, log: DeltaLog, writes: list[Write]) -> Iterator[Finding]:
    """Whether every commit can be read, and none is missing between the first and the last."""
    recorded = {write.version: write for write in writes}
    if log.version < 0:
        return
    for version in range(min(log.commits, default=log.version), log.version + 1):
        try:
            commit_actions(log.commit_file(version))
        except DeltaLogError as error:
            yield _broken_commit(table, log, version, error, recorded.get(version))


def check_recorded(table: str, log: DeltaLog, writes: list[Write]) -> Iterator[Finding]:
    """Whether the table has all versions that steps say they reached."""
    lost = [write for write in writes if write.version > log.version]
    if lost:
        last = lost[-1]
        yield Finding(
            table,
            f"newest version is {log.version}, but ops.runs says that {last} reached "
            f"{last.version}: what came after {log.version} is lost",
            log.commit_file(last.version),
            f"{NEVER}, all commits from {log.version + 1} on and before anything writes the table",
        )


def _without(log: DeltaLog, version: int) -> tuple[str, Callable[[], None] | None]:
    """How to do without the checkpoint of `version`, if older ones and the commits suffice."""
    files = [*log.checkpoints[version], *([f"{log.folder}/{POINTER}"] * (POINTER in log.names))]
    try:
        DeltaLog(log.uri, without=version).state()
    except DeltaLogError:
        return f"{NEVER}: the commits before it are gone", None
    return f"delete {' and '.join(files)}; the commits tell the same", partial(remove, *files)


def _broken_commit(
    table: str, log: DeltaLog, version: int, error: DeltaLogError, write: Write | None
) -> Finding:
    lost = f" ({write})" if write else ""
    what = f"commit {version}{lost} {error.reason}"
    if version <= next(iter(log.checkpoints), -1):
        what += "; the rows of newer versions stand in a checkpoint"
        return Finding(
            table, what, error.file, f"{NEVER}; until then older versions are unreadable"
        )
    if "empty" in error.reason:
        what += ": Spark, DuckDB and delta-rs show the table without it, and say nothing"
    if version < log.version:
        return Finding(table, what, error.file, f"{NEVER}; do not delete it: later commits follow")
    if commit := rebuilt(log, version):
        repair = f"fabyield fsck {table} --repair writes it again from {version:020d}.crc beside it"
        return Finding(table, what, error.file, repair, partial(rewrite, error.file, commit))
    return Finding(table, what, error.file, f"{NEVER}, before anything writes the table")
