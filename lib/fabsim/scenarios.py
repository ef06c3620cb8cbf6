"""Plans read from conf/simulate.yml, with a scenario of conf/scenarios.yml laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from fabsim.plan.plan import Plan
from fabsim.plan_check import check
from fabyield.errors import ConfigError
from fabyield.settings.loading import merged
from fabyield.settings.strict_yaml import load_yaml
from fabyield.settings.typed import build


@dataclass(frozen=True)
class Scenario:
    """What happens in a fab, what the pipeline should say of it, and what it changes in a plan."""

    about: str
    says: tuple[str, ...]
    over: dict[str, Any] = field(default_factory=dict)


def load_plan(path: Path | None = None, scenario: str | None = None) -> Plan:
    """Read a plan from YAML, by default conf/simulate.yml, with a scenario laid over it.

    Raises ConfigError, which names a wrong field or an unknown scenario.
    """
    source = path if path is not None else files("fabyield.conf").joinpath("simulate.yml")
    values = _mapping(source)
    if scenario is not None:
        values = merged(values, scenarios()[_known(scenario)].over)
    plan = build(Plan, values, f"plan {source}")
    check(plan)
    return plan


def scenarios() -> dict[str, Scenario]:
    """All scenarios of conf/scenarios.yml by name."""
    source = files("fabyield.conf").joinpath("scenarios.yml")
    return {
        name: build(Scenario, value, f"{source}: {name}")
        for name, value in _mapping(source).items()
    }


def _known(scenario: str) -> str:
    if scenario not in (known := scenarios()):
        raise ConfigError(f"scenario {scenario}: there is none; use one of {', '.join(known)}")
    return scenario


def _mapping(source: Path | Traversable) -> dict[str, Any]:
    try:
        values = load_yaml(source.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"plan {source}: {said}; give a YAML file") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"plan {source}: not a YAML mapping")
    return dict(values)
