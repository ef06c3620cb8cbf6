"""Plain YAML values to frozen dataclasses, strictly: every field in its type, none unknown."""

from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, cast, get_args, get_origin, get_type_hints

from fabyield.errors import ConfigError

# No number of a plan is so large; larger whole numbers are no floats at all.
HUGE = 10**300


def build(kind: object, value: object, where: str) -> object:
    """Make a `kind` of `value`; ConfigError names what is missing, unknown or of a wrong type."""
    if is_dataclass(kind):
        return _build_record(cast(type[Any], kind), value, where)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(build(get_args(kind)[0], one, f"{where}[{i}]") for i, one in enumerate(value))
    if get_origin(kind) is dict and isinstance(value, dict):
        inner = get_args(kind)[1]
        return {str(key): build(inner, one, f"{where}.{key}") for key, one in value.items()}
    if isinstance(kind, type) and issubclass(kind, StrEnum) and value in list(kind):
        return kind(str(value))
    if kind is float and type(value) is int:
        return float(min(max(value, -HUGE), HUGE))
    if type(value) is not kind:
        raise ConfigError(f"{where}: {value!r} is not of type {getattr(kind, '__name__', kind)}")
    return value


def _build_record(kind: type[Any], value: object, where: str) -> object:
    names = {field.name for field in fields(kind)}
    needed = {
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }
    if not isinstance(value, dict) or not needed <= value.keys() <= names:
        got = set(value) if isinstance(value, dict) else {repr(value)}
        raise ConfigError(
            f"{where}: missing {sorted(needed - got)}, unknown {sorted(map(str, got - names))}; "
            "name every field once"
        )
    hints = get_type_hints(kind)
    return kind(**{name: build(hints[name], value[name], f"{where}.{name}") for name in value})
