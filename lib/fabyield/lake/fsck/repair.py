"""Repairs that lose nothing."""

import json
import time
from collections.abc import Iterable

from fabyield.lake.delta_log import Action, DeltaLog, DeltaLogError, State
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.storage import exists, located, read_text, write_text


def mend(findings: Iterable[Finding]) -> None:
    """Do what can be done by itself; the rest is left to a person."""
    for finding in findings:
        if finding.mend is not None:
            finding.mend()


def remove(*files: str) -> None:
    """Delete `files`, and the checksums that Hadoop keeps beside them on a disk."""
    for file in files:
        folder, _, name = file.rpartition("/")
        for uri in (file, f"{folder}/.{name}.crc"):
            if exists(uri):
                system, path = located(uri)
                system.delete_file(path)


def rewrite(file: str, text: str) -> None:
    """Write `text` to `file` in the place of what is damaged there."""
    remove(file)
    write_text(file, text)


def rebuilt(log: DeltaLog, version: int) -> str:
    """The commit of `version`, the newest, from what its checksum file says of the table then.

    Empty where that file does not list the table's files, as of large tables, or where the commit
    did more than to add and remove files.
    """
    try:
        told = json.loads(read_text(f"{log.folder}/{version:020d}.crc"))
        before = log.state(version - 1)
    except (ValueError, OSError, DeltaLogError):
        return ""
    files: dict[str, Action] = {add["path"]: add for add in told.get("allFiles") or []}
    if len(files) != told["numFiles"] or not _is_same_table(told, before):
        return ""
    now = int(time.time() * 1000)
    actions: list[Action] = [{"commitInfo": {"timestamp": now, "operation": "RESTORED BY FSCK"}}]
    actions += [
        {"txn": txn}
        for txn in told.get("setTransactions") or []
        if before.transactions.get(txn["appId"]) != txn["version"]
    ]
    actions += [_removed(f.path, f.size, now) for f in before.files.values() if f.path not in files]
    added = [add for path, add in files.items() if path not in before.files]
    actions += [{"add": {**add, "dataChange": True}} for add in added]
    return "".join(json.dumps(action) + "\n" for action in actions)


def _is_same_table(told: Action, before: State) -> bool:
    after = State()
    after.apply({"metaData": told["metadata"]})
    for domain in told.get("domainMetadata") or []:
        after.apply({"domainMetadata": domain})
    now, then = ((state.schema, state.properties, state.clustered_by) for state in (after, before))
    return now == then


def _removed(path: str, size: int, at: int) -> Action:
    return {"remove": {"path": path, "size": size, "deletionTimestamp": at, "dataChange": True}}
