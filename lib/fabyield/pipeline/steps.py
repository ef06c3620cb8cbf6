"""The steps of a night: what each reads and writes, and the order that follows from it."""

import ast
from collections.abc import Iterable, Iterator, Mapping
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
# Scripts of that folder that are no step of a night.
PROGRAMS = {"nightly"}
# What makes a step's rows, beside its job.
MAKERS = (
    "fabyield.transforms",
    "fabyield.models",
    "fabyield.pipeline.ingest.factory_changes",
    "fabyield.pipeline.row_accounting",
)
# Of threads that parse at once, Python lets one fail with a SystemError (python/cpython#106905).
PARSING = Lock()


class Turn(IntEnum):
    """Where in the night a step has its place: the page shows all tables, upkeep comes last."""

    TABLES = 0
    REPORT = 1
    UPKEEP = 2


@dataclass(frozen=True)
class Step:
    """What the job of a step reads and writes; a run refuses to read or write anything else.

    `conf` names the sections of the settings that it reads. A step none of whose tables and
    sections have changed since it was last done is left out of a night, unless it is taken
    `every_night`, because it judges time or what lies outside of the lake.
    """

    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    conf: tuple[str, ...] = ()
    every_night: bool = False
    turn: Turn = Turn.TABLES

    @property
    def tables(self) -> dict[str, Table]:
        """All that it reads or writes, by name."""
        return {table.table: table for table in (*self.reads, *self.writes)}


def names_of(tables: Iterable[Table]) -> set[str]:
    """The names of `tables`."""
    return {table.table for table in tables}


@dataclass(frozen=True)
class Site:
    """conf/nightly.yml: the steps that a site leaves out, and the modules of its own."""

    leave_out: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


def steps() -> list[str]:
    """The names of a night's steps, each after those that write what it reads."""
    site = nights_of_site()
    if unknown := sorted({*site.leave_out} - {*declared()}):
        raise ContractError(f"conf/nightly.yml: leave_out: {', '.join(unknown)}: no such step")
    return [name for name in in_order(declared()) if name not in site.leave_out]


@cache
def declared() -> dict[str, Step]:
    """Every step of the product and of the site, by name.

    Raises ContractError where a module has no STEP, or two of them write one table.
    """
    found = {name: _step(module) for name, module in _modules().items()}
    writers: dict[str, str] = {}
    for name, step in found.items():
        if unknown := sorted({*step.conf} - {*STEP_SECTIONS}):
            raise ContractError(f"{name}: conf: {', '.join(unknown)}: no section of its own")
        for table in names_of(step.writes):
            if (other := writers.setdefault(table, name)) != name:
                raise ContractError(f"{table} is written by two steps: {other} and {name}")
    return found


@cache
def nights_of_site() -> Site:
    """What conf/nightly.yml says; raises ContractError where it is something else."""
    told = read_conf("nightly")
    lists = {name: told.pop(name, None) or [] for name in ("leave_out", "add")}
    if told or not all(isinstance(n, str) for names in lists.values() for n in names):
        raise ContractError("conf/nightly.yml: lists of names under leave_out and add, no more")
    return Site(tuple(lists["leave_out"]), tuple(lists["add"]))


def job_module(step: str) -> str:
    """The module that has the `job` of `step`."""
    return _modules()[step]


def in_order(steps: Mapping[str, Step]) -> list[str]:
    """The names of `steps`, writers before readers; else as the catalog lists their tables.

    Raises ContractError where steps wait for each other.
    """
    waiting = TopologicalSorter(waits_for(steps))
    try:
        waiting.prepare()
    except CycleError as error:
        raise ContractError(f"steps wait for each other: {' -> '.join(error.args[1])}") from error
    order: list[str] = []
    ready: set[str] = set()
    while waiting.is_active():
        ready |= {*waiting.get_ready()}
        first = min(ready, key=lambda name: _place(name, steps[name]))
        ready.remove(first)
        waiting.done(first)
        order.append(first)
    return order


def waits_for(steps: Mapping[str, Step]) -> dict[str, set[str]]:
    """By name, the `steps` that must have ended before each: writers of what it reads."""
    return {name: set(_before(name, steps)) for name in steps}


def rebuilt_with(step: str) -> set[str]:
    """`step`, and the steps whose rows follow from its tables: all that can be made anew."""
    after = {step, *reached(declared()[step].writes, declared())}
    return {name for name in after if can_be_rebuilt(name)}


def can_be_rebuilt(step: str) -> bool:
    """Whether all that `step` writes is derived from the lake alone."""
    written = declared()[step].writes
    return bool(written) and all(is_derived(t) or t is WAFER_REGISTRY for t in written)


def reached(changed: Iterable[Table], steps: Mapping[str, Step]) -> list[str]:
    """The names of the `steps` that read one of `changed`, or what follows from them, in order."""
    tables = names_of(changed)
    found = []
    for name in in_order(steps):
        if tables & names_of(steps[name].reads):
            found.append(name)
            tables |= names_of(steps[name].writes)
    return found


@cache
def sources_hash(step: str) -> str:
    """The hash of what makes the rows of `step`: its job, and the transforms and models it uses."""
    digest = sha256()
    for module in sorted(_makers(job_module(step))):
        digest.update(_source(module).encode())
    return digest.hexdigest()


def _before(name: str, steps: Mapping[str, Step]) -> Iterator[str]:
    reads, turn = names_of(steps[name].reads), steps[name].turn
    for other, step in steps.items():
        if other != name and (step.turn < turn or reads & names_of(step.writes)):
            yield other


def _place(name: str, step: Step) -> tuple[int, str]:
    known = list(ALL)
    places = [known.index(table) for table in names_of(step.writes) if table in known]
    return min(places, default=len(known)), name


def _modules() -> dict[str, str]:
    folder = import_module(JOBS)
    names = {found.name for found in iter_modules(folder.__path__)} - PROGRAMS
    ours = {name: f"{JOBS}.{name}" for name in sorted(names)}
    return ours | {module.rpartition(".")[2]: module for module in nights_of_site().add}


def _step(module: str) -> Step:
    step = getattr(import_module(module), "STEP", None)
    if not isinstance(step, Step):
        raise ContractError(f"{module}: no STEP, which says what its job reads and writes")
    return step


def _makers(module: str) -> set[str]:
    """`module`, and those of MAKERS that it imports, at whatever distance."""
    found, left = {module}, [module]
    while left:
        new = _imported(left.pop()) - found
        found |= new
        left += new
    return found


@cache
def _imported(module: str) -> frozenset[str]:
    """Those of MAKERS that `module` itself imports."""
    with PARSING:
        tree = ast.parse(_source(module))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MAKERS):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _source(module: str) -> str:
    package, _, name = module.rpartition(".")
    folder = files(module) if _is_package(module) else files(package)
    return folder.joinpath("__init__.py" if _is_package(module) else f"{name}.py").read_text()


def _is_package(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None
