"""What a Delta table's log says of it, read without Spark and without its data."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import pyarrow.parquet as pq
from pyarrow import ArrowException

from fabyield.errors import FabYieldError
from fabyield.lake.storage import listed, located, read_text

COMMIT = re.compile(r"([0-9]{20})\.json")
CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint(?:\.[0-9]{10}\.([0-9]{10}))?\.parquet")
STAGED = "_staged_commits"
CLUSTERING = "delta.clustering"
CUBE = "ZCUBE_ID"
# What is read of a checkpoint; bounds of columns are most of its bytes, and nobody here asks them.
COLUMNS = [
    *("add.path", "add.size", "add.stats", "add.tags"),
    *("metaData.configuration", "metaData.schemaString"),
    *("domainMetadata.domain", "domainMetadata.configuration", "txn.appId", "txn.version"),
]
# Some tables do without statistics.
NEEDED = {*COLUMNS} - {"add.stats"}
Action = dict[str, Any]


class DeltaLogError(FabYieldError):
    """A file of a log cannot be read, or is missing; `file` is its path or URI."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.reason = file, reason


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table; `path` is as the log has it, `rows` None where it is silent."""

    path: str
    size: int
    rows: int | None
    is_clustered: bool

    @classmethod
    def of(cls, add: Action) -> Self:
        """The file that an `add` action names."""
        rows = json.loads(add.get("stats") or "{}").get("numRecords")
        return cls(add["path"], add["size"], rows, CUBE in dict(add.get("tags") or {}))


@dataclass
class State:
    """A table at a version: its files by path, its properties, its clustering columns."""

    files: dict[str, DataFile] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    schema: Action = field(default_factory=dict)
    clustered_by: list[str] = field(default_factory=list)
    transactions: dict[str, int] = field(default_factory=dict)

    def apply(self, action: Action) -> None:
        """Let `action` of the log happen."""
        if add := action.get("add"):
            self.files[add["path"]] = DataFile.of(add)
        if remove := action.get("remove"):
            self.files.pop(remove["path"], None)
        if meta := action.get("metaData"):
            self.properties = dict(meta.get("configuration") or {})
            self.schema = json.loads(meta["schemaString"])
        if txn := action.get("txn"):
            self.transactions[txn["appId"]] = txn["version"]
        domain = action.get("domainMetadata") or {}
        if domain.get("domain") == CLUSTERING:
            columns = json.loads(domain["configuration"])["clusteringColumns"]
            self.clustered_by = [".".join(parts) for parts in columns]


@dataclass(frozen=True)
class DeltaLog:
    """The log of the table at `uri`, as it is when it is first looked at.

    The checkpoint of version `without` is passed over.
    """

    uri: str
    without: int | None = None

    @property
    def folder(self) -> str:
        """Where the log is stored."""
        return f"{self.uri}/_delta_log"

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the log's files."""
        return frozenset(listed(self.folder))

    @cached_property
    def commits(self) -> list[int]:
        """The versions whose commits are there, in order."""
        return sorted(int(found[1]) for name in self.names if (found := COMMIT.fullmatch(name)))

    @cached_property
    def checkpoints(self) -> dict[int, list[str]]:
        """The files of each checkpoint by its version, the newest first; only whole ones."""
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
        """The newest version; -1 where there is no table."""
        return max([*self.commits[-1:], *list(self.checkpoints)[:1]], default=-1)

    @property
    def was_never_committed(self) -> bool:
        """Whether there is nothing but what a writer leaves behind before its first commit."""
        return all(name.startswith(".") or name == STAGED for name in self.names)

    def commit_file(self, version: int) -> str:
        """Where the commit of `version` is stored."""
        return f"{self.folder}/{version:020d}.json"

    def changed_since(self, version: int) -> bool:
        """Whether rows came, changed or left since `version`, which may be -1 for no table.

        Also where that cannot be told, as the table was made anew or its commits are gone.
        """
        if self.version < version:
            return True
        files = map(self.commit_file, range(version + 1, self.version + 1))
        try:
            return any(_is_change(action) for file in files for action in commit_actions(file))
        except DeltaLogError:
            return True

    def changed_files(self, version: int) -> list[str]:
        """The files that hold every row that came, changed or left since `version`.

        Relative to the table, as the log spells them; rows that stayed may be in them as well.
        Raises DeltaLogError where a commit is damaged or gone.
        """
        commits = range(version + 1, self.version + 1)
        return [p for v in commits for p in _changed(commit_actions(self.commit_file(v)))]

    def state(self, until: int | None = None) -> State:
        """The table at version `until`, or at its newest.

        Raises DeltaLogError where a file of the log that this takes is damaged or missing.
        """
        end = self.version if until is None else until
        start = next((version for version in self.checkpoints if version <= end), -1)
        state = State()
        for file in self.checkpoints.get(start, []):
            _replay(state, checkpoint_actions(file))
        for version in range(start + 1, end + 1):
            _replay(state, commit_actions(self.commit_file(version)))
        return state


def commit_actions(file: str) -> list[Action]:
    """The actions of a commit; raises DeltaLogError where there is none that can be read."""
    try:
        # Not by splitlines(), which ends a line at characters that names in bounds may have.
        lines = read_text(file).split("\n")
        actions = [json.loads(line) for line in lines if line.strip()]
    except FileNotFoundError as error:
        raise DeltaLogError(file, "is missing") from error
    except (ValueError, OSError) as error:
        raise DeltaLogError(file, f"cannot be read: {error}") from error
    if not actions or not all(isinstance(action, dict) for action in actions):
        raise DeltaLogError(file, "is empty" if not actions else "holds what is no action")
    return actions


def checkpoint_actions(file: str) -> Iterator[Action]:
    """The actions of a checkpoint that make a State; raises DeltaLogError where it is damaged."""
    try:
        system, path = located(file)
        with system.open_input_file(path) as stream:
            there = pq.ParquetFile(stream, page_checksum_verification=True)
            if lost := lacking(there):
                raise DeltaLogError(file, lost)
            yield from there.read(COLUMNS).to_pylist(maps_as_pydicts="strict")
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise DeltaLogError(file, f"cannot be read: {error}") from error


def lacking(checkpoint: pq.ParquetFile) -> str:
    """What a State needs and `checkpoint` has no column for; empty where it has all.

    Names of columns have no checksum, and a column that is not found is read as null.
    """
    paths = (checkpoint.schema.column(i).path for i in range(len(checkpoint.schema)))
    lost = NEEDED.difference(".".join(path.split(".")[:2]) for path in paths)
    return f"has no column {', '.join(sorted(lost))}" if lost else ""


def _is_change(action: Action) -> bool:
    kinds = [action.get(kind) for kind in ("add", "remove")]
    return "cdc" in action or any(kind and kind.get("dataChange", True) for kind in kinds)


def _changed(actions: Sequence[Action]) -> list[str]:
    """The files to read for what a commit changed.

    Its files of changes, if it has any: by the protocol they then tell all. Else what it added and
    what it removed.
    """
    told = [action["cdc"]["path"] for action in actions if "cdc" in action]
    files = (action.get("add") or action.get("remove") for action in actions)
    return told or [file["path"] for file in files if file and file.get("dataChange", True)]


def _replay(state: State, actions: Iterable[Action]) -> None:
    for action in actions:
        state.apply({kind: action[kind] for kind in action if _is_set(action[kind])})


def _is_set(action: object) -> bool:
    # A struct that is null in Parquet may come as one whose fields are.
    return bool(action) and (not isinstance(action, dict) or any(action.values()))
