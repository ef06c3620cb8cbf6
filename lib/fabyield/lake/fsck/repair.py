"""Repair damage where no row can be lost."""

import json
import time
from collections.abc import Iterable

from fabyield.lake.delta_log import Action, DeltaLog, DeltaLogError, State
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.storage import exists, read_text, resolve_uri, write_text


def fix_all(findings: Iterable[Finding]) -> None:
    """Repair the findings that can be repaired without a decision."""
    for finding in findings:
        if finding.fix is not None:
            finding.fix()


def remove(*files: str) -> None:
    """Delete `files`, and the checksum files that Hadoop keeps beside them on a disk."""
    for file in files:
        folder, _, name = file.rpartition("/")
        for uri in (file, f"{folder}/.{name}.crc"):
            if exists(uri):
                system, path = resolve_uri(uri)
                system.delete_file(path)


def rewrite(file: str, text: str) -> None:
    """Replace the damaged `file` by `text`."""
    remove(file)
    write_text(file, text)


def rebuilt_commit(log: DeltaLog, version: int) -> str:
    """Rebuild the newest commit from its checksum file; return an empty text if impossible."""
    try:
        checksum = json.loads(read_text(f"{log.folder}/{version:020d}.crc"))
        before = log.state(version - 1)
    except (ValueError, OSError, DeltaLogError):
        return ""
    files: dict[str, Action] = {add["path"]: add for add in checksum.get("allFiles") or []}
    if len(files) != checksum["numFiles"] or not _is_same_table(checksum, before):
        return ""
    now = int(time.time() * 1000)
    actions: list[Action] = [{"commitInfo": {"timestamp": now, "operation": "RESTORED BY FSCK"}}]
    actions += [
        {"txn": txn}
        for txn in checksum.get("setTransactions") or []
        if before.transactions.get(txn["appId"]) != txn["version"]
    ]
    actions += [
        {"remove": {"path": path, "size": f.size, "deletionTimestamp": now, "dataChange": True}}
        for path, f in before.files.items()
        if path not in files
    ]
    added = [add for path, add in files.items() if path not in before.files]
    actions += [{"add": {**add, "dataChange": True}} for add in added]
    return "".join(json.dumps(action) + "\n" for action in actions)


def _is_same_table(checksum: Action, before: State) -> bool:
    after = State()
    after.apply({"metaData": checksum["metadata"]})
    for domain in checksum.get("domainMetadata") or []:
        after.apply({"domainMetadata": domain})
    now, then = ((state.schema, state.properties, state.clustered_by) for state in (after, before))
    return now == then
