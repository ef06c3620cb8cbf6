"""conf/*.yml read, laid over one another, and filled in from the environment."""

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from fabyield.errors import ConfigError
from fabyield.settings.strict_yaml import load_yaml

_SECRET = re.compile(r"\$\{(\w+)\}")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; merge mappings inside, replace all else."""
    result = dict(base)
    for key, value in over.items():
        inner: Any = result.get(key)
        are_both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[key] = merged(inner, value) if are_both else value
    return result


def read_conf(chosen: str) -> dict[str, Any]:
    """Return the mapping in conf/<chosen>.yml or, if there is none, in the file `chosen`.

    Fills in variables of the environment. Raises ConfigError if it cannot be read, is no mapping,
    or names a variable that is not set.
    """
    packaged = files("fabyield.conf").joinpath(f"{chosen}.yml")
    source = packaged if re.fullmatch(r"\w+", chosen) and packaged.is_file() else Path(chosen)
    try:
        settings = load_yaml(source.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"conf {chosen}: {error}; give dev, prod or a YAML file") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"conf {chosen}: not a YAML mapping of settings")
    return {key: _filled(value, key) for key, value in settings.items()}


def _filled(value: object, where: str) -> object:
    if isinstance(value, dict):
        return {key: _filled(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, where) for inner in value]
    if not isinstance(value, str):
        return value
    for variable in _SECRET.findall(value):
        if variable not in os.environ:
            raise ConfigError(f"{where}: the environment variable {variable} is not set")
    return _SECRET.sub(lambda found: os.environ[found[1]], value)


def absolute(place: str) -> str:
    """Return `place` as a URI or an absolute path."""
    return place if "://" in place else str(Path(place).absolute())


def absolute_file(url: str) -> str:
    """Return `url` with the absolute path of its file if it is SQLite's."""
    prefix = "jdbc:sqlite:"
    return prefix + absolute(url.removeprefix(prefix)) if url.startswith(prefix) else url
