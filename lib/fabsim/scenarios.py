"""Plans from conf/simulate.yml, changed by a scenario of conf/scenarios.yml."""

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

CONF = files("fabyield.conf")


@dataclass(frozen=True)
class Scenario:
    """What happens, what the pipeline should report, and the values it changes in the plan."""

    about: str
    says: tuple[str, ...]
    over: dict[str, Any] = field(default_factory=dict)


def load_plan(path: Path | None = None, scenario: str | None = None) -> Plan:
    """Read a plan from YAML, by default conf/simulate.yml, and apply a scenario to it.

    Raises ConfigError, which names a wrong field or an unknown scenario.
    """
    source = path or CONF.joinpath("simulate.yml")
    values = _mapping(source)
    if scenario is not None:
        if scenario not in (known := scenarios()):
            raise ConfigError(f"scenario {scenario}: unknown; use one of {', '.join(known)}")
        values = merged(values, known[scenario].over)
    plan = build(Plan, values, f"plan {source}")
    check(plan)
    return plan


def scenarios() -> dict[str, Scenario]:
    """Return all scenarios of conf/scenarios.yml by name."""
    source = CONF.joinpath("scenarios.yml")
    values = _mapping(source)
    return {name: build(Scenario, one, f"{source}: {name}") for name, one in values.items()}


def _mapping(source: Path | Traversable) -> dict[str, Any]:
    try:
        values = load_yaml(source.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"plan {source}: {reason}; give a YAML file") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"plan {source}: not a YAML mapping")
    return dict(values)
