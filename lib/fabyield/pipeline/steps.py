"""The steps of a night: what each reads and writes, and the order that follows from it."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pkgutil import iter_modules
from threading import Lock

from fabyield.errors import ContractError
from fabyield.lake.catalog import ALL, WAFER_REGISTRY, is_derived
from fabyield.lake.table import Table
from fabyield.settings.loading import read_conf
from fabyield.settings.settings import STEP_SECTIONS

JOBS = "fabyield.jobs"
# Scripts in that folder that are no step of a night.
PROGRAMS = {"nightly"}
# Beside its job, the rows of a step depend on the modules that it uses of these.
SOURCES = (
    "fabyield.transforms",
    "fabyield.models",
    "fabyield.pipeline.ingest.factory_changes",
    "fabyield.pipeline.row_accounting",
)
# If several threads parse at once, one may fail with a SystemError (python/cpython#106905).
PARSING = Lock()


class Turn(IntEnum):
    """When a step runs: the page follows all tables that it shows, maintenance comes last."""

    TABLES = 0
    REPORT = 1
    UPKEEP = 2


@dataclass(frozen=True)
class Step:
    """What the job of a step reads and writes; a run refuses to read or write anything else.

    `conf` names the sections of the settings that it reads. A night skips a step if none of its
    tables and sections has changed since it was last done, unless it runs `every_night`, because
    it depends on the time or on something outside of the lake.
    """

    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    conf: tuple[str, ...] = ()
    every_night: bool = False
    turn: Turn = Turn.TABLES

    @property
    def tables(self) -> dict[str, Table]:
        """Return all tables that it reads or writes, by name."""
        return {table.table: table for table in (*self.reads, *self.writes)}


@dataclass(frozen=True)
class Site:
    """conf/nightly.yml: the steps that a site leaves out, and the modules that it adds."""

    leave_out: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


def names_of(tables: Iterable[Table]) -> set[str]:
    """Return the names of `tables`."""
    return {table.table for table in tables}


def steps() -> list[str]:
    """Return the names of a night's steps, each after those that write what it reads."""
    site = site_conf()
    if unknown := sorted({*site.leave_out} - {*declared()}):
        raise ContractError(f"conf/nightly.yml: leave_out: {', '.join(unknown)}: no such step")
    return [name for name in in_order(declared()) if name not in site.leave_out]


@cache
def declared() -> dict[str, Step]:
    """Return every step by name; raise ContractError if two of them write one table."""
    found = {name: _step(module) for name, module in job_modules().items()}
    writers: dict[str, str] = {}
    for name, step in found.items():
        if unknown := sorted({*step.conf} - {*STEP_SECTIONS}):
            raise ContractError(f"{name}: conf: {', '.join(unknown)}: steps have no such section")
        for table in names_of(step.writes):
            if (other := writers.setdefault(table, name)) != name:
                raise ContractError(f"{table} is written by two steps: {other} and {name}")
    return found


@cache
def site_conf() -> Site:
    """Return what conf/nightly.yml says; raise ContractError if it says anything else."""
    given = read_conf("nightly")
    lists = {name: given.pop(name, None) or [] for name in ("leave_out", "add")}
    if given or not all(isinstance(n, str) for names in lists.values() for n in names):
        raise ContractError("conf/nightly.yml: only lists of names under leave_out and add allowed")
    return Site(tuple(lists["leave_out"]), tuple(lists["add"]))


def in_order(steps: Mapping[str, Step]) -> list[str]:
    """Return the names of `steps`, writers before readers, then in order of the catalog."""
    waiting = TopologicalSorter(waits_for(steps))
    try:
        waiting.prepare()
    except CycleError as error:
        raise ContractError(f"steps wait for each other: {' -> '.join(error.args[1])}") from error
    catalog = {table: number for number, table in enumerate(ALL)}

    def place(name: str) -> tuple[int, str]:
        places = [catalog.get(table.table, len(catalog)) for table in steps[name].writes]
        return min(places, default=len(catalog)), name

    order: list[str] = []
    ready: set[str] = set()
    while waiting.is_active():
        ready |= {*waiting.get_ready()}
        order.append(min(ready, key=place))
        ready.remove(order[-1])
        waiting.done(order[-1])
    return order


def waits_for(steps: Mapping[str, Step]) -> dict[str, set[str]]:
    """Return by name which `steps` each one waits for: the writers of what it reads."""
    return {
        name: {
            other
            for other, before in steps.items()
            if other != name
            if before.turn < step.turn or names_of(step.reads) & names_of(before.writes)
        }
        for name, step in steps.items()
    }


def rebuilt_with(step: str) -> set[str]:
    """Return `step` and the steps whose tables depend on its own, if they can be rebuilt."""
    after = {step, *affected_steps(declared()[step].writes, declared())}
    return {name for name in after if can_be_rebuilt(name)}


def can_be_rebuilt(step: str) -> bool:
    """Return whether all that `step` writes is derived from the lake alone."""
    written = declared()[step].writes
    return bool(written) and all(is_derived(t) or t is WAFER_REGISTRY for t in written)


def is_needed(step: str) -> bool:
    """Return whether another step makes tables of what `step` writes."""
    after = affected_steps(declared()[step].writes, declared())
    return any(name != step and declared()[name].turn is Turn.TABLES for name in after)


def affected_steps(changed: Iterable[Table], steps: Mapping[str, Step]) -> list[str]:
    """Return in order the `steps` that read one of `changed`, directly or through other steps."""
    tables = names_of(changed)
    found = []
    for name in in_order(steps):
        if tables & names_of(steps[name].reads):
            found.append(name)
            tables |= names_of(steps[name].writes)
    return found


@cache
def sources_hash(step: str) -> str:
    """Return the hash of the job of `step` and of all SOURCES that it imports, directly or not."""
    found, left = set[str](), {job_modules()[step]}
    while left:
        found |= left
        left = {name for module in left for name in _imported(module)} - found
    return sha256("".join(map(_source, sorted(found))).encode()).hexdigest()


def job_modules() -> dict[str, str]:
    """Return by step the module that has its `job`."""
    folder = import_module(JOBS)
    names = {found.name for found in iter_modules(folder.__path__)} - PROGRAMS
    ours = {name: f"{JOBS}.{name}" for name in sorted(names)}
    return ours | {module.rpartition(".")[2]: module for module in site_conf().add}


def _step(module: str) -> Step:
    step = getattr(import_module(module), "STEP", None)
    if not isinstance(step, Step):
        raise ContractError(f"{module}: no STEP, which says what its job reads and writes")
    return step


@cache
def _imported(module: str) -> frozenset[str]:
    """Return the modules of SOURCES that `module` itself imports."""
    with PARSING:
        tree = ast.parse(_source(module))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(SOURCES):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _source(module: str) -> str:
    package, _, name = module.rpartition(".")
    spec = find_spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    folder = files(module if is_package else package)
    return folder.joinpath("__init__.py" if is_package else f"{name}.py").read_text()
