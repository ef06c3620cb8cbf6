"""Check the log and the data files of every table, each check after those that it relies on."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import unquote

from pyarrow import fs

from fabyield.lake.delta_log import DataFile, DeltaLog, DeltaLogError, State
from fabyield.lake.fsck.delta_logs import check_log
from fabyield.lake.fsck.finding import Finding
from fabyield.lake.fsck.parquet_pages import damage, unknown_columns
from fabyield.lake.fsck.run_history import Write, how_to_rewrite, writes
from fabyield.lake.storage import resolve_uri
from fabyield.lake.table import Table
from fabyield.settings.sections import Maintain

NAMES = {"integer": "int", "long": "bigint"}


def check(
    lake: str, tables: list[Table], maintain: Maintain, deep: bool = False
) -> Iterator[Finding]:
    """Look for damage in `tables` of `lake`; `deep` reads every page of every data file."""
    recorded = writes(lake)
    for table in tables:
        log, known = DeltaLog(f"{lake}/{table.folder}"), recorded.get(table.table, [])
        found = list(check_log(table.table, log, known))
        yield from found
        if (state := _newest_readable_state(log)) is not None:
            files = _DataFiles(table, log.uri, state, known)
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


@dataclass(frozen=True)
class _DataFiles:
    """The data files of `table` in the folder `uri`, whose log says `state`."""

    table: Table
    uri: str
    state: State
    writes: list[Write]

    def check_files(self, deep: bool) -> Iterator[Finding]:
        sizes = {path: info.size for path, info in self._stored().items()}
        for file in self.state.files.values():
            path = unquote(file.path)
            if what := self._damage(file, sizes.get(path), deep):
                rows = "its rows" if file.rows is None else f"its {file.rows:,} rows"
                repair = how_to_rewrite(self.table, self.uri, self.writes)
                where = f"{self.uri}/{path}"
                yield Finding(self.table.table, f"{what}; {rows} cannot be read", where, repair)

    def check_leftovers(self, days: int) -> Iterator[Finding]:
        live = {unquote(path) for path in self.state.files}
        until = time.time() - days * 86400
        stored = self._stored().items()
        old = [i for p, i in stored if p not in live and (i.mtime_ns or 0) < until * 1e9]
        if old:
            what = f"{len(old):,} files, {sum(i.size for i in old):,} bytes, that no version needs"
            repair = "the step maintain deletes them; see maintain in conf"
            yield Finding(self.table.table, what, self.uri, repair, is_harmless=True)

    def check_schema(self) -> Iterator[Finding]:
        declared = {n: c.type.partition("<")[0] for n, c in self.table.columns.items()}
        for name, kind in self._columns.items():
            if declared.get(name) != kind:
                what = f"column {name} is {kind}, schemas/ says {declared.get(name, 'no such')}"
                rewrite = how_to_rewrite(self.table, self.uri, self.writes)
                yield Finding(self.table.table, what, self.uri, f"correct schemas/, or {rewrite}")

    def _damage(self, file: DataFile, size: int | None, deep: bool) -> str:
        if size is None:
            return "is missing"
        if size != file.size:
            return f"has {size:,} bytes, {file.size:,} were written"
        uri = f"{self.uri}/{unquote(file.path)}"
        return damage(uri, file.rows, partial(unknown_columns, self._columns), deep)

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {f["name"]: _type_name(f["type"]) for f in self.state.schema.get("fields", [])}

    def _stored(self) -> dict[str, fs.FileInfo]:
        system, root = resolve_uri(self.uri)
        found = system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        paths = {info.path.removeprefix(f"{root}/"): info for info in found if info.is_file}
        return {p: i for p, i in paths.items() if p.endswith(".parquet") and p[0] != "_"}


def _type_name(kind: object) -> str:
    name = str(kind["type"]) if isinstance(kind, dict) else str(kind)
    return NAMES.get(name, name)
