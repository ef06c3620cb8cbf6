"""Settings: conf/base.yml, with the chosen environment's file laid over it."""

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fabyield.errors import ConfigError, ContractError
from fabyield.settings.loading import absolute, absolute_file, merged, read_conf
from fabyield.settings.model import ModelSettings

Policy = Literal["warn", "fail"]
T = TypeVar("T")
# The sections that steps declare; the others are of the lake and of the run as a whole.
STEP_SECTIONS = ("fab", "database", "ingest", "maintain", "model")


@dataclass(frozen=True)
class Fab:
    """The fab that a lake's rows are tagged with, and how it spells what testers write."""

    fab_id: str
    time_zone: str
    lot_id_rules: list[list[str]]
    wafer_id_rules: list[list[str]]
    insertion_rules: list[dict[str, str]]
    default_insertion: str
    part_origin_rule: dict[str, str]
    retest_rule: Literal["touch", "flag"]

    def __post_init__(self) -> None:
        # It names a folder, and stands in conditions.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.fab_id):
            raise ConfigError(f"fab.fab_id: {self.fab_id!r}: letters, digits, _ and - only")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigError(f"fab.time_zone: {self.time_zone!r}: no such IANA zone") from error
        for name in ("lot_id_rules", "wafer_id_rules"):
            if any(len(rule) != 2 for rule in getattr(self, name)):
                raise ConfigError(f"fab.{name}: a rule is [pattern, replacement]")
        if any(set(rule) != {"column", "pattern", "insertion"} for rule in self.insertion_rules):
            raise ConfigError("fab.insertion_rules: a rule is {column, pattern, insertion}")
        if set(self.part_origin_rule) != {"column", "pattern"}:
            raise ConfigError("fab.part_origin_rule: a rule is {column, pattern}")


@dataclass(frozen=True)
class Database:
    """How to reach the factory database over JDBC, and what to read of it.

    `tables` maps our names to its own, `watermarks` to the column that tells when a row changed;
    a name that is empty stands for none. A table is read by `partitions` queries side by side.
    """

    url: str = field(repr=False)
    driver: str
    tables: dict[str, str]
    user: str = ""
    password: str = field(default="", repr=False)
    watermarks: dict[str, str] = field(default_factory=dict)
    overlap_seconds: float = 86_400
    partitions: int = 1

    def __post_init__(self) -> None:
        for setting, names in (("tables", self.tables), ("watermarks", self.watermarks)):
            if wrong := [ours for ours, name in names.items() if not isinstance(name, str | None)]:
                raise ConfigError(f"database.{setting}: {', '.join(map(str, wrong))}: not a name")
        if not 0 <= self.overlap_seconds < math.inf:
            raise ConfigError(
                f"database.overlap_seconds: {self.overlap_seconds} is not 0 or more seconds"
            )
        if self.partitions < 1:
            raise ConfigError(f"database.partitions: {self.partitions}, but it must be 1 or more")


@dataclass(frozen=True)
class Ingest:
    """Which landing files are ready, and what an empty file or night means."""

    settle_seconds: float
    empty_file: Policy
    empty_night: Policy
    operator_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Maintain:
    """When a table's files are put in order, how large they become, and how long old ones stay."""

    small_files: int
    unclustered_mb: float
    target_file_mb: float
    cube_mb: float
    keep_days: int
    log_days: int
    vacuum_every_days: int

    def __post_init__(self) -> None:
        least: dict[str, float] = {
            "small_files": 2,
            "unclustered_mb": 0,
            "target_file_mb": 1e-3,
            "cube_mb": self.target_file_mb,
            # Delta's own least: readers and writers that began before still need those files.
            "keep_days": 7,
            "log_days": self.keep_days,
            "vacuum_every_days": 0,
        }
        for name, bound in least.items():
            if (value := getattr(self, name)) < bound:
                raise ConfigError(f"maintain.{name}: {value}, it must be at least {bound}")


@dataclass(frozen=True)
class Nights:
    """How many steps that need not wait for one another are under way at a time.

    A night that brings fewer MB of files than `small_mb` is planned for few rows.
    """

    parallel_steps: int = 1
    small_mb: float = 0

    def __post_init__(self) -> None:
        if self.parallel_steps < 1:
            raise ConfigError(f"night.parallel_steps: {self.parallel_steps}, it must be 1 or more")


@dataclass(frozen=True)
class Leasing:
    """How one run at a time is seen to, and how long the next one waits; see docs/operations.md."""

    kind: Literal["auto", "lock", "lease", "none"] = "auto"
    wait_seconds: float = 7200.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.wait_seconds < 0 or self.seconds < 1:
            raise ConfigError("lease: set wait_seconds to 0 or more, and seconds to 1 or more")


@dataclass(frozen=True)
class Retries:
    """How often a write that met another writer's is planned anew, and how long it waits first.

    Waits are drawn at random below a bound that doubles each time, from `first_seconds` on.
    """

    attempts: int = 8
    first_seconds: float = 0.5
    most_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_seconds <= self.most_seconds:
            raise ConfigError(
                "retries: set attempts to 1 or more, and 0 <= first_seconds <= most_seconds"
            )


class Undeclared:
    """Stands for a section of the settings that a step does not name, and so must not read."""

    def __init__(self, section: str) -> None:
        self._section = section

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ContractError(
            f"the step reads {self._section}.{name} of conf, but its STEP does not name "
            f"{self._section} under conf"
        )


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; conf/base.yml says what each means, conf/prod.yml the secrets."""

    environment: str
    lake: str
    landing: str
    report: str
    log: str
    fab: Fab
    database: Database
    ingest: Ingest
    maintain: Maintain
    night: Nights
    lease: Leasing
    retries: Retries
    alerts: list[str]
    model: ModelSettings
    report_maps: int
    spark: dict[str, str] = field(repr=False)

    def only(self, sections: Collection[str]) -> Self:
        """These settings; to read one of STEP_SECTIONS that `sections` lacks raises ContractError.

        But for the name of the fab, which every step tags its rows with.
        """
        hidden: dict[str, Any] = {n: Undeclared(n) for n in STEP_SECTIONS if n not in sections}
        if "fab" in hidden:
            hidden["fab"].fab_id = self.fab.fab_id
        return replace(self, **hidden)

    def hash_of(self, sections: Collection[str]) -> str:
        """A hash of `sections`, without what may be a secret."""
        told = {name: _open_values(getattr(self, name)) for name in sorted(sections)}
        return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

    @classmethod
    def load(cls, chosen: str = "dev", **given: str | None) -> Self:
        """Read the settings of `chosen`, an environment's name or a file; `given` wins over both.

        Raises ConfigError for an unknown setting, a wrong value, or a variable that is not set.
        """
        values = merged(read_conf("base"), read_conf(chosen))
        values |= {key: value for key, value in given.items() if value is not None}
        values["environment"] = Path(chosen).stem
        nested: dict[str, type[Any]] = {
            **{"fab": Fab, "database": Database, "ingest": Ingest},
            "maintain": Maintain,
            "night": Nights,
            "lease": Leasing,
            "retries": Retries,
        }
        parts: dict[str, Any] = {
            name: _typed(kind, name, values[name]) for name, kind in nested.items()
        }
        parts["model"] = _model(values["model"])
        settings = _typed(cls, chosen, values | parts)
        folders = ("lake", "landing", "report", "log")
        places: dict[str, Any] = {name: absolute(getattr(settings, name)) for name in folders}
        database = replace(settings.database, url=absolute_file(settings.database.url))
        return replace(settings, database=database, **places)


def _open_values(section: Any) -> dict[str, Any]:  # noqa: ANN401
    return {field.name: getattr(section, field.name) for field in fields(section) if field.repr}


def _model(values: dict[str, Any]) -> ModelSettings:
    try:
        return ModelSettings(**values)
    except TypeError as error:
        raise ConfigError(f"model: {error}") from error


def _typed(kind: type[T], where: str, values: object) -> T:
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: a {type(values).__name__} is not a mapping of settings")
    if wrong := [key for key in values if not isinstance(key, str)]:
        raise ConfigError(f"{where}: {wrong} are no names of settings")
    known = {known.name: known.type for known in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigError(f"{where}: unknown settings: {', '.join(unknown)}")
    for name, value in values.items():
        _check(known[name], f"{where}.{name}", value)
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _check(kind: type | str, where: str, value: object) -> None:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{where}: {value!r} is not one of {', '.join(get_args(kind))}")
        return
    plain: Any = get_origin(kind) or kind
    if not isinstance(value, (float, int) if plain is float else plain):
        # The value itself may be a secret.
        raise ConfigError(f"{where}: a {type(value).__name__}, but it must be a {plain.__name__}")
    if plain is list:
        for place, entry in enumerate(cast(list[object], value)):
            _check(get_args(kind)[0], f"{where}[{place}]", entry)
