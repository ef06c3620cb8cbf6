"""A table is its schema and its expectations, declared in two YAML files of the same name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any, Self, cast

import pyarrow as pa
import yaml
from pyspark.sql import DataFrame
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from fabyield.errors import ConfigError, ContractError, near
from fabyield.settings.strict_yaml import load_with_nodes
from fabyield.settings.typed import build

BATCH = "batch"
LAYERS = ("bronze", "silver", "gold", "ops")
_TYPES = {
    *("boolean", "int", "bigint", "float", "double", "string", "date", "timestamp"),
    *("array", "map", "struct"),
}


class WriteMode(StrEnum):
    """How a batch meets the rows already in its table.

    append adds them, merge inserts or updates by key, mirror also deletes the keys that the batch
    lacks, replace puts the new rows of the batch's wafers in the place of their old ones.
    """

    APPEND = "append"
    MERGE = "merge"
    MIRROR = "mirror"
    REPLACE = "replace"


class Severity(StrEnum):
    """What a broken expectation does: stop the publish, tell the owner, or quarantine the row."""

    ERROR = "error"
    WARN = "warn"
    ROW = "row"


@dataclass(frozen=True)
class Column:
    """One column as its schema file declares it."""

    type: str
    about: str
    unit: str | None = None
    required: bool = False


@dataclass(frozen=True)
class Expectation:
    """One Great Expectations check, under its own name and arguments.

    `line` is its line in its file; 0 if it comes from none.
    """

    name: str
    arguments: dict[str, Any]
    severity: Severity
    look_at: str = ""
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        named = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.name}({named})"


@dataclass(frozen=True)
class Table:
    """What the pipeline promises about one Delta table.

    `statistics` are the columns whose bounds are kept for every file, all if it is empty;
    `change_feed` keeps the old rows of what changes, for readers that follow the changes.
    """

    table: str
    about: str
    owner: str
    key: list[str]
    write: WriteMode
    columns: dict[str, Column]
    expectations: tuple[Expectation, ...]
    cluster_by: list[str] = field(default_factory=list)
    statistics: list[str] = field(default_factory=list)
    unique_by_construction: bool = False
    change_feed: bool = False

    @classmethod
    def load(cls, name: str) -> Self:
        """Build the table `name` from schemas/<name>.yml and expectations/<name>.yml.

        Raises ContractError for a wrong field, type, severity, or a column that is not declared.
        """
        try:
            schema, _ = _read("schemas", name)
            if "expectations" in schema:
                raise ContractError(f"schemas/{name}.yml: expectations have a file of their own")
            table = build(cls, schema | {"expectations": _suite(name)}, f"schemas/{name}.yml")
        except ConfigError as error:
            raise ContractError(str(error)) from error
        table._check(name)
        return table

    @property
    def layer(self) -> str:
        """`bronze`, `silver`, `gold` or `ops`."""
        return self.table.partition(".")[0]

    @property
    def name(self) -> str:
        """Its name without the layer."""
        return self.table.partition(".")[2]

    @property
    def folder(self) -> str:
        """Where it is stored below the lake."""
        return f"{self.layer}/{self.name}"

    @property
    def leading_key(self) -> str | None:
        """The column that the table is clustered by first, if it is part of every row's key."""
        lead = self.cluster_by[0] if self.cluster_by else ""
        return lead if lead in self.key and lead in self.required else None

    @property
    def ddl(self) -> str:
        """The columns as a Spark schema string."""
        return ddl(self.columns)

    @property
    def made(self) -> dict[str, Column]:
        """The columns that a transform makes: all but the batch, which the run fills in."""
        return {name: column for name, column in self.columns.items() if name != BATCH}

    @property
    def types(self) -> dict[str, str]:
        """The columns with their types, as Spark spells them."""
        declared = cast("T.StructType", T.StructType.fromDDL(self.ddl))
        return {field.name: field.dataType.simpleString() for field in declared}

    @property
    def arrow(self) -> pa.Schema:
        """The columns as an Arrow schema; times are in UTC."""
        fields = to_arrow_schema(cast("T.StructType", T.StructType.fromDDL(self.ddl)))
        return pa.schema([f.with_nullable(f.name not in self.required) for f in fields])

    @property
    def required(self) -> list[str]:
        """The columns that must never be null."""
        return [name for name, column in self.columns.items() if column.required]

    def conform(self, df: DataFrame) -> DataFrame:
        """Select the declared columns, in the declared order and types."""
        # One call for all columns: built one by one they cost more than many a small query.
        declared = self.columns.items()
        return df.selectExpr(*(f"cast(`{n}` as {c.type}) as `{n}`" for n, c in declared))

    def _check(self, name: str) -> None:
        schema = f"schemas/{name}.yml"
        if self.layer not in LAYERS or self.name != name:
            raise ContractError(
                f"{schema}: table: {self.table!r} must be a layer ({', '.join(LAYERS)}) and {name}"
            )
        if self.layer != "ops" and list(self.columns)[-1:] != [BATCH]:
            raise ContractError(f"{schema}: the last column must be {BATCH}, which a run fills in")
        if self.layer in ("silver", "gold") and "fab_id" not in self.columns:
            raise ContractError(f"{schema}: fab_id is missing; a night finds its rows by it")
        lacking = sorted({*self.cluster_by} - {*self.statistics}) if self.statistics else []
        if lacking:
            raise ContractError(f"{schema}: {', '.join(lacking)}: clustered by, without statistics")
        for column in sorted({*self.key, *self.cluster_by, *self.statistics} - set(self.columns)):
            raise ContractError(
                f"{schema}: {column} is not among the columns{near(column, self.columns)}"
            )
        for expectation in self.expectations:
            for column in sorted(_columns_of(expectation) - set(self.columns)):
                raise ContractError(
                    f"{place(self, expectation)}: {column} is not among the columns of "
                    f"{schema}{near(column, self.columns)}"
                )
        for column, spec in self.columns.items():
            if unknown := sorted(_type_words(spec.type) - _TYPES):
                raise ContractError(f"{schema}: {column}: {spec.type}: no such type: {unknown}")


def ddl(columns: Mapping[str, Column]) -> str:
    """Return `columns` as a Spark schema string."""
    return ", ".join(f"{name} {column.type}" for name, column in columns.items())


def _type_words(type_name: str) -> set[str]:
    return set(re.split(r"[<>,\s]+", re.sub(r"\w+\s*:", "", type_name))) - {""}


def place(table: Table, expectation: Expectation) -> str:
    """Return the file and line that declare `expectation` of `table`."""
    return f"expectations/{table.name}.yml, line {expectation.line}"


def _columns_of(expectation: Expectation) -> set[str]:
    arguments = expectation.arguments
    named = [arguments[k] for k in ("column", "column_A", "column_B") if k in arguments]
    listed = arguments.get("column_list", [])
    return {str(name) for name in [*named, *(listed if isinstance(listed, list) else [listed])]}


def _suite(name: str) -> tuple[Expectation, ...]:
    values, tree = _read("expectations", name)
    suite = build(
        dict[Severity, list[dict[str, dict[str, Any]]]], values, f"expectations/{name}.yml"
    )
    lines = iter(_lines(tree))
    return tuple(
        Expectation(check, arguments, severity, str(arguments.pop("look_at", "")), next(lines))
        for severity, checks in suite.items()
        for entry in checks
        for check, arguments in entry.items()
    )


def _lines(suite: Any) -> list[int]:  # noqa: ANN401
    """Return the line of each expectation in a suite, a tree of YAML nodes."""
    return [
        check.start_mark.line + 1
        for _, checks in suite.value
        for entry in checks.value
        for check, _ in entry.value
    ]


def _read(kind: str, name: str) -> tuple[dict[str, Any], Any]:
    """Return the mapping in <kind>/<name>.yml and its tree of YAML nodes."""
    try:
        text = files(f"fabyield.{kind}").joinpath(f"{name}.yml").read_text()
        value, tree = load_with_nodes(text)
        return dict(value), tree
    except FileNotFoundError as error:
        hint = "; it may be as short as `error: []`" if kind == "expectations" else ""
        raise ContractError(f"{kind}/{name}.yml: there is no such file{hint}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ContractError(f"{kind}/{name}.yml: {error}") from error
