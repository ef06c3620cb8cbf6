"""The sections of conf/*.yml, with the type and the bounds of each setting."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fabyield.errors import ConfigError
from fabyield.settings.typed import between, keyed, matching, sized, time_zone

Policy = Literal["warn", "fail"]


def _pattern(value: Mapping[str, str] | list[str]) -> str:
    """Say so if the pattern of a rule is no regular expression."""
    pattern = value["pattern"] if isinstance(value, Mapping) else value[0]
    try:
        re.compile(pattern.replace("{lot}", ""))
    except re.error as error:
        return f"the pattern {pattern!r} is no regular expression: {error}"
    return ""


Rewriting = Annotated[list[str], sized(2, 2), _pattern]
InsertionRule = Annotated[dict[str, str], keyed("column", "pattern", "insertion"), _pattern]
NotNegative = Annotated[float, between(0, 1e9)]
Days = Annotated[int, between(7, 100_000)]
Count = Annotated[int, between(1, 1_000_000)]
Share = Annotated[float, between(0, 0.9)]


@dataclass(frozen=True)
class Fab:
    """The fab whose name every row carries, and how it spells what testers write.

    `lot_id_rules` and `wafer_id_rules` are pairs of a pattern and its replacement.
    """

    # The name is part of folders and of conditions.
    fab_id: Annotated[str, matching("[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, _ and -")]
    time_zone: Annotated[str, time_zone]
    lot_id_rules: list[Rewriting]
    wafer_id_rules: list[Rewriting]
    insertion_rules: list[InsertionRule]
    default_insertion: str
    part_origin_rule: Annotated[dict[str, str], keyed("column", "pattern"), _pattern]
    engineering_modes: list[str]
    retest_rule: Literal["touch", "flag"]


@dataclass(frozen=True)
class Database:
    """How to reach the factory database over JDBC, and what to read of it.

    `tables` maps our names to its own, `watermarks` to the column that says when a row changed;
    an empty name means none. `partitions` queries read a table side by side.
    """

    url: str = field(repr=False)
    driver: str
    tables: dict[str, str | None]
    user: str = ""
    password: str = field(default="", repr=False)
    watermarks: dict[str, str | None] = field(default_factory=dict)
    overlap_seconds: NotNegative = 86_400
    partitions: Count = 1


@dataclass(frozen=True)
class Ingest:
    """Which landing files are ready, and what an empty file or night means."""

    settle_seconds: NotNegative
    empty_file: Policy
    empty_night: Policy
    operator_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Maintain:
    """When to rewrite a table's files, how large they become, and how long old ones stay.

    Delta's readers and writers need old files for 7 days at least.
    """

    small_files: Annotated[int, between(2)]
    unclustered_mb: NotNegative
    target_file_mb: Annotated[float, between(1e-3)]
    cube_mb: NotNegative
    keep_days: Days
    log_days: Days
    vacuum_every_days: Annotated[int, between(0, 100_000)]

    def __post_init__(self) -> None:
        for name, least in (("cube_mb", self.target_file_mb), ("log_days", self.keep_days)):
            if wrong := between(least)(getattr(self, name)):
                raise ConfigError(f"{name}: {wrong}")


@dataclass(frozen=True)
class Nights:
    """How many independent steps run at a time.

    A night that brings fewer MB of files than `small_mb` is planned for few rows.
    """

    parallel_steps: Count
    small_mb: NotNegative


@dataclass(frozen=True)
class Leasing:
    """How one run at a time writes a lake, and how long the next waits; see docs/operations.md."""

    kind: Literal["auto", "lock", "lease", "none"] = "auto"
    wait_seconds: NotNegative = 7200.0
    seconds: Annotated[float, between(1)] = 60.0


@dataclass(frozen=True)
class Retries:
    """How often a write is tried that met another writer's, and how long it waits in between.

    Waits are random, below a bound that begins at `first_seconds` and doubles.
    """

    attempts: Count = 8
    first_seconds: NotNegative = 0.5
    most_seconds: NotNegative = 30.0

    def __post_init__(self) -> None:
        if wrong := between(0, self.most_seconds)(self.first_seconds):
            raise ConfigError(f"first_seconds: {wrong} (most_seconds)")


@dataclass(frozen=True)
class Commonality:
    """When a wafer is low, and when what the low wafers have in common is a suspect.

    A wafer is low `low_yield_sigmas` robust sigmas below the median of its product, of at least
    `min_sigma_pct` each. A suspect has low wafers of `min_lots` lots, a false discovery rate below
    `q_value`, and costs at least `min_points` of yield. The last `lots` of a product are compared.
    """

    lots: Annotated[int, between(2, 100_000)]
    low_yield_sigmas: Annotated[float, between(0.5, 20)]
    min_sigma_pct: Annotated[float, between(0, 50)]
    q_value: Annotated[float, between(0, 1)]
    min_lots: Annotated[int, between(1, 1_000)]
    min_points: Annotated[float, between(0, 100)]


@dataclass(frozen=True)
class ModelSettings:
    """How low-yield wafers of `insertion` are defined, and how the model of them is trained.

    `sort_started_column` names the column of wafer_yield that says when the sort began; where it
    is set, steps and PCM values from that moment on are no features. `parameters` go to XGBoost
    as they are: `reg_alpha` is L1, `reg_lambda` is L2.
    """

    insertion: str
    sort_started_column: str | None
    test_lot_share: Share
    validation_lot_share: Share
    low_yield_sigmas: Annotated[float, between(0.5, 20)]
    min_sigma_pct: Annotated[float, between(0, 50)]
    min_low_wafers: Count
    lot_mean_lots: Annotated[int, between(1, 1_000)]
    drivers_per_wafer: Annotated[int, between(1, 1_000)]
    num_workers: Annotated[int, between(1, 10_000)]
    seed: Annotated[int, between(0, 2**31 - 1)]
    parameters: Mapping[str, int | float | str]
