"""YAML values as frozen dataclasses: every field has its type and bounds, and none is unknown."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fabyield.errors import ConfigError, near

# Larger whole numbers cannot become floats, or texts.
HUGE = 10**300


# A rule of a field, `Annotated[..., rule]`: returns what is wrong with a value, or "".
Rule = Callable[[Any], str]
T = TypeVar("T")


def between(low: float, high: float = math.inf) -> Rule:
    """Return the rule of a finite number between two bounds, both allowed."""

    def wrong(value: float) -> str:
        upper = "" if math.isinf(high) else f" and at most {high:,}"
        is_right = low <= value <= high and value < math.inf
        finite = "finite and " if math.isinf(value) else ""
        return "" if is_right else f"{value}, it must be {finite}at least {low:,}{upper}"

    return wrong


def matching(pattern: str, about: str) -> Rule:
    """Return the rule of a text that matches `pattern` as a whole; `about` says so in words."""
    return lambda value: "" if re.fullmatch(pattern, value) else f"{value!r}, it must be {about}"


def keyed(*names: str) -> Rule:
    """Return the rule of a mapping with these keys, no more and no fewer."""
    return lambda value: "" if set(value) == set(names) else f"its keys must be {', '.join(names)}"


def sized(least: int, most: float = math.inf) -> Rule:
    """Return the rule of a list with so many entries."""
    return lambda value: (wrong := between(least, most)(len(value))) and f"entries: {wrong}"


def time_zone(value: str) -> str:
    """Say so if `value` is not the IANA name of a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{value!r} is no IANA time zone"
    return ""


def build(kind: type[T], value: object, source: str) -> T:
    """Return `value`, as YAML of `source` gives it, as a `kind`: a dataclass with typed fields.

    Raises ConfigError that begins with `source` and the dotted path of a field, if the field is
    unknown, missing, of another type, or breaks a rule. Values of a wrong type are not shown, as
    they may be secrets.
    """
    try:
        return cast(T, _value(kind, value, ""))
    except ConfigError as error:
        raise ConfigError(f"{source}: {str(error).lstrip('.: ')}") from error


def _value(kind: Any, value: Any, where: str) -> object:  # noqa: ANN401
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(cast(type[Any], kind), value, where)
    if maker := _MAKERS.get(origin):
        return maker(inner, value, where)
    if origin in (list, tuple) and isinstance(value, list | tuple):
        return origin(_value(inner[0], one, f"{where}[{i}]") for i, one in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {
            _value(inner[0], key, where): _value(inner[1], one, f"{where}.{key}")
            for key, one in value.items()
        }
    return _scalar(kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> object:  # noqa: ANN401
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(str(_one_of(list(kind), value, where)))
    if type(value) is int and not -HUGE <= value <= HUGE:
        raise ConfigError(f"{where}: a number of over 300 digits")
    if kind is float and type(value) is int:
        return float(value)
    if kind is Any or type(value) is kind:
        return value
    raise ConfigError(f"{where}: must be {_name(kind)}, not {_name(type(value))}")


def _ruled(inner: tuple[Any, ...], value: object, where: str) -> object:
    built = _value(inner[0], value, where)
    for rule in inner[1:]:
        if wrong := rule(built):
            raise ConfigError(f"{where}: {wrong}")
    return built


def _one_of(known: tuple[Any, ...] | list[Any], value: object, where: str) -> object:
    if value not in known:
        raise ConfigError(f"{where}: {value!r} is not one of {', '.join(map(str, known))}")
    return value


def _either(kinds: tuple[Any, ...], value: object, where: str) -> object:
    if value is None and type(None) in kinds:
        return None
    plain = [kind for kind in kinds if kind is not type(None)]
    fitting = [kind for kind in plain if type(value) is kind]
    if not fitting and len(plain) > 1:
        words = " or ".join(map(_name, plain))
        raise ConfigError(f"{where}: must be {words}, not {_name(type(value))}")
    return _value((fitting or plain)[0], value, where)


_MAKERS: dict[Any, Callable[[tuple[Any, ...], object, str], object]] = {
    Annotated: _ruled,
    Literal: _one_of,
    UnionType: _either,
}


_WORDS: dict[Any, str] = {
    **{dict: "a mapping", Mapping: "a mapping", list: "a list", tuple: "a list"},
    **{str: "a text", float: "a number", int: "a whole number", bool: "true or false"},
    type(None): "empty",
}


def _record(kind: type[Any], value: object, where: str) -> object:
    if isinstance(value, kind):
        return value
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a mapping, not {_name(type(value))}")
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}
    for name in value:
        if name not in known:
            raise ConfigError(f"{where}: unknown field {name!r}{near(str(name), known)}")
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where}: the field {name} is missing")
    hints = get_type_hints(kind, include_extras=True)
    built = {name: _value(hints[name], one, f"{where}.{name}") for name, one in value.items()}
    try:
        return kind(**built)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from error


def _name(kind: Any) -> str:  # noqa: ANN401
    kind = get_origin(kind) or kind
    return _WORDS.get(kind, str(getattr(kind, "__name__", kind)))
