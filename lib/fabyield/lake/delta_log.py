"""Read the log of a Delta table, without Spark and without the table's data."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from fabyield.errors import FabYieldError
from fabyield.lake.storage import listed, read_text, resolve_uri

COMMIT = re.compile(r"([0-9]{20})\.json")
CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint(?:\.[0-9]{10}\.([0-9]{10}))?\.parquet")
# The columns of a checkpoint to read: the bounds, most of its bytes, are not needed here.
COLUMNS = [
    *("add.path", "add.size", "add.stats", "add.tags"),
    *("metaData.configuration", "metaData.schemaString"),
    *("domainMetadata.domain", "domainMetadata.configuration", "txn.appId", "txn.version"),
]
Action = dict[str, Any]


class DeltaLogError(FabYieldError):
    """A file of a log is missing or cannot be read; `file` is its path or URI."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.reason = file, reason


@dataclass(frozen=True)
class DataFile:
    """A Parquet file: `path` as the log spells it, `rows` None if the log does not count them."""

    path: str
    size: int
    rows: int | None
    is_clustered: bool


@dataclass
class State:
    """A table at one version; `files` are by path."""

    files: dict[str, DataFile] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    schema: Action = field(default_factory=dict)
    clustered_by: list[str] = field(default_factory=list)
    transactions: dict[str, int] = field(default_factory=dict)

    def apply(self, action: Action) -> None:
        """Change the state as `action` of the log says."""
        if add := action.get("add"):
            rows = json.loads(add.get("stats") or "{}").get("numRecords")
            is_clustered = "ZCUBE_ID" in dict(add.get("tags") or {})
            self.files[add["path"]] = DataFile(add["path"], add["size"], rows, is_clustered)
        if remove := action.get("remove"):
            self.files.pop(remove["path"], None)
        if meta := action.get("metaData"):
            self.properties = dict(meta.get("configuration") or {})
            self.schema = json.loads(meta["schemaString"])
        if txn := action.get("txn"):
            self.transactions[txn["appId"]] = txn["version"]
        domain = action.get("domainMetadata") or {}
        if domain.get("domain") == "delta.clustering":
            columns = json.loads(domain["configuration"])["clusteringColumns"]
            self.clustered_by = [".".join(parts) for parts in columns]


@dataclass(frozen=True)
class DeltaLog:
    """The log of the table at `uri`, listed once; ignores the checkpoint of version `without`."""

    uri: str
    without: int | None = None

    @property
    def folder(self) -> str:
        """Return where the log is stored."""
        return f"{self.uri}/_delta_log"

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the log's files."""
        return frozenset(listed(self.folder))

    @cached_property
    def commits(self) -> list[int]:
        """Return the versions that have a commit file, in order."""
        return sorted(int(found[1]) for name in self.names if (found := COMMIT.fullmatch(name)))

    @cached_property
    def checkpoints(self) -> dict[int, list[str]]:
        """Return the files of each complete checkpoint by version, the newest first."""
        found: dict[int, list[str]] = {}
        parts: dict[int, int] = {}
        for name in sorted(self.names):
            if match := CHECKPOINT.fullmatch(name):
                found.setdefault(int(match[1]), []).append(f"{self.folder}/{name}")
                parts[int(match[1])] = int(match[2] or 1)
        whole = [v for v in found if len(found[v]) == parts[v] and v != self.without]
        return {version: found[version] for version in sorted(whole, reverse=True)}

    @property
    def version(self) -> int:
        """Return the newest version; -1 if there is no table."""
        return max([*self.commits[-1:], *list(self.checkpoints)[:1]], default=-1)

    @property
    def was_never_committed(self) -> bool:
        """Return whether there is only what a writer leaves behind before its first commit."""
        return all(name.startswith(".") or name == "_staged_commits" for name in self.names)

    def commit_file(self, version: int) -> str:
        """Return where the commit of `version` is stored."""
        return f"{self.folder}/{version:020d}.json"

    def changed_since(self, version: int) -> bool:
        """Return whether rows changed after `version` (-1: no table); True if that is unknown."""
        if self.version < version:
            return True
        files = map(self.commit_file, range(version + 1, self.version + 1))
        try:
            return any(_is_change(action) for file in files for action in commit_actions(file))
        except DeltaLogError:
            return True

    def changed_files(self, version: int) -> list[str]:
        """Return the relative paths of the files that contain the rows changed after `version`."""
        commits = range(version + 1, self.version + 1)
        return [p for v in commits for p in _files_of(commit_actions(self.commit_file(v)))]

    def state(self, until: int | None = None) -> State:
        """Return the table at version `until` or the newest; raise DeltaLogError for damage."""
        end = self.version if until is None else until
        start = next((version for version in self.checkpoints if version <= end), -1)
        commits = map(self.commit_file, range(start + 1, end + 1))
        checkpoint = map(checkpoint_actions, self.checkpoints.get(start, []))
        state = State()
        for action in chain.from_iterable(chain(checkpoint, map(commit_actions, commits))):
            state.apply({kind: action[kind] for kind in action if _is_set(action[kind])})
        return state


def commit_actions(file: str) -> list[Action]:
    """Return the actions of a commit; raise DeltaLogError if it is missing or damaged."""
    try:
        # splitlines() would also split at characters that names in bounds may have.
        lines = read_text(file).split("\n")
        actions = [json.loads(line) for line in lines if line.strip()]
    except FileNotFoundError as error:
        raise DeltaLogError(file, "is missing") from error
    except (ValueError, OSError) as error:
        raise DeltaLogError(file, f"cannot be read: {error}") from error
    if not actions or not all(isinstance(action, dict) for action in actions):
        raise DeltaLogError(file, "is empty" if not actions else "has a line that is no action")
    return actions


def checkpoint_actions(file: str) -> Iterator[Action]:
    """Yield the actions of a checkpoint; raise DeltaLogError if it is damaged."""
    try:
        system, path = resolve_uri(file)
        with system.open_input_file(path) as stream:
            checkpoint = pq.ParquetFile(stream, page_checksum_verification=True)
            if missing := missing_columns(checkpoint):
                raise DeltaLogError(file, missing)
            yield from checkpoint.read(COLUMNS).to_pylist(maps_as_pydicts="strict")
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise DeltaLogError(file, f"cannot be read: {error}") from error


def missing_columns(checkpoint: pq.ParquetFile) -> str:
    """Return which columns `checkpoint` lacks: names have no checksum, so they may be damaged."""
    paths = (checkpoint.schema.column(i).path for i in range(len(checkpoint.schema)))
    # Some tables have no statistics.
    missing = {*COLUMNS} - {"add.stats", *(".".join(path.split(".")[:2]) for path in paths)}
    return f"has no column {', '.join(sorted(missing))}" if missing else ""


def _is_change(action: Action) -> bool:
    kinds = [action.get(kind) for kind in ("add", "remove")]
    return "cdc" in action or any(kind and kind.get("dataChange", True) for kind in kinds)


def _files_of(actions: Sequence[Action]) -> list[str]:
    """Return the change files of a commit, which have all changes; without any, the others."""
    changes = [action["cdc"]["path"] for action in actions if "cdc" in action]
    files = (action.get("add") or action.get("remove") for action in actions)
    return changes or [file["path"] for file in files if file and file.get("dataChange", True)]


def _is_set(action: object) -> bool:
    # A struct that is null in Parquet may be read as one whose fields are null.
    return bool(action) and (not isinstance(action, dict) or any(action.values()))
