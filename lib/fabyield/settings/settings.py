"""Settings: conf/base.yml, with the chosen environment's file laid over it."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self

from fabyield.errors import ContractError
from fabyield.settings.loading import merged, read_places, with_places
from fabyield.settings.sections import (
    Commonality,
    Database,
    Fab,
    Ingest,
    Leasing,
    Maintain,
    ModelSettings,
    Nights,
    Retries,
)
from fabyield.settings.typed import between, build, matching

Place = Annotated[str, matching("[^\0]+", "a path or a URI")]
# The sections that steps declare; the others are of the lake and of the run as a whole.
STEP_SECTIONS = ("fab", "database", "ingest", "maintain", "commonality", "model")


class Undeclared:
    """Stands in for a section of the settings that a step did not declare."""

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
    lake: Place
    landing: Place
    report: Place
    log: Place
    fab: Fab
    database: Database
    ingest: Ingest
    maintain: Maintain
    night: Nights
    lease: Leasing
    retries: Retries
    alerts: list[str]
    commonality: Commonality
    model: ModelSettings
    report_maps: Annotated[int, between(0, 1_000)]
    spark: dict[str, str | int | float | bool] = field(repr=False)

    def only(self, sections: Collection[str]) -> Self:
        """Return these settings without the STEP_SECTIONS that `sections` lacks.

        Reading one of those raises ContractError; fab.fab_id stays, as every row carries it.
        """
        hidden: dict[str, Any] = {n: Undeclared(n) for n in STEP_SECTIONS if n not in sections}
        if "fab" in hidden:
            hidden["fab"].fab_id = self.fab.fab_id
        return replace(self, **hidden)

    def hash_of(self, sections: Collection[str]) -> str:
        """Return a hash of `sections`, without what may be a secret."""
        values = {name: _open_values(getattr(self, name)) for name in sorted(sections)}
        return sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()

    @classmethod
    def load(cls, chosen: str = "dev", **given: str | None) -> Self:
        """Read the settings of `chosen`, an environment's name or a file; `given` wins over both.

        Relative paths of `given` start at the current folder. Raises ConfigError for an unknown
        setting, a wrong value, or a variable that is not set.
        """
        values = merged(read_places("base"), read_places(chosen))
        options = {key: value for key, value in given.items() if value is not None}
        values |= with_places(options, Path.cwd()) | {"environment": Path(chosen).stem}
        return build(cls, values, f"conf {chosen}")


def _open_values(section: Any) -> dict[str, Any]:  # noqa: ANN401
    return {field.name: getattr(section, field.name) for field in fields(section) if field.repr}
